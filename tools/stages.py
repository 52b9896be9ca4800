"""From the sections of a recipe (or the flags of a verb) to stages, and their runs in order.

Every verb and `pixmo run` come through here, so that both do the same.
"""

import dataclasses
import json
import os
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from annotation.pull.stages import ANNOTATION_STAGES
from pipelines import run_stage
from pipelines.ask_model_anything import AskModelAnything
from pipelines.cap_qa import CapQaStage
from pipelines.caption import CaptionStage
from pipelines.clocks import Clocks
from pipelines.count import Count
from pipelines.decontaminate import Decontaminate
from pipelines.decontaminate_text import DecontaminateText
from pipelines.dedupe import Dedupe
from pipelines.detect import Detect
from pipelines.docs import Docs
from pipelines.engine import BeamEngine, ThisProcess
from pipelines.evaluation import Evaluation, evaluation_import, evaluation_url
from pipelines.ingest import SOURCES as IMAGE_SOURCES
from pipelines.ingest import Ingest, image_key
from pipelines.ocr import ReadText
from pipelines.point_explanations import PointExplanations
from pipelines.points import PointsStage
from pipelines.published import PUBLISHED_STAGES
from pipelines.recordings import SOURCES as RECORDING_SOURCES
from pipelines.recordings import Recordings, recording_key
from pipelines.run_stage import RunOptions, StageResult
from pipelines.services.llm_config import LlmConfig
from pipelines.sources import Import, count_new, import_source
from pipelines.splits import SplitStage
from pipelines.stage import Stage
from pipelines.steps.policy import with_defaults
from pipelines.steps.speech_checks import DEFAULT_LIMITS as SPEECH_LIMITS
from pipelines.steps.text_index import TextRules
from pipelines.subsets.registry import SELECTS, TEXT_STAGES
from pipelines.transcribe import Transcribe
from schemas.errors import UsageError
from schemas.files import write_text
from schemas.store import PartInfo, Store
from tools import recipe as recipes
from tools.console import err
from tools.making.batch import write_stage_batch
from tools.progress import Watching
from tools.strict import build

IMPORT_WAIT_S = 3600.0
SELECTING = tuple(select.name for select in SELECTS.values())
COMPARING = (Decontaminate.name, *(stage.name for stage in TEXT_STAGES))
# One job over all parts, never a shard.
GROUPING = ("pull", "dedupe", "splits", Evaluation.name, *COMPARING, *SELECTING, "export")
SALT = "PIXMO_ANNOTATOR_SALT"
_CLASSES: tuple[type[Any], ...] = (
    *(Ingest, Recordings, Transcribe, CaptionStage, ReadText, Detect, Count),
    *(Dedupe, SplitStage, Docs),
    *(Evaluation, Decontaminate, *TEXT_STAGES),
    *ANNOTATION_STAGES.values(),
    *(*PUBLISHED_STAGES.values(), PointsStage, PointExplanations, AskModelAnything),
    CapQaStage,
    Clocks,
    *SELECTS.values(),
)
STAGES = {cls.name: cls for cls in _CLASSES}


@dataclass(frozen=True)
class Run:
    """Where and how stages run: the store, workers, Beam flags, and the share of the parts.

    `light` stages are done in this process, without Beam. With a folder `batch`, a stage writes its
    requests there instead of making them.
    """

    store: Store
    workers: int = 0
    flags: tuple[str, ...] = ()
    index: int = 0
    count: int = 1
    dry: bool = False
    light: bool = False
    batch: str = ""

    def workers_or(self, default: int) -> int:
        """The number of worker processes: as asked for, or the stage's default."""
        return self.workers or default

    def options(self, workers: int) -> RunOptions:
        """The engine with this many workers."""
        engine = ThisProcess() if self.light else BeamEngine(workers, self.flags)
        watch = None if self.dry else Watching
        return RunOptions(engine, self.index, self.count, watch, workers)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def run(run: Run, stage: Stage, workers: int) -> StageResult:
    """Run one stage and remember its settings for `pixmo retry`."""
    if run.dry:
        works, done = run_stage.plan_stage(stage, run.store, run.options(workers))
        shards = [work.shard for work in works]
        rows, calls = sum(shard.rows for shard in shards), stage.calls(run.store, shards)
        infos = tuple(done)
        return StageResult(stage.name, stage.table, infos, len(works), rows, 0.0, calls)
    if run.batch:
        return write_stage_batch(stage, run.store, run.options(workers), run.batch)
    _remember(run.store, stage)
    return run_stage.run_stage(stage, run.store, run.options(workers))


def _remember(store: Store, stage: Any) -> None:
    """Keep the stage's settings, but neither secrets nor what only holds for this run."""
    values = dataclasses.asdict(stage)
    values.pop("salt", None)
    for key in ("connect_to", "share"):
        values.get("fetch", {}).pop(key, None)
    values.get("rendering", {}).pop("run_untrusted_code_without_sandbox", None)
    text = json.dumps(values, indent=2, sort_keys=True)
    write_text(store.fs, _settings(store, stage.name), text + "\n")


def _settings(store: Store, name: str) -> str:
    """Where the settings that a stage last ran with are kept."""
    return store.path("stages", f"{name}.json")


def was_run(store: Store, name: str) -> bool:
    """Whether a stage was ever run on this store."""
    return bool(store.fs.exists(_settings(store, name)))


def recall(store: Store, name: str) -> Any:
    """The stage as it was last run on this store; UsageError when it was not."""
    path = _settings(store, name)
    if name not in STAGES:
        raise UsageError(f"no stage is called {name}; stages: {', '.join(STAGES)}")
    if not was_run(store, name):
        raise UsageError(f"stage {name} has not been run on {store.url}")
    stage = build(STAGES[name], json.loads(store.fs.cat_file(path)), path)
    return replace(stage, salt=os.environ.get(SALT, "")) if name == Recordings.name else stage


def ingest_stage(section: recipes.IngestRecipe, workers: int, count: int = 1) -> Ingest:
    """Stage ingest; the limits per host are divided among all processes of the run."""
    fetch = replace(section.fetch, share=workers * count)
    return Ingest(fetch, section.limits, section.max_rejects)


def ingest(run_: Run, section: recipes.IngestRecipe) -> StageResult:
    """Import the list, then fetch what is new in it."""
    what = Import(section.urls, IMAGE_SOURCES, image_key, section.rows_per_part, "duplicate_url")
    # A worker's threads keep two cores busy, and a second worker costs a second of imports.
    workers = min(run_.workers_or(max(1, cores() // 2)), section.fetch.per_host)
    result = import_and_run(run_, what, ingest_stage(section, workers, run_.count), workers)
    return replace(result, calls=f"{result.rows_ran} GET")


def import_and_run(run_: Run, what: Import, stage: Stage, workers: int) -> StageResult:
    """Bring a list into the store and run its stage; a dry run only counts what is new in it."""
    if not run_.dry:
        wait_s = IMPORT_WAIT_S if run_.count > 1 else 0.0
        say_refused(what, import_source(run_.store, what, wait_s))
        return run(run_, stage, workers)
    planned, new = run(run_, stage, workers), count_new(run_.store, what)
    parts = planned.ran + -(-new // what.rows_per_part)
    return replace(planned, ran=parts, rows_ran=planned.rows_ran + new)


def say_refused(what: Import, infos: list[PartInfo]) -> None:
    """Rows that never reached the stage are in no summary, so they are told of here."""
    reasons: Counter[str] = Counter()
    for info in infos:
        reasons.update(info.reasons)
    if reasons:
        rows = sum(info.rows_in for info in infos)
        listed = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        name = what.table.replace("/", "-")
        text = f"{name}: {reasons.total()} of {rows} input rows were refused: {listed}"
        err.print(text, highlight=False, soft_wrap=True)


def recordings(run_: Run, section: recipes.RecordingsRecipe) -> StageResult:
    """Import the manifest, then measure what is new in it."""
    rows = section.rows_per_part
    what = Import(section.manifest, RECORDING_SOURCES, recording_key, rows, relative=True)
    stage = Recordings(section.limits, os.environ.get(SALT, ""), section.max_rejects)
    return import_and_run(run_, what, stage, run_.workers_or(cores()))


def transcribe(run_: Run, section: recipes.TranscribeRecipe) -> StageResult:
    """Recognise speech; one worker, since the model uses the whole machine."""
    return run(run_, Transcribe(section.speech, section.max_rejects), run_.workers_or(1))


def caption(run_: Run, section: recipes.CaptionRecipe) -> StageResult:
    """Write captions; one worker, since it only waits for the LLM."""
    workers = run_.workers_or(1)
    llm = budget_per_worker(section.llm, workers)
    policy = with_defaults(SPEECH_LIMITS, section.policy)
    stage = CaptionStage(llm, section.captions, policy, section.max_rejects)
    return run(run_, stage, workers)


def budget_per_worker(llm: LlmConfig, workers: int) -> LlmConfig:
    """Each worker's part of the budget, rounded up: 0 would be no limit."""
    tokens, usd = -(-llm.budget_tokens // workers), llm.budget_usd / workers
    return replace(llm, budget_tokens=tokens, budget_usd=usd)


def dedupe(run_: Run, section: recipes.DedupeRecipe) -> StageResult:
    """Find near-duplicates; grouping is one job, so it is not divided among shards."""
    stage = Dedupe(
        radius=section.radius,
        orientations=section.orientations,
        max_grey_difference=section.max_grey_difference,
        alarm_size=section.alarm_size,
    )
    return run(replace(run_, index=0, count=1), stage, run_.workers_or(cores()))


def splits(run_: Run, section: recipes.SplitsRecipe) -> StageResult:
    """Draw splits for pictures that have none."""
    return run(replace(run_, index=0, count=1), SplitStage(section.shares, section.salt), 1)


def evaluation(run_: Run, section: recipes.DecontaminateRecipe) -> StageResult:
    """Import the benchmarks, then hash what is new in them; without names, those known before."""
    urls = [evaluation_url(name) for name in section.against]
    wanted = [evaluation_import(url, section.rows_per_part) for url in urls]
    run_, stage = replace(run_, index=0, count=1), Evaluation(max_rejects=section.max_rejects)
    if run_.dry:
        planned, new = run(run_, stage, 1), sum(count_new(run_.store, what) for what in wanted)
        parts = planned.ran + -(-new // section.rows_per_part)
        return replace(planned, ran=parts, rows_ran=planned.rows_ran + new)
    for what in wanted:
        infos = import_source(run_.store, what, IMPORT_WAIT_S)
        if what is wanted[-1]:
            say_refused(what, infos)
    result = run(run_, stage, run_.workers_or(cores()))
    if not result.infos:
        raise UsageError("no evaluation set is known to this store: name one with --against")
    return result


def comparisons(section: recipes.DecontaminateRecipe) -> list[Stage]:
    """The stages that compare pictures and texts with the benchmarks."""
    rules = TextRules(section.ngram, section.short_text, section.common_texts)
    differences = (section.max_grey_difference, section.crops, section.max_crop_difference)
    return [Decontaminate(section.radius, *differences), *(stage(rules) for stage in TEXT_STAGES)]


def has_rows(store: Store, stage: Any) -> bool:
    """Whether a stage of one subset has anything to do: it is fed, or once was."""
    return any(store.part_numbers(table) for table in (stage.feed, stage.table))


def compare(run_: Run, stage: Stage) -> StageResult:
    """Compare the rows of one table with the benchmarks."""
    if isinstance(stage, DecontaminateText) and not has_rows(run_.store, stage):
        return StageResult(stage.name, stage.table, (), 0, 0, 0.0)
    return run(replace(run_, index=0, count=1), stage, run_.workers_or(cores()))


@dataclass(frozen=True)
class Reach:
    """Hosts that a retry may reach besides those of the run, and where to reach hosts."""

    allow_hosts: tuple[str, ...] = ()
    connect_to: tuple[tuple[str, str], ...] = ()


def again(stage: Ingest, workers: int, reach: Reach) -> Ingest:
    """Stage ingest for a retry, with what it may reach."""
    hosts = tuple(dict.fromkeys([*stage.fetch.allow_hosts, *reach.allow_hosts]))
    fetch = replace(stage.fetch, share=workers, allow_hosts=hosts, connect_to=reach.connect_to)
    return replace(stage, fetch=fetch)
