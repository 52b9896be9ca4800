"""Which project of Label Studio belongs to which kind, and which guidelines it showed when."""

from dataclasses import asdict, dataclass, field
from typing import Any

from annotation.home import Home, read_json, write_json


@dataclass(frozen=True)
class Project:
    """`guidelines` are (version, ISO time since when it is shown), oldest first; `settings` are
    what `push` was given and `pull` has to know (overlap, shortest recording)."""

    kind: str
    project_id: int
    guidelines: tuple[tuple[str, str], ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)

    def guideline_at(self, when: str) -> str:
        """The version that was shown at an ISO time; the first one for anything before it."""
        shown = [version for version, since in self.guidelines if since <= when]
        return shown[-1] if shown else (self.guidelines[0][0] if self.guidelines else "")


def load_projects(home: Home) -> dict[str, Project]:
    """All projects by kind."""
    found = {}
    for kind, values in read_json(home.projects).items():
        guidelines = tuple((version, since) for version, since in values["guidelines"])
        found[kind] = Project(kind, values["project_id"], guidelines, values["settings"])
    return found


def save_project(home: Home, project: Project) -> None:
    """Add or change one project."""
    kept = {kind: asdict(one) for kind, one in load_projects(home).items()}
    write_json(home.projects, kept | {project.kind: asdict(project)})
