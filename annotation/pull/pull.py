"""Bringing new and changed annotations from Label Studio into the store, as rows of sources.

The choice worth knowing: the store itself remembers. What it holds is not added again, whatever was
asked for; the cursor in the campaign's folder only saves asking, and the queue of events only saves
waiting. So an interrupted pull, a lost cursor, lost events and a clock that was put back cost time
and no annotation: changes are asked for from a little before the last one, and numbers that exist
in Label Studio and not in the store, or the other way round, are looked at one by one.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from annotation.annotators import load_annotators
from annotation.campaign import Campaign, ask_studio
from annotation.credentials import load_credentials
from annotation.home import Home, read_json, write_json
from annotation.kinds import KINDS
from annotation.pull.event_queue import taken
from annotation.pull.fetch import Ask, StudioProject, cursor_of, earlier, now_text
from annotation.pull.items import (
    Context,
    Fetched,
    Item,
    items_of,
    question_of,
    recording_of,
    tombstone,
)
from annotation.pull.standing import KnownAnnotations, known_annotations
from annotation.pull.turn_log import TurnLog, read_turns
from annotation.registry import Project, load_projects
from annotation.sidecar.lines import read_lines
from pipelines.sources import Import, add_rows
from pipelines.steps.pseudonyms import pseudonym
from pipelines.steps.read_rows import InputRow
from schemas.ids import content_id
from schemas.store import Store

OVERLAP_S = 10.0  # longer than a transaction of Label Studio stays open
SPEECH = "sources/recordings"
_RECORDING = re.compile(r"[0-9a-f]{32}")


@dataclass
class Pulled:
    """What one pull brought of one kind.

    `changed` counts annotations that are new or say something else than before, `deleted` those
    that are gone, `rows` what was added to the table of sources.
    """

    kind: str
    table: str
    changed: int = 0
    deleted: int = 0
    rows: int = 0


@dataclass
class Puller:
    """One campaign and the store that it works on; `ask` is how Label Studio is asked."""

    home: Home
    campaign: Campaign
    store: Store
    rows_per_part: int = 1000
    ask: Ask | None = None

    def pull(self) -> list[Pulled]:
        """Everything new of every project; StageError when Label Studio goes away on the way."""
        projects = load_projects(self.home)
        with taken(self.home.events) as told:
            return [
                self.pull_kind(project, told.get(project.project_id, set()))
                for project in projects.values()
            ]

    def pull_kind(self, project: Project, told: Iterable[int] = ()) -> Pulled:
        """Everything new of one project; `told` are annotations that events named."""
        ask = self.ask or partial(ask_studio, self.home, self.campaign)
        drafts = project.kind == "transcript_review"
        studio = StudioProject(ask, project.project_id, drafts)
        one = _Project(self, project, studio, set(told))
        what = Import(
            f"project {project.project_id} of Label Studio",
            one.pulled.table,
            item_key,
            self.rows_per_part,
            duplicate="",
            rows=one.rows,
            origin=str(self.home.recordings) if project.kind == "cap" else "",
        )
        one.pulled.rows = add_rows(self.store, what)
        self._remember(one)
        return one.pulled

    def remembered(self, created_at: str) -> dict[str, Any]:
        """Cursor and numbers looked up before, of the project that was made then."""
        found = read_json(self.home.root / "pulled.json").get(created_at)
        return found if isinstance(found, dict) else {}

    def _remember(self, one: "_Project") -> None:
        place = self.home.root / "pulled.json"
        state = {"cursor": one.cursor, "looked_up": sorted(one.looked_up)}
        if state != self.remembered(one.created_at):
            write_json(place, read_json(place) | {one.created_at: state})

    @cached_property
    def turns(self) -> TurnLog:
        """The log of the ask loop, read when it is first needed."""
        return read_turns(read_lines(self.home.turns))

    @cached_property
    def _people(self) -> dict[int, str]:
        return {number: who.pseudonym for number, who in load_annotators(self.home).items()}

    @cached_property
    def _salt(self) -> str:
        return load_credentials(self.home)["PIXMO_ANNOTATOR_SALT"]

    def pseudonym(self, user_id: int | None) -> str:
        """Under which name a person is known in the store; empty for nobody."""
        if user_id is None:
            return ""
        known = self._people.get(user_id)
        return known or pseudonym(f"studio-user-{user_id}", self._salt)

    @cached_property
    def heard(self) -> dict[str, str]:
        """The recogniser's text of every recording of the store."""
        found: dict[str, str] = {}
        for number in self.store.part_numbers("transcripts"):
            found |= self.store.read_map("transcripts", number, "recording_id", "text")
        return found


@dataclass
class _Project:
    """One project during one pull; its rows are read once, under the lease of the table."""

    puller: Puller
    project: Project
    studio: StudioProject
    told: set[int]
    created_at: str = ""
    cursor: str = ""
    looked_up: set[int] = field(default_factory=set)
    pulled: Pulled = field(init=False)

    def __post_init__(self) -> None:
        kind = KINDS[self.project.kind].name
        table = SPEECH if kind == "cap" else f"sources/annotations/{kind}"
        self.pulled = Pulled(kind, table)

    def rows(self, url: str) -> Iterator[InputRow]:
        """All new items, changed annotations first, then those that are gone."""
        for number, item in enumerate(self._items(), 1):
            yield InputRow(number, item)

    def _items(self) -> Iterator[Item]:
        now = self.studio.standing()
        self.created_at = now.created_at
        before = self.puller.remembered(now.created_at)
        self.cursor = str(before.get("cursor") or "")
        table = self.pulled.table
        known = known_annotations(self.puller.store, table, self.project.project_id, now.created_at)
        yield from self._changed(known, now.ids, before)
        for number, gone in known.alive.items():
            if number not in now.ids:
                self.pulled.deleted += 1
                # Its own clock may be ahead of ours; a removal comes after everything.
                yield tombstone(gone.items[0], max(now_text(), gone.revision))

    def _changed(
        self, known: KnownAnnotations, ids: frozenset[int], before: dict[str, Any]
    ) -> Iterator[Item]:
        seen: set[int] = set()
        for page in self.studio.after(earlier(self.cursor, OVERLAP_S)):
            for fetched in page:
                seen.add(fetched.annotation_id)
                yield from self._new(known, fetched)
            if page:
                self.cursor = max(self.cursor, cursor_of(page[-1]))
        # What a clock that was put back or a late transaction hid, and what was taken down since.
        looked_up = {n for n in before.get("looked_up", ()) if isinstance(n, int)}
        missing = ids - known.found.keys() - seen - looked_up
        for page in self.studio.only(sorted(missing | ((self.told & ids) - seen))):
            for fetched in page:
                yield from self._new(known, fetched)
        self.looked_up = ((looked_up | missing) & ids) - known.found.keys()

    def _new(self, known: KnownAnnotations, fetched: Fetched) -> list[Item]:
        items = items_of(self.project.kind, fetched, self._context(fetched))
        if known.is_same(fetched.annotation_id, items):
            return []
        self.pulled.changed += 1
        return items

    def _context(self, fetched: Fetched) -> Context:
        context = Context(
            self.project.project_id,
            self.created_at,
            self.puller.pseudonym(fetched.user_id),
            self.project.guideline_at(fetched.created_at),
        )
        key, kind = str(fetched.data.get("key")), self.project.kind
        if kind == "cap":
            return replace(context, recorded=self._recorded(recording_of(fetched)))
        if kind == "transcript_review":
            heard = self.puller.heard.get(str(fetched.data.get("recording_id")), "")
            return replace(context, before=heard)
        if KINDS[kind].interactive:
            turns = self.puller.turns.turns(key, question_of(fetched), fetched.user_id)
            return replace(context, turns=turns)
        return context

    def _recorded(self, recording_id: str) -> Item:
        """What is known of a recording; nothing where there is none of this id."""
        if not _RECORDING.fullmatch(recording_id):
            return {}
        about = read_json(self.puller.home.recordings / f"{recording_id}.json")
        user_id = about.get("user_id")
        if not about.get("file"):
            return {}
        return {
            "audio": str(about["file"]),
            "audio_sha256": str(about.get("sha256") or ""),
            "recorded_by": self.puller.pseudonym(user_id if isinstance(user_id, int) else None),
            "recorded_for": str(about.get("task_key") or ""),
        }


def item_key(item: Item) -> str:
    """The id of an item: its annotation, revision and place; a removal is one per annotation."""
    made, name = str(item["project_created_at"]), str(item["annotation"])
    revision = "deleted" if item["deleted"] else str(item["revision"])
    return content_id("item", made, name, revision, str(item["item"]))
