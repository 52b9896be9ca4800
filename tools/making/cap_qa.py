"""Stage cap-qa from the section of a recipe or the flags of its verb."""

from pipelines.cap_qa import CapQaStage
from pipelines.run_stage import StageResult
from pipelines.steps import caption_checks
from pipelines.steps.policy import with_defaults
from tools import stages
from tools.recipe import CapQaRecipe


def write_questions(run: stages.Run, section: CapQaRecipe) -> StageResult:
    """Write questions about captions; one worker, since it only waits for the LLM."""
    workers = run.workers_or(1)
    llm = stages.budget_per_worker(section.llm, workers)
    policy = with_defaults(dict(caption_checks.DEFAULT_LIMITS), section.policy)
    stage = CapQaStage(llm, section.asking, policy, section.max_rejects)
    return stages.run(run, stage, workers)
