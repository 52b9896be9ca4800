"""Stage docs from the section of a recipe or the flags of its verb."""

from dataclasses import replace

from pipelines.docs import SOURCES, Docs, persona_key
from pipelines.run_stage import StageResult
from pipelines.sources import Import, count_new
from tools import stages
from tools.docs_recipe import DocsRecipe


def docs_stage(section: DocsRecipe, workers: int) -> Docs:
    """The stage; renderers and the budget are divided among the worker processes."""
    return Docs(
        stages.budget_per_worker(section.llm, workers),
        section.tools,
        section.per_persona,
        section.seed,
        section.documents,
        section.pictures,
        section.rendering,
        section.max_rejects,
        section.renderers,
        workers,
    )


def make_docs(run: stages.Run, section: DocsRecipe) -> StageResult:
    """Import the personas, then make what is new; one worker, since most of it waits."""
    workers = run.workers_or(1)
    what = Import(section.personas, SOURCES, persona_key, section.rows_per_part, "duplicate_row")
    stage = docs_stage(section, workers)
    result = stages.import_and_run(run, what, stage, workers)
    return _planned(run, result, stage, count_new(run.store, what)) if run.dry else result


def _planned(run: stages.Run, result: StageResult, stage: Docs, new: int) -> StageResult:
    """What a dry run tells: each of the new personas is several documents."""
    rows = result.rows_ran - new + new * stage.per_person
    return replace(result, rows_ran=rows, calls=stage.calls_for(rows))
