"""The kinds of projects: one line each, from the name that is typed to the table that is filled."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Kind:
    """One kind of work.

    `guideline` is the name and version of the text that annotators see now; older versions stay in
    `guidelines/`. `table` is where `pull` brings what they did. `interactive` projects have the
    text model behind them. `wants` is the table (or file) that tasks are made from.
    """

    name: str
    title: str
    guideline: str
    table: str
    wants: str
    interactive: bool = False

    @property
    def label_config(self) -> str:
        """The labeling page as Label Studio's XML."""
        return (FOLDER / "configs" / f"{self.name}.xml").read_text(encoding="utf-8")

    @property
    def guideline_text(self) -> str:
        """What annotators are told, as Markdown."""
        return (FOLDER / "guidelines" / f"{self.guideline}.md").read_text(encoding="utf-8")


def _judged(name: str, title: str, wants: str, interactive: bool = False) -> Kind:
    return Kind(name, title, f"{name}_v1", f"annotations/{name}", wants, interactive)


_ALL = (
    Kind("cap", "Describe aloud", "cap_v1", "recordings", "images"),
    _judged("transcript_review", "Correct transcripts", "transcripts"),
    _judged("points", "Point at things", "images"),
    _judged("ask_model_anything", "Ask anything", "captions", interactive=True),
    _judged("point_explanations", "Explain with points", "captions", interactive=True),
    _judged("count", "Check counts", "count"),
    _judged("preference", "Compare answers", "a file of answers"),
)
KINDS = {kind.name: kind for kind in _ALL}
