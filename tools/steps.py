"""The steps of a recipe in their order: names to functions that bring one table up to date."""

import functools
from collections.abc import Callable
from pathlib import Path

from pipelines.evaluation import Evaluation
from pipelines.run_stage import StageResult
from tools import stages
from tools.policy import load_policy, selections
from tools.pull import pull_steps
from tools.recipe import Recipe

Step = Callable[[stages.Run], StageResult]


def steps_of(recipe: Recipe) -> dict[str, Step]:
    """The stages that a recipe asks for, in order; export comes after them."""
    steps: dict[str, Step] = {}
    if recipe.ingest:
        section = recipe.ingest
        steps["ingest"] = lambda run_: stages.ingest(run_, section)
    if recipe.pull:
        steps |= pull_steps(recipe.pull)
    if recipe.recordings:
        manifest = recipe.recordings
        steps["recordings"] = lambda run_: stages.recordings(run_, manifest)
    steps["transcribe"] = lambda run_: stages.transcribe(run_, recipe.transcribe)
    steps["caption"] = lambda run_: stages.caption(run_, recipe.caption)
    steps["dedupe"] = lambda run_: stages.dedupe(run_, recipe.dedupe)
    steps["splits"] = lambda run_: stages.splits(run_, recipe.splits)
    if recipe.decontaminate:
        benchmarks = recipe.decontaminate
        steps[Evaluation.name] = lambda run_: stages.evaluation(run_, benchmarks)
        for comparison in stages.comparisons(benchmarks):
            steps[comparison.name] = functools.partial(stages.compare, stage=comparison)
    policies = load_policy(Path(recipe.policy)) if recipe.policy else {}
    for stage in selections(policies):
        steps[stage.name] = functools.partial(stages.select, stage=stage, policies=policies)
    return steps
