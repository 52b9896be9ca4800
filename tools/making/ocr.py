"""Stage ocr from the section of a recipe or the flags of its verb."""

from pipelines.ocr import ReadText
from pipelines.run_stage import StageResult
from tools import stages
from tools.recipe import OcrRecipe


def read_text(run: stages.Run, section: OcrRecipe) -> StageResult:
    """Read the text in pictures; one worker per core, since an engine uses one."""
    stage = ReadText(section.ocr, section.max_rejects)
    return stages.run(run, stage, run.workers_or(stages.cores()))
