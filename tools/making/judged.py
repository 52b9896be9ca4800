"""Stages over what people judged: given files of annotations, published files, and what they make.

A verb and a recipe's section come here; so does `pixmo annotate pull` for its own stages.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

from annotation.pull.checks import CheckRules
from annotation.pull.given import given_import
from annotation.pull.stages import ANNOTATION_STAGES, AnnotationStage
from pipelines.ask_model_anything import AskModelAnything
from pipelines.gathered import Gathered
from pipelines.point_explanations import PointExplanations
from pipelines.points import PointsStage
from pipelines.published import PUBLISHED_STAGES, Published, published_import
from pipelines.run_stage import StageResult
from pipelines.sources import Import, count_new, import_source
from pipelines.stage import Stage
from tools import stages
from tools.recipe import JudgedRecipe, PointsRecipe, Recipe
from tools.stages import Run

LIGHT_ROWS = 20_000  # checks of so many items take less time than worker processes to start
Step = Callable[[Run], StageResult]


def judged(run_: Run, stage: AnnotationStage | Published) -> StageResult:
    """Bring the records of judged rows up to date; nothing where there are none."""
    infos = run_.store.infos(stage.feed)
    if not infos:
        return StageResult(stage.name, stage.table, (), 0, 0, 0.0)
    light = not run_.flags and sum(info.records for info in infos) < LIGHT_ROWS
    return stages.run(replace(run_, light=light), stage, run_.workers_or(1))


def annotated(
    run_: Run, kind: str, section: JudgedRecipe, rules: CheckRules | None = None
) -> StageResult:
    """Import the given annotations of a kind, then check all; without rules as they last were."""
    cls = ANNOTATION_STAGES[kind]
    if rules is None and stages.was_run(run_.store, cls.name):
        stage: AnnotationStage = stages.recall(run_.store, cls.name)
    else:
        stage = cls(rules or CheckRules())
    salt, rows = os.environ.get(stages.SALT, ""), section.rows_per_part
    return _imported(
        run_, stage, [given_import(kind, url, rows, salt) for url in section.annotations]
    )


def published(run_: Run, subset: str, section: JudgedRecipe) -> StageResult:
    """Import the published files of a subset, then make annotations of all."""
    wanted = [published_import(subset, url, section.rows_per_part) for url in section.published]
    return _imported(run_, PUBLISHED_STAGES[subset](), wanted)


def _imported(
    run_: Run, stage: AnnotationStage | Published, wanted: Sequence[Import]
) -> StageResult:
    """Bring files into the store and run their stage; a dry run counts what is new in them."""
    if run_.dry:
        planned, new = judged(run_, stage), [count_new(run_.store, what) for what in wanted]
        parts = sum(-(-n // what.rows_per_part) for n, what in zip(new, wanted, strict=True))
        return replace(planned, ran=planned.ran + parts, rows_ran=planned.rows_ran + sum(new))
    wait_s = stages.IMPORT_WAIT_S if run_.count > 1 else 0.0
    for what in wanted:
        infos = import_source(run_.store, what, wait_s)
        if what is wanted[-1]:
            stages.say_refused(what, infos)
    return judged(run_, stage)


def points(run_: Run, section: PointsRecipe) -> StageResult:
    """Phrases with points, merged."""
    return _gather(run_, PointsStage(section.max_rejects, section.rules))


def point_explanations(run_: Run, section: JudgedRecipe) -> StageResult:
    """Answers that cite points, merged."""
    return _gather(run_, PointExplanations(section.max_rejects))


def ask_model_anything(run_: Run, section: JudgedRecipe) -> StageResult:
    """Questions and answers, merged."""
    return _gather(run_, AskModelAnything(section.max_rejects))


def _gather(run_: Run, stage: Gathered) -> StageResult:
    rows = sum(info.records for feed in stage.feeds for info in run_.store.infos(feed))
    light = not run_.flags and rows < LIGHT_ROWS
    return stages.run(replace(run_, light=light), stage, run_.workers_or(1))


def subset_steps(
    subset: str, section: JudgedRecipe, rules: CheckRules | None = None
) -> dict[str, Step]:
    """The steps of a subset: its annotations, its published files, and what they make."""
    return {
        ANNOTATION_STAGES[subset].name: lambda run_: annotated(run_, subset, section, rules),
        PUBLISHED_STAGES[subset].name: lambda run_: published(run_, subset, section),
        _STAGES[subset].name: lambda run_: _MAKE[subset](run_, section),
    }


_STAGES: dict[str, type[Stage]] = {
    cls.table: cls for cls in (PointsStage, PointExplanations, AskModelAnything)
}
_MAKE: dict[str, Callable[..., StageResult]] = {
    "points": points,
    "point_explanations": point_explanations,
    "ask_model_anything": ask_model_anything,
}


def judged_steps(recipe: Recipe) -> dict[str, Step]:
    """The steps of a recipe's sections, in the order of the tables."""
    sections: dict[str, JudgedRecipe | None] = {
        "points": recipe.points,
        "point_explanations": recipe.point_explanations,
        "ask_model_anything": recipe.ask_model_anything,
    }
    rules = recipe.pull.rules if recipe.pull else None
    steps: dict[str, Step] = {}
    for subset, section in sections.items():
        if section is not None:
            steps |= subset_steps(subset, section, rules)
    return steps
