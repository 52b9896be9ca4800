"""How far a campaign is: what Label Studio counts, joined with what the store knows of the work."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from annotation.annotators import load_annotators
from annotation.campaign import ask_studio, load_campaign
from annotation.home import Home
from annotation.kinds import KINDS
from annotation.pull.pull import Puller
from annotation.quality.answers import NAMES
from annotation.quality.facts import Facts, ProjectFacts, facts_of
from annotation.quality.stored_work import known_answers, stored_work
from annotation.registry import Project, load_projects
from schemas.errors import StageError, UsageError
from schemas.store import Store


@dataclass(frozen=True)
class Counts:
    """What Label Studio counts in a project; `newer` is what `pull` has not brought yet."""

    tasks: int
    wanted: int
    done: int
    open: int
    newer: int


@dataclass(frozen=True)
class Opened:
    """Tasks of one person in Label Studio: submitted, skipped, and begun without submitting."""

    submitted: int
    skipped: int
    begun: int

    @property
    def assigned(self) -> int:
        """Tasks that Label Studio gave to this person."""
        return self.submitted + self.skipped + self.begun


@dataclass(frozen=True)
class Person:
    """One annotator of a project; `opened` is None where Label Studio does not run."""

    annotator_id: str
    opened: Opened | None
    facts: Facts | None


@dataclass(frozen=True)
class ProjectStatus:
    """One project; `counts` is None where Label Studio did not answer, and `silent` says why."""

    kind: str
    project_id: int
    counts: Counts | None
    silent: str
    facts: ProjectFacts
    people: tuple[Person, ...]


@dataclass(frozen=True)
class CampaignStatus:
    """All projects. `names` are those behind pseudonyms: for the coordinator's eyes alone."""

    store: str
    url: str
    projects: tuple[ProjectStatus, ...]
    names: dict[str, str]


def campaign_status(home: Home, store: str | None) -> CampaignStatus:
    """The state of a campaign; UsageError where there is none, or it is another store's."""
    campaign = load_campaign(home, store)
    projects = load_projects(home)
    puller = Puller(home, campaign, Store(campaign.store))
    found = tuple(_project(puller, projects[kind]) for kind in KINDS if kind in projects)
    names = {one.pseudonym: one.name for one in load_annotators(home).values()}
    return CampaignStatus(campaign.store, campaign.studio.url, found, names)


def _project(puller: Puller, project: Project) -> ProjectStatus:
    known = known_answers(puller.home, project.kind)
    work = stored_work(puller.store, KINDS[project.kind], known)
    facts = facts_of(project.kind, work.judged, work.refused, known)
    counted, silent = _ask(puller, project)
    opened = {
        puller.pseudonym(row["user"]): Opened(row["submitted"], row["skipped"], row["begun"])
        for row in counted.get("people", [])
    }
    nobody = Opened(0, 0, 0) if counted else None
    people = tuple(
        Person(name, opened.get(name, nobody), facts.people.get(name))
        for name in sorted({*opened, *facts.people})
    )
    names = ("tasks", "wanted", "done", "open", "newer")
    counts = Counts(*(int(counted[name]) for name in names)) if counted else None
    return ProjectStatus(project.kind, project.project_id, counts, silent, facts, people)


def _ask(puller: Puller, project: Project) -> tuple[dict[str, Any], str]:
    """What Label Studio counts, or why it does not answer."""
    ask = partial(ask_studio, puller.home, puller.campaign, "/pixmo/progress")
    try:
        counted = ask(project=project.project_id)
        cursor = puller.remembered(str(counted["created_at"])).get("cursor")
        return (ask(project=project.project_id, after=cursor) if cursor else counted), ""
    except (UsageError, StageError) as error:
        return {}, str(error)


def plain_status(status: CampaignStatus) -> dict[str, Any]:
    """For other programs: everything but names."""
    return {
        "store": status.store,
        "studio": status.url,
        "projects": [_plain_project(project) for project in status.projects],
    }


def _plain_project(project: ProjectStatus) -> dict[str, Any]:
    facts = project.facts
    return {
        "kind": project.kind,
        "project": project.project_id,
        "counts": asdict(project.counts) if project.counts else None,
        "silent": project.silent,
        "agreement_is": NAMES.get(project.kind),
        "alpha": facts.alpha,
        "within_one": facts.within_one,
        "reasons": facts.reasons,
        "everyone": asdict(facts.everyone),
        "annotators": [asdict(person) for person in project.people],
    }
