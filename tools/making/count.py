"""Counts that people checked, and stages detect and count, from a recipe or the flags of a verb."""

from annotation.pull.checks import CheckRules
from annotation.pull.stages import ANNOTATION_STAGES
from pipelines.count import Count
from pipelines.detect import Detect
from pipelines.run_stage import StageResult
from tools import stages
from tools.making.judged import Step, annotated
from tools.recipe import CountRecipe, JudgedRecipe


def detect(run: stages.Run, section: CountRecipe) -> StageResult:
    """Find objects; one worker, whose threads use the whole machine."""
    return stages.run(run, Detect(section.detector, section.max_rejects), run.workers_or(1))


def count(run: stages.Run, section: CountRecipe) -> StageResult:
    """Choose what is counted, part by part of what was detected."""
    return stages.run(run, Count(section.counts), run.workers_or(1))


def checked(run: stages.Run, section: CountRecipe, rules: CheckRules | None = None) -> StageResult:
    """Bring in what people checked; without rules it is checked as last time."""
    files = JudgedRecipe(section.annotations, rows_per_part=section.rows_per_part)
    return annotated(run, "count", files, rules)


def count_steps(section: CountRecipe, rules: CheckRules | None = None) -> dict[str, Step]:
    """All steps, as the verb and a recipe run them."""
    return {
        ANNOTATION_STAGES["count"].name: lambda run: checked(run, section, rules),
        Detect.name: lambda run: detect(run, section),
        Count.name: lambda run: count(run, section),
    }
