"""LaTeX: a document or a fragment to a picture, by pdflatex and poppler's pdftoppm.

A fragment gets a preamble with the usual packages. White around the pages is cut off; several pages
are put one below the other, or the first alone is taken.
"""

import functools
import io
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from PIL import Image, ImageChops

from pipelines.services.rendering.one_shot import (
    Tool,
    as_picture,
    last_words,
    require_tool,
    run_tool,
    too_large,
)
from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture
from pipelines.services.sandbox.runtimes import Runtime
from pipelines.services.sandbox.single_run import STDOUT
from schemas.errors import MissingPart
from schemas.judgment import Reject

_SOURCE = "source.tex"
_DPI = 150.0
_MARGIN_IN = 0.15
_MOST_PAGES = 8
# Pages may hold so many times the pixels of the largest picture, since white is cut off.
_SHEETS = 2
_PPM = re.compile(rb"P6\s(\d{1,6})\s(\d{1,6})\s255\s")
_PACKAGES = (
    "texlive-latex-base texlive-latex-recommended texlive-latex-extra texlive-pictures "
    "texlive-fonts-recommended lmodern"
)
_STYLES = ("standalone.cls", "pgfplots.sty", "booktabs.sty", "lmodern.sty")
# 1 January 2025, for \today and the dates in files.
_DATE = "1735689600"
_RUNTIME = Runtime(
    mounts=tuple(
        (folder, folder) for folder in ("/var/lib/texmf", "/etc/texmf", "/etc/alternatives")
    ),
    environment=(
        *(("SOURCE_DATE_EPOCH", _DATE), ("FORCE_SOURCE_DATE", "1"), ("max_print_line", "1000")),
        *(("openin_any", "p"), ("openout_any", "p"), ("shell_escape", "f")),
        *(("MKTEXPK", "0"), ("MKTEXTFM", "0"), ("MKTEXMF", "0"), ("TEXMFVAR", ".")),
    ),
)
# $1 dots per inch, $2 the most pixels of a side, $3 the most pages
_SCRIPT = """
name=source
tex() {
    pdflatex -jobname=$name -no-shell-escape -interaction=nonstopmode -halt-on-error \\
        -file-line-error pixmo-begin.tex >&2
}
tex || exit $?
if grep -q 'Rerun to get\\|Rerun LaTeX\\|No file source.toc' $name.log; then tex || exit $?; fi
pdfinfo -l "$3" $name.pdf | awk -v dpi="$1" -v most="$2" '
    /^Page .*size:/ { for (i = 1; i < NF; i++) if ($i == "size:") { w = $(i+1); h = $(i+3) }
        if (w * dpi / 72 > most || h * dpi / 72 > most) {
            printf "a page is %d x %d pixels, more than %d on a side\\n", \\
                w * dpi / 72, h * dpi / 72, most; exit 90 } }' >&2 || exit 90
pdftoppm -r "$1" -l "$3" $name.pdf
"""
# Computer Modern is there in few sizes as outlines, Latin Modern, its successor, in all.
_BEGIN = rb"""\def\pixmoswap#1#2#3{\edef\pixmohas{#1}\def\pixmowant{#2}%
  \ifx\pixmohas\pixmowant\def#1{#3}\fi}
\AddToHook{begindocument/before}{\pixmoswap\rmdefault{cmr}{lmr}%
  \pixmoswap\sfdefault{cmss}{lmss}\pixmoswap\ttdefault{cmtt}{lmtt}}
\input{source.tex}
"""
# A missing file has no number in front; the line that follows has.
_ERROR = re.compile(r"^(?:(?:\./)?source\.tex:\d+: |! ?)(.*)$", re.MULTILINE)
_LINE = re.compile(r"^l\.(\d+) .*$", re.MULTILINE)
_TO_PREAMBLE = re.compile(r"^\s*\\(?:usepackage|usetikzlibrary|pgfplotsset)\b.*$", re.MULTILINE)
_PREAMBLE = (
    r"\documentclass[10pt]{article}\usepackage[T1]{fontenc}\usepackage{lmodern}"
    r"\usepackage{amsmath,amssymb,array,booktabs,multirow,tabularx,longtable,makecell,colortbl}"
    r"\usepackage{graphicx,float,enumitem}\usepackage[margin=2cm]{geometry}\pagestyle{empty}"
)
# Slow to load, so only where something asks for them.
_DRAWING = r"\usepackage{tikz,pgfplots}\pgfplotsset{compat=1.18}"
_DRAWS = re.compile(r"tikz|pgf|\\begin\{axis\}|\\addplot")


class LatexRenderer:
    """Renders LaTeX; two or three processes per picture, all in one sandbox."""

    tool = "latex"

    def __init__(self, config: RenderConfig, pages: Literal["first", "tall"] = "tall") -> None:
        require_tool("pdflatex", _PACKAGES, config)
        require_tool("pdftoppm", "poppler-utils", config)
        _require_styles()
        self._config = config
        self._pages = 1 if pages == "first" else _MOST_PAGES

    def version(self) -> str:
        """For example `pdfTeX 3.141592653-2.6-1.40.24, pdftoppm 22.12.0`."""
        return _version()

    def render(
        self, source: str, files: Mapping[str, bytes] | None = None
    ) -> RenderedPicture | Reject:
        """The pages at 150 dots per inch times `scale`, white cut off around them."""
        config, dpi = self._config, _DPI * self._config.scale
        sizes = [f"{dpi:g}", str(config.max_side), str(self._pages)]
        command = ["/bin/sh", "-c", _SCRIPT, "sh", *sizes]
        text = as_document(source).encode(errors="replace")
        given = {**(files or {}), "pixmo-begin.tex": _BEGIN, _SOURCE: text}
        # Pages come back uncompressed: compressing them twice takes longer than drawing them.
        limits = replace(config.limits, output=_SHEETS * 3 * config.max_side**2)
        tool = Tool(command, given, (_RUNTIME,), first_error, STDOUT, limits)
        done = run_tool(tool, config)
        if isinstance(done, Reject):
            return done
        pages = split_pages(done.output)
        sheet = _sheet(pages, round(_MARGIN_IN * dpi))
        if max(sheet.size) > config.max_side:
            return Reject("render_too_large", too_large(*sheet.size, config))
        buffer = io.BytesIO()
        sheet.save(buffer, "PNG")
        return as_picture(buffer.getvalue(), "", config)

    def close(self) -> None:
        """Nothing runs between two pictures."""


def as_document(source: str) -> str:
    """The source with a preamble before it if it has none; its lines keep their numbers."""
    if "\\documentclass" in source:
        return source
    loads = _DRAWING if _DRAWS.search(source) else ""
    loads += "".join(line.strip() for line in _TO_PREAMBLE.findall(source))
    body = (
        _TO_PREAMBLE.sub("%", source)
        .replace(r"\begin{document}", "")
        .replace(r"\end{document}", "")
    )
    return f"{_PREAMBLE}{loads}\\begin{{document}}{body}\n\\end{{document}}\n"


def split_pages(data: bytes) -> list[Image.Image]:
    """Pictures of the PPM format (netpbm's ppm(5)) that lie one after the other."""
    pages, at = [], 0
    while header := _PPM.match(data, at):
        width, height = int(header[1]), int(header[2])
        end = header.end() + 3 * width * height
        if end > len(data):
            break
        pages.append(Image.frombytes("RGB", (width, height), data[header.end() : end]))
        at = end
    return pages


def first_error(log: str) -> str:
    """The first error with its line, in place of the end of a long log."""
    found = _ERROR.search(log)
    if not found:
        return last_words(log, 4)
    line = _LINE.search(log, found.end())
    return last_words(f"line {line[1]}: {found[1]}\n{line[0]}" if line else found[1])


def _sheet(pages: Sequence[Image.Image], margin: int) -> Image.Image:
    """All pages below each other, with the white around what is drawn cut off."""
    grey = [page.convert("L") for page in pages]
    boxes = [ImageChops.invert(page).getbbox() for page in grey]
    drawn = [(page, box) for page, box in zip(pages, boxes, strict=True) if box]
    if not drawn:
        return pages[0].convert("RGB") if pages else Image.new("RGB", (1, 1), "white")
    left, right = min(box[0] for _, box in drawn), max(box[2] for _, box in drawn)
    height = sum(box[3] - box[1] for _, box in drawn) + margin * (len(drawn) + 1)
    sheet, top = Image.new("RGB", (right - left + 2 * margin, height), "white"), margin
    for page, box in drawn:
        sheet.paste(page.crop((left, box[1], right, box[3])), (margin, top))
        top += box[3] - box[1] + margin
    return sheet


@functools.cache
def _require_styles() -> None:
    for style in _STYLES:
        done = subprocess.run(["kpsewhich", style], capture_output=True, check=False, timeout=60)
        if done.returncode != 0 or not Path("/var/lib/texmf").is_dir():
            raise MissingPart(f"LaTeX has no {style}: apt-get install {_PACKAGES}")


@functools.cache
def _version() -> str:
    tex = subprocess.run(["pdflatex", "--version"], capture_output=True, text=True, check=True)
    ppm = subprocess.run(["pdftoppm", "-v"], capture_output=True, text=True, check=True)
    found = re.search(r"version ([0-9.]+)", ppm.stderr)
    return f"{tex.stdout.splitlines()[0].split(' (')[0]}, pdftoppm {found[1] if found else ''}"
