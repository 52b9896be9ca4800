"""The steps of a recipe in their order: names to functions that bring one table up to date."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pipelines.evaluation import Evaluation
from pipelines.run_stage import StageResult
from tools import stages
from tools.making import release as making
from tools.making.cap_qa import write_questions
from tools.making.clocks import draw_clocks
from tools.making.count import count_steps
from tools.making.docs import make_docs
from tools.making.judged import judged_steps
from tools.making.ocr import read_text
from tools.policy import load_policy, selections
from tools.pull import pull_steps
from tools.recipe import Recipe

Step = Callable[[stages.Run], StageResult]
Section = TypeVar("Section")


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
    steps |= _made_from_pictures(recipe)
    steps["dedupe"] = lambda run_: stages.dedupe(run_, recipe.dedupe)
    steps["splits"] = lambda run_: stages.splits(run_, recipe.splits)
    if recipe.decontaminate:
        benchmarks = recipe.decontaminate
        steps[Evaluation.name] = lambda run_: stages.evaluation(run_, benchmarks)
        for comparison in stages.comparisons(benchmarks):
            steps[comparison.name] = functools.partial(stages.compare, stage=comparison)
    policies = load_policy(Path(recipe.policy)) if recipe.policy else {}
    for stage in selections(policies):
        steps[stage.name] = functools.partial(making.select, stage=stage, policies=policies)
    return steps


def _made_from_pictures(recipe: Recipe) -> dict[str, Step]:
    """What is read, found, asked and drawn before duplicates are looked for."""
    steps: dict[str, Step] = {}
    if recipe.ocr:
        steps["ocr"] = _step(read_text, recipe.ocr)
    if recipe.count:
        steps |= count_steps(recipe.count, recipe.pull.rules if recipe.pull else None)
    steps |= judged_steps(recipe)
    if recipe.cap_qa:
        steps["cap-qa"] = _step(write_questions, recipe.cap_qa)
    if recipe.clocks:
        steps["clocks"] = _step(draw_clocks, recipe.clocks)
    if recipe.docs:
        steps["docs"] = _step(make_docs, recipe.docs)
    return steps


def _step(function: Callable[[stages.Run, Section], StageResult], section: Section) -> Step:
    return lambda run_: function(run_, section)
