"""The picture of a leaderboard: one line per model, its rating and the interval around it."""

import io
from typing import TYPE_CHECKING, Any

from annotation.ratings.leaderboard import Leaderboard
from schemas.errors import MissingPart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("svg", "png")
_INCH_PER_MODEL = 0.3
_STYLE: Any = {
    "svg.hashsalt": "pixmo",
    "svg.fonttype": "none",
    "text.parse_math": False,  # a dollar sign in a model's name is no formula
    "font.size": 10.0,
}
_INK = "#1f4e79"


def draw(board: Leaderboard) -> dict[str, bytes]:
    """The plot as SVG and PNG files, by format; MissingPart without matplotlib.

    The same leaderboard gives the same SVG.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise MissingPart("the plot needs matplotlib: pip install 'pixmo[evaluate]'") from error
    with matplotlib.rc_context(_STYLE):
        figure = _figure(board)
        return {kind: _file(figure, kind) for kind in FORMATS}


def _file(figure: "Figure", kind: str) -> bytes:
    target = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else None
    figure.savefig(target, format=kind, dpi=150, metadata=metadata)
    return target.getvalue()


def _figure(board: Leaderboard) -> "Figure":
    from matplotlib.figure import Figure

    standings = board.standings
    figure = Figure(figsize=(8.0, 1.3 + _INCH_PER_MODEL * len(standings)), layout="constrained")
    axes = figure.add_subplot()
    for row, one in enumerate(standings):
        low = one.rating if one.low is None else one.low
        high = one.rating if one.high is None else one.high
        axes.plot([low, high], [row, row], color=_INK, linewidth=2, alpha=0.5)
        axes.plot([one.rating], [row], "o", color=_INK, markersize=5)
        axes.annotate(
            f"{one.rating:.0f}",
            (high, row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    axes.set_yticks(range(len(standings)), [one.model for one in standings])
    axes.set_ylim(len(standings) - 0.4, -0.6)
    axes.margins(x=0.08)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    interval = " with 95% intervals" if standings[0].low is not None else ""
    axes.set_xlabel(f"Elo rating{interval}, mean 1000")
    axes.set_title(f"{board.judgments - board.cannot_tell:,} judgments", loc="left", fontsize=10)
    return figure
