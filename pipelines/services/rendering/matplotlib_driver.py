"""Runs in the sandbox, around hostile Python code that draws: saves its figures, whatever it does.

    python matplotlib_driver.py SOURCE OUTPUT MAX_SIDE DPI

Calls of `savefig` with a path are only noted, `show` and the choice of a backend do nothing, and a
figure over MAX_SIDE pixels ends the run before memory is taken for it. The code may undo all of
this; then it harms its own picture, and the sandbox holds.
"""

import contextlib
import io
import os
import random
import sys
import traceback
from typing import Any, NoReturn

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_TOO_LARGE_STATUS, _MEMORY_STATUS = 90, 91
_MOST_FIGURES = 8


class _Seen:
    """Figures that the code saved or closed, the last of each."""

    saved: Figure | None = None
    closed: Figure | None = None


def main() -> None:
    """Run the code, then write its figures as one picture."""
    source, output, max_side, dpi = sys.argv[1:5]
    _guard_sizes(int(max_side))
    plt.switch_backend("Agg")
    _guard_calls()
    plt.rcParams["figure.dpi"] = float(dpi)
    plt.rcParams["savefig.dpi"] = "figure"
    random.seed(0)
    np.random.seed(0)
    sys.argv = [source]
    _run(source)
    pictures = [_png(figure) for figure in _figures()]
    with open(output, "wb") as file:
        file.write(pictures[0] if len(pictures) == 1 else _stacked(pictures, int(max_side)))


def _run(source: str) -> None:
    with open(source, encoding="utf-8") as file:
        text = file.read()
    space = {"__name__": "__main__", "__file__": source}
    try:
        exec(compile(text, source, "exec"), space)
    except SystemExit as error:
        if error.code not in (None, 0):
            _fail(f"the code ended itself: {error.code}")
    except MemoryError:
        _fail("MemoryError: the code asked for more memory than it may have", _MEMORY_STATUS)
    except BaseException as error:  # noqa: BLE001 - hostile code raises what it likes
        _fail(_short(error, source))


def _short(error: BaseException, source: str) -> str:
    """The code's own lines of the traceback, and the error."""
    summary = traceback.TracebackException.from_exception(error, compact=True)
    own = [frame for frame in summary.stack if frame.filename == source]
    summary.stack = traceback.StackSummary.from_list(own)
    return "".join(summary.format(chain=False))


def _guard_sizes(max_side: int) -> None:
    """No picture in memory is made for a figure that is too large."""
    get_renderer = FigureCanvasAgg.get_renderer

    def guarded(self: FigureCanvasAgg) -> Any:
        width, height = self.figure.bbox.size
        if not (width <= max_side and height <= max_side):
            words = (
                f"the figure has {width:.0f}x{height:.0f} pixels, more than {max_side} on a side"
            )
            _fail(words, _TOO_LARGE_STATUS)
        return get_renderer(self)

    FigureCanvasAgg.get_renderer = guarded  # type: ignore[method-assign]


def _guard_calls() -> None:
    """Keep hold of figures that the code saves or closes."""
    close, savefig = plt.close, Figure.savefig

    def remembering_close(*args: Any) -> None:
        if plt.get_fignums():
            _Seen.closed = plt.gcf()
        close(*args)

    def noting_savefig(self: Figure, fname: Any, **options: Any) -> None:
        _Seen.saved = self
        if hasattr(fname, "write"):
            savefig(self, fname, **options)

    plt.close = remembering_close  # type: ignore[assignment]
    Figure.savefig = noting_savefig  # type: ignore[method-assign]
    Figure.show = lambda self, *args, **options: None  # type: ignore[method-assign]
    plt.show = lambda *args, **options: None
    plt.switch_backend = lambda *args, **options: None
    matplotlib.use = lambda *args, **options: None


def _figures() -> list[Figure]:
    """Open figures, else the one that was saved last, else the one that was closed last."""
    if numbers := plt.get_fignums()[:_MOST_FIGURES]:
        return [plt.figure(number) for number in numbers]
    last = _Seen.saved or _Seen.closed
    return [last] if last is not None else _fail("the code made no figure")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    if not isinstance(figure.canvas, FigureCanvasAgg):
        FigureCanvasAgg(figure)
    try:
        figure.canvas.print_figure(
            buffer, format="png", bbox_inches="tight", pad_inches=0.1, metadata={"Software": None}
        )
    except MemoryError:
        _fail("MemoryError: the figure needs more memory than it may have", _MEMORY_STATUS)
    except Exception as error:  # noqa: BLE001 - so do its artists
        _fail(f"the figure cannot be drawn: {type(error).__name__}: {error}")
    return buffer.getvalue()


def _stacked(pictures: list[bytes], max_side: int) -> bytes:
    """Several pictures one below the other, on white."""
    from PIL import Image

    opened = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    width, height = max(one.width for one in opened), sum(one.height for one in opened)
    if height > max_side:
        words = f"{len(opened)} figures are {width}x{height} pixels, more than {max_side} on a side"
        _fail(words, _TOO_LARGE_STATUS)
    sheet, top = Image.new("RGB", (width, height), "white"), 0
    for one in opened:
        sheet.paste(one, ((width - one.width) // 2, top))
        top += one.height
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def _fail(words: str, status: int = 1) -> NoReturn:
    """End at once, whatever the code around would catch."""
    with contextlib.suppress(OSError):
        os.write(2, f"\n{words.strip()}\n".encode())
    os._exit(status)


if __name__ == "__main__":
    main()
