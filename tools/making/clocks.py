"""Stage clocks from the section of a recipe or the flags of its verb."""

from pipelines.clocks import Clocks
from pipelines.run_stage import StageResult
from tools import stages
from tools.recipe import ClocksRecipe


def draw_clocks(run: stages.Run, section: ClocksRecipe) -> StageResult:
    """Draw clocks; one worker per core, since drawing waits for nothing."""
    stage = Clocks(section.count, section.rows_per_part, section.rules)
    return stages.run(run, stage, run.workers_or(stages.cores()))
