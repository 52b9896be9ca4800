"""`pixmo annotate pull` and the recipe's section `pull`: rows from Label Studio, then their stages.

The rows come first and in one go; each stage after them is like any other, so that a recipe can
name it, plan it and run it alone.
"""

import functools
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from annotation.campaign import Campaign, load_campaign
from annotation.home import Home, default_home, read_json
from annotation.pull.event_queue import is_waiting
from annotation.pull.pull import SPEECH, Pulled, Puller
from annotation.pull.stages import ANNOTATION_STAGES
from annotation.registry import load_projects
from annotation.studio.recording_files import finish_stale
from pipelines.recordings import Recordings
from pipelines.run_stage import StageResult
from pipelines.steps.audio import AudioLimits
from pipelines.steps.revisions import item_rows
from schemas.errors import LockedError, StageError, UsageError
from schemas.store import Store
from tools import stages
from tools.console import err
from tools.making.judged import judged
from tools.recipe import PullRecipe
from tools.stages import Run

NAME = "pull"
POLL_S = 1.0
WATCH_S = 30.0  # without an event, how often Label Studio is asked all the same


def home_of(section: PullRecipe) -> Home:
    """The campaign's folder that a recipe names, or the default."""
    return Home(Path(section.home).expanduser().resolve() if section.home else default_home())


def pull_rows(store: Store, section: PullRecipe) -> list[Pulled]:
    """Everything new in Label Studio as rows of sources; nothing when it may be absent and is.

    UsageError when there is no campaign or nothing answers, StageError when it goes away meanwhile.
    """
    home = home_of(section)
    try:
        campaign = load_campaign(home, store.url)
        finish_stale(home.recordings)
        return _when_up(home, campaign, store, section)
    except UsageError as error:
        if not section.optional:
            raise
        _say(f"pull: skipped, {error}")
        return []


def _when_up(home: Home, campaign: Campaign, store: Store, section: PullRecipe) -> list[Pulled]:
    deadline = time.monotonic() + section.wait_s
    while True:
        try:
            return Puller(home, campaign, store, section.rows_per_part).pull()
        except UsageError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(POLL_S)


def pull(run_: Run, section: PullRecipe) -> tuple[list[Pulled], list[StageResult]]:
    """Everything new, and the stages of every kind that has rows."""
    pulled = pull_rows(run_.store, section)
    steps = pull_steps(section)
    return pulled, [step(run_) for name, step in steps.items() if name != NAME]


def pull_steps(section: PullRecipe) -> dict[str, Callable[[Run], StageResult]]:
    """The steps of a recipe's section `pull`: rows, recordings, then a stage for each kind."""
    steps: dict[str, Callable[[Run], StageResult]] = {
        NAME: functools.partial(_pull_step, section=section),
        Recordings.name: functools.partial(_recordings, section=section),
    }
    for kind, stage in ANNOTATION_STAGES.items():
        steps[stage.name] = functools.partial(_judged, section=section, kind=kind)
    return steps


def _pull_step(run_: Run, section: PullRecipe) -> StageResult:
    """The import as a step: what the tables of sources hold, and how many rows are new."""
    if run_.dry:
        return StageResult(NAME, "sources", (), 0, 0, 0.0, "pages of Label Studio")
    began = time.monotonic()
    pulled = pull_rows(run_.store, section)
    for line in lines_of(pulled):
        _say(line)
    infos = tuple(info for one in pulled for info in run_.store.infos(one.table))
    new = sum(bool(one.rows) for one in pulled)
    rows = sum(one.rows for one in pulled)
    return StageResult(NAME, "sources", infos, new, rows, time.monotonic() - began)


def _recordings(run_: Run, section: PullRecipe) -> StageResult:
    """Stage recordings as it was last run; else with the shortest duration of the project."""
    if stages.was_run(run_.store, Recordings.name):
        stage = stages.recall(run_.store, Recordings.name)
    else:
        project = load_projects(home_of(section)).get("cap")
        least = project.settings.get("min_seconds") if project else None
        limits = AudioLimits(min_duration_s=float(least)) if least else AudioLimits()
        stage = Recordings(limits, os.environ.get(stages.SALT, ""))
    stage = replace(stage, max_rejects=section.max_rejects)
    if not run_.store.infos(SPEECH):
        return StageResult(stage.name, stage.table, (), 0, 0, 0.0)
    return stages.run(run_, stage, run_.workers_or(stages.cores()))


def _judged(run_: Run, section: PullRecipe, kind: str) -> StageResult:
    return judged(run_, ANNOTATION_STAGES[kind](section.rules, section.max_rejects))


def lines_of(pulled: list[Pulled]) -> list[str]:
    """What a pull brought, in words, one line per kind that it asked for."""
    return [f"{one.kind}: {one.changed} new or changed, {one.deleted} deleted" for one in pulled]


def left_recordings(store: Store, home: Home) -> tuple[int, int]:
    """Recordings that no annotation names, and how many of those nobody stopped.

    They are kept in the campaign's folder: a closed tab loses nothing.
    """
    named = {str(row.values.get("recording")) for _, row in item_rows(store, SPEECH)}
    left = [place for place in home.recordings.glob("*.json") if place.stem not in named]
    about = [read_json(place) for place in left]
    broken = [one for one in about if not one.get("finished") or one.get("finished_by") == "server"]
    return len(left), len(broken)


def watch(run_: Run, section: PullRecipe, show: Callable[[list[Pulled]], None]) -> None:
    """Pull again and again, at once when something was told of; until interrupted.

    A Label Studio that is away, and a lease that another run holds, are waited for.
    """
    queue, said = home_of(section).events, ""
    while True:
        try:
            pulled, _ = pull(run_, section)
            said = ""
            show(pulled)
        except (UsageError, StageError, LockedError) as error:
            if str(error) != said:  # once, not every half minute
                _say(f"waiting: {error}")
            said = str(error)
        deadline = time.monotonic() + WATCH_S
        while time.monotonic() < deadline and not (is_waiting(queue) and not said):
            time.sleep(POLL_S)


def _say(text: str) -> None:
    err.print(text, highlight=False, markup=False, soft_wrap=True)
