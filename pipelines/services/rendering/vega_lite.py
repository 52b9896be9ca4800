"""Vega-Lite: a JSON specification in, a chart out, drawn by vl-convert in a warm sandboxed process.

Nothing is fetched: data that a specification names by URL come from the files given with it, and
any other URL is refused before the tool sees it.
"""

import dataclasses
import importlib.util
import json
import math
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines.services.rendering.line_worker import LineWorker
from pipelines.services.rendering.one_shot import as_picture, too_large
from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture
from pipelines.services.rendering.tool_page import short
from pipelines.services.sandbox.long_lived import SandboxedProcess, open_in_sandbox
from pipelines.services.sandbox.problem import require_sandbox
from pipelines.services.sandbox.runtimes import inside_python, python_runtime
from schemas.errors import MissingPart
from schemas.judgment import Reject

_WORKER = "vega_worker.py"
_THREADS = 512
_TEXT_FORMATS = ("csv", "tsv", "dsv")
_MODULE_ADDRESS = re.compile(r"\s*\(https?://\S+\)")


class VegaLite:
    """The renderer of Vega-Lite; see `Renderer`. MissingPart without `vl-convert-python`."""

    tool = "vega-lite"

    def __init__(self, config: RenderConfig) -> None:
        if importlib.util.find_spec("vl_convert") is None:
            raise MissingPart("vl-convert-python is not installed: pip install 'pixmo[docs]'")
        if not config.run_untrusted_code_without_sandbox:
            require_sandbox()
        self._config = config
        limits = config.limits
        self._worker = LineWorker(self._start, limits.wall_s, limits.output)

    def version(self) -> str:
        """The version of vl-convert, which fixes those of Vega and Vega-Lite."""
        return f"vl-convert {version('vl-convert-python')}"

    def render(
        self, source: str, files: Mapping[str, bytes] | None = None
    ) -> RenderedPicture | Reject:
        """The chart as a picture; `data.url` names one of the files."""
        spec = read_spec(source, files or {})
        if isinstance(spec, Reject):
            return spec
        config = self._config
        asked = {"spec": spec, "scale": config.scale, "max_side": config.max_side}
        answer = self._worker.ask(asked)
        if isinstance(answer, Reject):
            return answer
        head, png = answer
        if "png" in head:
            return as_picture(png, "", config)
        if "large" in head:
            return Reject("render_too_large", _sides(head["large"], config))
        return Reject("render_failed", short(_MODULE_ADDRESS.sub("", str(head.get("error")))))

    def close(self) -> None:
        """End the process."""
        self._worker.end()

    def _start(self) -> SandboxedProcess:
        limits = self._config.limits
        runtime = dataclasses.replace(python_runtime(), proc=True, huge_address_space=True)
        return open_in_sandbox(
            [inside_python(), _WORKER],
            [runtime],
            dataclasses.replace(limits, cpu_s=math.inf, processes=max(limits.processes, _THREADS)),
            files={_WORKER: Path(__file__).with_name(_WORKER).read_bytes()},
            sandboxed=not self._config.run_untrusted_code_without_sandbox,
        )


def _sides(sides: Any, config: RenderConfig) -> str:
    width, height = sides if isinstance(sides, list) and len(sides) == 2 else (0, 0)
    return too_large(float(width), float(height), config)


class _Refused(Exception):
    """The specification names what is not there."""


def read_spec(source: str, files: Mapping[str, bytes]) -> dict[str, Any] | Reject:
    """A specification with the files it names put in, or why it is none."""
    try:
        spec = json.loads(source)
        if not isinstance(spec, dict):
            return Reject("render_failed", "a specification is a JSON object")
        inlined: dict[str, Any] = _inlined(spec, files)
        return inlined
    except _Refused as error:
        return Reject("render_failed", str(error))
    except (ValueError, RecursionError) as error:
        return Reject("render_failed", f"the specification is not JSON: {error}"[:300])


def _inlined(value: Any, files: Mapping[str, bytes]) -> Any:
    if isinstance(value, list):
        return [_inlined(one, files) for one in value]
    if not isinstance(value, dict):
        return value
    inside = {name: _inlined(one, files) for name, one in value.items() if name != "data"}
    if "data" in value:
        data = value["data"]
        named = isinstance(data, dict) and isinstance(data.get("url"), str)
        inside["data"] = _data_of(data, files) if named else _inlined(data, files)
    return inside


def _data_of(data: dict[str, Any], files: Mapping[str, bytes]) -> dict[str, Any]:
    """A data source with the file's values in place of its URL."""
    url = data["url"]
    name = url if url in files else url.rpartition("/")[2]
    if "://" in url or name not in files:
        raise _Refused(f"data.url {url!r} is not loaded; write the data into the specification")
    described = data.get("format")
    described = dict(described) if isinstance(described, dict) else {}
    described.setdefault("type", Path(name).suffix.removeprefix(".").lower() or "json")
    text = files[name].decode("utf-8", errors="replace")
    in_text = described["type"] in _TEXT_FORMATS
    try:
        values = text if in_text else json.loads(text)
    except ValueError as error:
        raise _Refused(f"the file {name!r} is not JSON: {error}") from error
    rest = {key: one for key, one in data.items() if key != "url"}
    return {**rest, "values": values, "format": described}
