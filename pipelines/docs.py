"""Stage docs: personas to rendered documents with questions and answers.

Part N is made of part N of sources/personas; its inputs are the planned documents, one per persona,
tool and number. The kind of each is drawn by a stable hash of its id, so that a plan never changes.
Calls run side by side while renderers draw in threads of their own (`services/render_pool.py`).
"""

import contextlib
import copy
import functools
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

from pipelines.documents.making import DocFailed, DocMade, make_document
from pipelines.documents.under_way import DocConfig, DocPlan
from pipelines.llm_stage import LlmStage
from pipelines.services.cores import usable_cores
from pipelines.services.render_pool import RenderPool
from pipelines.services.rendering.renderer import RenderConfig
from pipelines.services.rendering.tools import open_renderer
from pipelines.stage import Shard, one_to_one, reject_row
from pipelines.steps.doc_kinds import doc_tools, draw_kind, table_digest, tool_named
from pipelines.steps.picture_checks import PictureLimits
from pipelines.steps.text_requests import TextModel
from schemas.errors import UsageError
from schemas.ids import content_id, sha256_hex
from schemas.judgment import Reject
from schemas.records import Source
from schemas.store import Store
from schemas.subset_records import Document

SOURCES = "sources/personas"
MOST_PERSONA = 1000  # characters


def persona_key(row: dict[str, Any]) -> str | Reject:
    """The key of a row of the list; UsageError when the list has no column `persona`."""
    if "persona" not in row:
        raise UsageError("the input has no column `persona`; rename the column that holds them")
    persona = row["persona"]
    if not isinstance(persona, str) or not persona.strip():
        return Reject("missing_persona", "persona is empty")
    if len(persona) > MOST_PERSONA:
        return Reject("text_too_long", f"a persona of more than {MOST_PERSONA} characters")
    return content_id("persona", " ".join(persona.split()))


def planned(source: Source, tools: tuple[str, ...], per_persona: int, seed: int) -> list[DocPlan]:
    """The documents that are made for one persona."""
    persona = " ".join(json.loads(source.row)["persona"].split())
    plans = []
    for tool in tools:
        for number in range(per_persona):
            key = content_id("document", source.key, tool, str(number), str(seed))
            plans.append(DocPlan(key, persona, tool, number, draw_kind(tool, key)))
    return plans


@dataclass(frozen=True)
class Docs(LlmStage):
    """Make the documents of every persona. `renderers` is how many of a tool are warm at once in a
    worker process, 0 for its share of the cores among `share` processes."""

    name: ClassVar[str] = "docs"
    table: ClassVar[str] = "docs"
    record: ClassVar[type] = Document
    version: ClassVar[str] = "1"
    # Set by `working` on a copy of the stage; no field, for fields are settings.
    _pool: ClassVar[RenderPool | None] = None

    tools: tuple[str, ...] = field(default_factory=lambda: tuple(doc_tools()))
    per_persona: int = 1
    seed: int = 0
    documents: DocConfig = field(default_factory=DocConfig)
    pictures: PictureLimits = field(default_factory=PictureLimits)
    rendering: RenderConfig = field(default_factory=RenderConfig)
    max_rejects: float = 0.8
    renderers: int = 0
    share: int = 1

    def __post_init__(self) -> None:
        for tool in self.tools:
            tool_named(tool)
        if len(set(self.tools)) < len(self.tools) or not self.tools or self.per_persona < 1:
            raise UsageError("docs: name tools, each once, and per_persona >= 1")

    def settings(self) -> dict[str, Any]:
        """What documents are asked for, with what, and how they are drawn and judged."""
        rendering = asdict(self.rendering)
        del rendering["run_untrusted_code_without_sandbox"]
        return {
            **self.model_settings(),
            "tools": sorted(self.tools),
            "per_persona": self.per_persona,
            "seed": self.seed,
            "documents": asdict(self.documents),
            "pictures": asdict(self.pictures),
            "rendering": rendering,
            "kinds": table_digest(),
        }

    def plan(self, store: Store) -> list[Shard]:
        """One part per part of the personas; rows in are the planned documents."""
        return [replace(s, rows=s.rows * self.per_person) for s in one_to_one(store, SOURCES)]

    @property
    def per_person(self) -> int:
        """Documents per persona over all tools."""
        return len(self.tools) * self.per_persona

    def calls(self, store: Store, shards: list[Shard]) -> str:
        """Those of all planned documents."""
        return self.calls_for(sum(shard.rows for shard in shards))

    def calls_for(self, documents: int) -> str:
        """Four calls per document when nothing is asked for again."""
        return f"{4 * documents} LLM"

    @contextlib.contextmanager
    def working(self, store: Store) -> Iterator[Any]:
        """The stage with warm renderers, opened before any call is paid for.

        Raises MissingPart when a part of a tool is not installed.
        """
        cores = max(1, int(usable_cores()) // max(1, self.share))
        with RenderPool(self.rendering, open_renderer, self.renderers or cores, cores) as pool:
            pool.start(self.tools)
            with super().working(store) as ready:
                equipped = copy.copy(ready)
                object.__setattr__(equipped, "_pool", pool)
                yield equipped

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """Documents and rejects in the order of their ids."""
        if self._pool is None:
            with self.working(store) as ready:
                yield from ready.run(store, shard, keys)
            return
        plans = [p for p in self._plans(store, shard) if keys is None or p.image_id in keys]
        yield from self.answered(store, plans, functools.partial(self._one, self._pool))

    def _plans(self, store: Store, shard: Shard) -> list[DocPlan]:
        sources = store.records(SOURCES, shard.number, Source)
        asked = (self.tools, self.per_persona, self.seed)
        plans = [plan for source in sources for plan in planned(source, *asked)]
        return sorted(plans, key=lambda plan: plan.image_id)

    async def _one(self, pool: RenderPool, model: TextModel, plan: DocPlan) -> Any:
        made = await make_document(
            model, pool.render, plan, self.documents, self.pictures, self.seed
        )
        if isinstance(made, DocFailed):
            return reject_row(self.name, plan.image_id, made.reject, _row(plan, made))
        return self._document(plan, made, model.name)

    def _document(self, plan: DocPlan, made: DocMade, model: str) -> Document:
        parts, asked = made.parts, self.documents
        return Document(
            image_id=plan.image_id,
            persona=plan.persona,
            kind=plan.kind.kind,
            topic=parts.topic,
            data=parts.data,
            code=parts.code,
            tool=plan.tool,
            tool_version=made.tool_version,
            config=plan.kind.config,
            image_sha256=sha256_hex(made.png),
            format="png",
            width=made.picture.width,
            height=made.picture.height,
            bytes=made.png,
            questions=made.questions,
            tags=made.tags,
            model=model,
            topic_prompt=asked.topic_prompt,
            data_prompt=asked.data_prompt,
            code_prompt=asked.code_prompt,
            repair_prompt=asked.repair_prompt if parts.repairs else "",
            question_prompt=asked.question_prompt,
            prompt_tokens=parts.prompt_tokens,
            completion_tokens=parts.completion_tokens,
        )


def _row(plan: DocPlan, failed: DocFailed) -> str:
    """A planned document as JSON: what was asked for, where it failed and what there was."""
    row = {
        "persona": plan.persona,
        "tool": plan.tool,
        "number": plan.number,
        "kind": plan.kind.kind,
        "step": failed.step,
        "topic": failed.parts.topic,
        "data": failed.parts.data,
        "code": failed.parts.code,
    }
    return json.dumps(row, ensure_ascii=False, sort_keys=True)
