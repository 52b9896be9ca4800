"""Matplotlib: Python code that draws, with a small driver of ours around it and no screen."""

import functools
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path

from pipelines.services.rendering.one_shot import (
    OUTPUT,
    Tool,
    as_picture,
    require_tool,
    run_tool,
)
from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture
from pipelines.services.sandbox.runtimes import Runtime, inside_python, python_runtime
from schemas.errors import MissingPart, StageError
from schemas.judgment import Reject

_SOURCE = "source.py"
_DRIVER = "pixmo_driver.py"
_DPI = 100.0
_SETTINGS = Runtime(
    environment=(
        *(("MPLCONFIGDIR", "."), ("MPLBACKEND", "Agg")),
        *(("OPENBLAS_NUM_THREADS", "1"), ("OMP_NUM_THREADS", "1"), ("MKL_NUM_THREADS", "1")),
    )
)
# Matplotlib looks at every font of the system on its first start; that is done once for all.
_FONTS = f"""
import shutil
from matplotlib import font_manager as fonts
name = f"fontlist-v{{fonts.FontManager.__version__}}.json"
shutil.copy(name, {OUTPUT!r})
"""


class MatplotlibRenderer:
    """Renders Python code; one process per picture, of code that has all of Python."""

    tool = "matplotlib"

    def __init__(self, config: RenderConfig) -> None:
        _installed()
        require_tool("sh", "dash", config)
        self._config = config
        self._runtimes = (python_runtime(), _SETTINGS)

    def version(self) -> str:
        """For example `matplotlib 3.11.2`."""
        return f"matplotlib {_installed()}"

    def render(
        self, source: str, files: Mapping[str, bytes] | None = None
    ) -> RenderedPicture | Reject:
        """The figures that are open at the end, or the one saved or closed last."""
        config = self._config
        own = _own_files(self._runtimes, not config.run_untrusted_code_without_sandbox)
        given = {**(files or {}), **own, _SOURCE: source.encode(errors="replace")}
        sizes = [str(config.max_side), f"{_DPI * config.scale:g}"]
        command = [inside_python(), _DRIVER, _SOURCE, OUTPUT, *sizes]
        done = run_tool(Tool(command, given, self._runtimes), config)
        return done if isinstance(done, Reject) else as_picture(done.output, done.log, config)

    def close(self) -> None:
        """Nothing runs between two pictures."""


@functools.cache
def _own_files(runtimes: tuple[Runtime, ...], sandboxed: bool) -> dict[str, bytes]:
    """Our driver, and Matplotlib's list of the fonts that are seen in the sandbox."""
    driver = Path(__file__).with_name("matplotlib_driver.py").read_bytes()
    config = RenderConfig(run_untrusted_code_without_sandbox=not sandboxed)
    done = run_tool(Tool([inside_python(), "-c", _FONTS], {}, runtimes), config)
    if isinstance(done, Reject):
        raise StageError(f"Matplotlib cannot list its fonts: {done.reason}, {done.detail}")
    return {_DRIVER: driver, f"fontlist-v{json.loads(done.output)['_version']}.json": done.output}


@functools.cache
def _installed() -> str:
    try:
        return importlib.metadata.version("matplotlib")
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingPart("Matplotlib is not installed: pip install 'pixmo[docs]'") from error
