"""The section `docs` of a recipe: personas, tools, and how documents are asked for and drawn."""

from dataclasses import dataclass, field

from pipelines.docs import Docs
from pipelines.documents.under_way import DocConfig
from pipelines.services.llm_config import LlmConfig
from pipelines.services.rendering.renderer import RenderConfig
from pipelines.steps.doc_kinds import doc_tools
from pipelines.steps.picture_checks import PictureLimits
from pipelines.steps.prompts import load_prompt
from schemas.errors import UsageError


@dataclass(frozen=True)
class DocsRecipe:
    """Stage docs: the list of personas, what is made for each of them and with what."""

    personas: str
    tools: tuple[str, ...] = field(default_factory=lambda: tuple(doc_tools()))
    per_persona: int = 1
    seed: int = 0
    rows_per_part: int = 100
    max_rejects: float = 0.8
    renderers: int = 0
    llm: LlmConfig = field(default_factory=LlmConfig)
    documents: DocConfig = field(default_factory=DocConfig)
    pictures: PictureLimits = field(default_factory=PictureLimits)
    rendering: RenderConfig = field(default_factory=RenderConfig)

    def __post_init__(self) -> None:
        if self.rows_per_part < 1 or self.renderers < 0 or not 0 <= self.max_rejects <= 1:
            raise UsageError(
                "docs: need rows_per_part >= 1, renderers >= 0 and max_rejects from 0 to 1"
            )
        asked = self.documents
        names = (asked.topic_prompt, asked.data_prompt, asked.code_prompt, asked.repair_prompt)
        for name in (*names, asked.question_prompt):
            load_prompt(name)
        Docs(tools=self.tools, per_persona=self.per_persona)  # refuses what is no tool
