"""Matplotlib, Graphviz and LaTeX draw what they should, and fail in words that help."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from pipelines.services.rendering.graphviz import GraphvizRenderer
from pipelines.services.rendering.latex import LatexRenderer, as_document, split_pages
from pipelines.services.rendering.matplotlib_code import MatplotlibRenderer
from pipelines.services.rendering.one_shot import first_png, last_words
from pipelines.services.rendering.png_size import png_size
from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture, Renderer
from schemas.errors import MissingPart
from schemas.judgment import Reject
from tests.conftest import missing

CONFIG = RenderConfig()


def opened(make: Callable[[RenderConfig], Renderer]) -> Renderer:
    try:
        return make(CONFIG)
    except MissingPart as error:
        missing(str(error))


@pytest.fixture(scope="module")
def matplotlib() -> Renderer:
    return opened(MatplotlibRenderer)


@pytest.fixture(scope="module")
def graphviz() -> Renderer:
    return opened(GraphvizRenderer)


@pytest.fixture(scope="module")
def latex() -> Renderer:
    return opened(LatexRenderer)


def drawn(renderer: Renderer, source: str, files: dict[str, bytes] | None = None) -> Image.Image:
    """The picture, decoded; its sides are those that were said, and it is not blank."""
    picture = renderer.render(source, files)
    assert isinstance(picture, RenderedPicture), picture
    image = Image.open(io.BytesIO(picture.png))
    assert image.size == (picture.width, picture.height) == png_size(picture.png)
    assert len(set(image.convert("L").resize((64, 64)).tobytes())) > 1
    return image


def refused(renderer: Renderer, source: str) -> Reject:
    done = renderer.render(source)
    assert isinstance(done, Reject)
    assert "/usr" not in done.detail
    assert "/scratch" not in done.detail
    return done


PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.title('Sales')\n"


@pytest.mark.parametrize(
    "ending",
    [
        "",
        "plt.show()",
        "plt.savefig('chart.png', dpi=300)\nplt.close()",
        "plt.savefig('/nowhere/chart.pdf')\nplt.close('all')",
        "plt.switch_backend('TkAgg')\nplt.show(block=True)",
        "raise SystemExit(0)",
    ],
)
def test_code_may_end_as_it_likes(matplotlib: Renderer, ending: str) -> None:
    assert drawn(matplotlib, PLOT + ending).width > 300


def test_figures_without_pyplot_and_several_figures(matplotlib: Renderer) -> None:
    bare = (
        "from matplotlib.figure import Figure\nf = Figure()\nf.gca().plot([1, 2])\nf.savefig('x')"
    )
    one = drawn(matplotlib, bare)
    both = drawn(matplotlib, PLOT + "plt.figure()\nplt.bar([1, 2], [3, 4])")
    assert both.height > 1.8 * one.height


def test_code_sees_files_that_were_given(matplotlib: Renderer) -> None:
    code = "import csv, matplotlib.pyplot as plt\nrows = list(csv.reader(open('data.csv')))\n"
    code += "plt.bar([r[0] for r in rows], [float(r[1]) for r in rows])"
    drawn(matplotlib, code, {"data.csv": b"a,1\nb,2\n"})


@pytest.mark.parametrize(
    "code",
    [
        "import matplotlib.pyplot as plt\nplt.figure(figsize=(1000, 5))\nplt.plot([1])\n",
        "import matplotlib.pyplot as plt\nplt.text(1e6, 0, 'far away')\n",
        "import matplotlib.pyplot as plt\n"
        "f = plt.figure(figsize=(1000, 1000))\ntry: f.canvas.draw()\nexcept BaseException: pass\n",
    ],
)
def test_a_figure_of_100_000_pixels_is_too_large(matplotlib: Renderer, code: str) -> None:
    assert refused(matplotlib, code).reason == "render_too_large"


def test_errors_of_code_name_its_own_lines(matplotlib: Renderer) -> None:
    error = refused(matplotlib, PLOT + "def f():\n    plt.plot([1, 2], [1])\nf()\n")
    assert error.reason == "render_failed"
    assert 'File "source.py", line 5, in f' in error.detail
    assert error.detail.endswith("but have shapes (2,) and (1,)")
    assert "SyntaxError" in refused(matplotlib, "x = (").detail
    assert "No module named 'nosuch'" in refused(matplotlib, "import nosuch").detail
    assert refused(matplotlib, "x = 1").detail == "the code made no figure"


def test_code_that_hoards_or_loops_is_ended() -> None:
    limits = replace(CONFIG.limits, memory=300 * 2**20, cpu_s=3.0)
    renderer = MatplotlibRenderer(replace(CONFIG, limits=limits))
    assert refused(renderer, "x = bytearray(10**10)").reason == "render_memory"
    assert refused(renderer, "while True: pass").reason == "render_timeout"


FOREIGN = ("btree", "cluster", "cluster_edge", "colors", "fsm", "g_c_n", "process", "structs")


@pytest.mark.parametrize("name", [*FOREIGN, "traffic_lights", "unix"])
def test_graphs_of_others_are_drawn(graphviz: Renderer, test_data: Path, name: str) -> None:
    source = (test_data / "charts/graphviz/dot" / f"{name}.gv").read_text(encoding="utf-8")
    assert drawn(graphviz, source).width > 50


def test_graphs_say_what_is_wrong(graphviz: Renderer) -> None:
    error = refused(graphviz, "digraph {\n a -> -> b }")
    assert error == Reject("render_failed", "Error: source.gv: syntax error in line 2 near '->'")


def test_graphs_show_pictures_that_lie_beside_them_alone(graphviz: Renderer) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (90, 60), (250, 10, 10)).save(buffer, "PNG")
    source = 'digraph { a [image="%s", label="", shape=none] }'
    with_it = drawn(graphviz, source % "red.png", {"red.png": buffer.getvalue()}).convert("RGB")
    assert (250, 10, 10) in [colour for _, colour in with_it.getcolors(2**20) or []]
    for path in ("/etc/passwd", "/usr/share/pixmaps/debian-logo.png", "../etc/passwd.png"):
        done = graphviz.render(source % path)
        assert isinstance(done, Reject) or "image" in done.said


@pytest.mark.parametrize(
    "graph",
    [
        "digraph { a [width=3000] }",
        'digraph { size="5000,5000!"; a -> b }',
        "digraph { rankdir=LR; " + "->".join(f"n{i}" for i in range(300)) + " }",
    ],
)
def test_a_giant_graph_is_too_large(graphviz: Renderer, graph: str) -> None:
    assert refused(graphviz, graph).reason == "render_too_large"


TABLE = r"""\begin{tabular}{lr}\toprule City & People \\ \midrule
Bonn & 331\,885 \\ \multirow{2}{*}{Köln} & 1\,073\,096 \\ & 5 \\ \bottomrule\end{tabular}"""
DIAGRAM = r"""\documentclass[tikz,border=4pt]{standalone}\usetikzlibrary{arrows.meta,positioning}
\begin{document}\begin{tikzpicture}\node[draw] (a) {A}; \node[draw,right=of a] (b) {B};
\draw[-Stealth] (a) -- (b);\end{tikzpicture}\end{document}"""
CHART = r"""\begin{tikzpicture}\begin{axis}[ybar,symbolic x coords={a,b}]
\addplot coordinates {(a,1) (b,3)};\end{axis}\end{tikzpicture}"""
DOCUMENT = r"""\documentclass[11pt]{article}\usepackage[utf8]{inputenc}\usepackage[T1]{fontenc}
\usepackage{amsmath,enumitem,hyperref,xcolor,tcolorbox}\title{Report}\author{Nobody}
\begin{document}\maketitle\tableofcontents\section{First}See \ref{one}, 20\,\textdegree{} C.
\begin{equation}\label{one}\int_0^1 x^2\,dx\end{equation}
\begin{tcolorbox}Box\end{tcolorbox}\begin{itemize}\item \textsc{caps} \texttt{code}\end{itemize}
\newpage\section{Second}\today\end{document}"""


@pytest.mark.parametrize("source", [TABLE, DIAGRAM, CHART], ids=["table", "diagram", "chart"])
def test_latex_is_cropped(latex: Renderer, source: str) -> None:
    image = drawn(latex, source)
    assert image.width < 900
    assert image.height < 700


@pytest.mark.slow
def test_a_document_of_two_pages_is_tall_or_the_first(latex: Renderer) -> None:
    tall = drawn(latex, DOCUMENT)
    assert drawn(LatexRenderer(CONFIG, pages="first"), DOCUMENT).height < tall.height


@pytest.mark.parametrize(
    "source",
    [
        r"\immediate\write18{id > loot.tex}\input{loot.tex}",
        r"\input{|id}",
        r"\input{/etc/passwd}",
        r"\input{../../etc/passwd}",
        r"\usepackage{verbatim}\verbatiminput{/etc/hostname}",
        r"\newread\f\openin\f=/etc/passwd \ifeof\f\errmessage{no such file}\fi",
        r"\newwrite\f\immediate\openout\f=/usr/share/x.tex",
        r"\includegraphics{/etc/passwd}",
    ],
)
def test_latex_reads_and_runs_nothing(latex: Renderer, source: str) -> None:
    assert refused(latex, source).reason == "render_failed"


def test_latex_cannot_be_told_to_run_programs(latex: Renderer) -> None:
    source = r"\immediate\write18{cp pixmo-begin.tex loot.tex}\IfFileExists{loot.tex}{\bad}{Safe}"
    drawn(latex, source)


def test_errors_of_latex_name_the_line(latex: Renderer) -> None:
    bad = "\\documentclass{article}\n\\begin{document}\nText \\nosuch{} here\n\\end{document}"
    error = refused(latex, bad)
    assert error == Reject(
        "render_failed", "line 3: Undefined control sequence.\nl.3 Text \\nosuch"
    )
    lost = refused(latex, "\\documentclass{article}\n\\usepackage{nosuch}\n\\begin{document}")
    assert lost.detail.startswith("line 3: LaTeX Error: File `nosuch.sty' not found.")
    fragment = refused(latex, "One\n\n\\nosuch\n")
    assert fragment.detail.startswith("line 3: Undefined control sequence.")


def test_latex_for_ever_and_giant_pages() -> None:
    limits = replace(CONFIG.limits, cpu_s=1.0)
    latex = opened(lambda config: LatexRenderer(replace(config, limits=limits)))
    assert refused(latex, r"\def\x{\x}\x").reason == "render_timeout"
    giant = r"\documentclass{article}\usepackage[paperwidth=200in,paperheight=5in]{geometry}"
    error = refused(latex, giant + r"\begin{document}x\end{document}")
    assert error == Reject(
        "render_too_large", "a page is 30000 x 750 pixels, more than 4096 on a side"
    )


def test_a_fragment_keeps_its_line_numbers() -> None:
    lines = as_document("one\n\\usepackage{tikz}\nthree").splitlines()
    assert lines[0].endswith("one")
    assert lines[2] == "three"
    assert as_document(DIAGRAM) == DIAGRAM


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "source"),
    [(MatplotlibRenderer, PLOT), (GraphvizRenderer, "digraph { a -> b }"), (LatexRenderer, TABLE)],
)
def test_the_same_source_gives_the_same_bytes(
    make: Callable[[RenderConfig], Renderer], source: str
) -> None:
    first, second = opened(make), opened(make)
    assert first.render(source) == second.render(source)
    assert first.version() == second.version()
    assert any(letter.isdigit() for letter in first.version())
    large = opened(lambda config: make(replace(config, scale=2.0))).render(source)
    small = first.render(source)
    assert isinstance(large, RenderedPicture)
    assert isinstance(small, RenderedPicture)
    assert large.width > 1.8 * small.width
    first.close()
    first.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "source"),
    [(MatplotlibRenderer, PLOT), (GraphvizRenderer, "digraph { a -> b }"), (LatexRenderer, TABLE)],
)
def test_without_a_sandbox_the_picture_is_the_same(
    make: Callable[[RenderConfig], Renderer], source: str
) -> None:
    plain = opened(lambda config: make(replace(config, run_untrusted_code_without_sandbox=True)))
    inside, outside = opened(make).render(source), plain.render(source)
    assert isinstance(inside, RenderedPicture)
    assert isinstance(outside, RenderedPicture)
    assert outside.png == inside.png


@pytest.mark.parametrize(
    ("make", "package"), [(GraphvizRenderer, "graphviz"), (LatexRenderer, "texlive-latex-base")]
)
def test_a_missing_tool_names_its_package(
    make: Callable[[RenderConfig], Renderer], package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingPart, match=f"apt-get install {package}"):
        make(CONFIG)


def test_words_of_tools_lose_their_folders() -> None:
    log = "x\n" * 50 + "/home/someone/project/source.py:3: bad\nsee https://example.org/a/b\n"
    assert "source.py:3: bad" in last_words(log)
    assert "someone" not in last_words(log)
    assert "https://example.org/a/b" in last_words(log)
    assert len(last_words(log).splitlines()) == 15


def test_the_first_of_several_pictures_is_taken_if_it_is_whole() -> None:
    def png(side: int) -> bytes:
        buffer = io.BytesIO()
        Image.new("L", (side, 1)).save(buffer, "PNG")
        return buffer.getvalue()

    assert first_png(png(3) + png(5)) == png(3)
    assert first_png(png(3)[:-1]) == b""
    assert first_png(b"") == b""


def test_pages_one_after_the_other_are_told_apart() -> None:
    page = b"P6\n2 1\n255\n" + b"P6\n2 1"
    assert [one.size for one in split_pages(page * 3)] == [(2, 1)] * 3
    assert len(split_pages(page + page[:-1])) == 1
    assert split_pages(b"P6\n999999 999999\n255\n") == []
    assert split_pages(b"no picture") == []
