"""One document from a persona: topic, data, source, picture, questions, each held against the last.

Whatever is refused on the way is asked for again in its own step; what stays refused ends the
document, with the step and what there was by then.
"""

from dataclasses import dataclass

from pipelines.documents.questions import ask_questions
from pipelines.documents.source_and_picture import draw_picture
from pipelines.documents.topic_and_data import write_data, write_topic
from pipelines.documents.under_way import Chain, DocConfig, DocParts, DocPlan, Render
from pipelines.steps.doc_data import DataLimits
from pipelines.steps.picture_checks import CheckedPicture, PictureLimits
from pipelines.steps.text_requests import TextModel
from schemas.ids import unit_interval
from schemas.judgment import Reject, Tag
from schemas.subset_records import DocQuestion

UNSUPPORTED = "unsupported_answers_v1"


@dataclass(frozen=True)
class DocMade:
    """A whole document."""

    parts: DocParts
    png: bytes
    picture: CheckedPicture
    tool_version: str
    questions: tuple[DocQuestion, ...]
    tags: tuple[Tag, ...]


@dataclass(frozen=True)
class DocFailed:
    """Where the chain ended, why, and what there was by then."""

    step: str
    reject: Reject
    parts: DocParts


async def make_document(
    model: TextModel,
    render: Render,
    plan: DocPlan,
    config: DocConfig,
    pictures: PictureLimits,
    seed: int = 0,
) -> DocMade | DocFailed:
    """The whole chain; DocFailed names the step that failed and why."""
    own = int(unit_interval("doc-seed", str(seed), plan.image_id) * 2**31)
    chain = Chain(model, render, plan, config, DataLimits(), pictures, own)
    topic = await write_topic(chain)
    if isinstance(topic, Reject):
        return DocFailed("topic", topic, chain.parts)
    data = await write_data(chain)
    if isinstance(data, Reject):
        return DocFailed("data", data, chain.parts)
    drawn = await draw_picture(chain, data)
    if isinstance(drawn, Reject):
        return DocFailed("picture", drawn, chain.parts)
    kept = await ask_questions(chain, data)
    if isinstance(kept, Reject):
        return DocFailed("questions", kept, chain.parts)
    rendered, checked, version = drawn
    asked = len(kept.questions) + len(kept.dropped)
    tags = (*checked.tags, Tag(UNSUPPORTED, round(len(kept.dropped) / asked, 4)))
    return DocMade(chain.parts, rendered.png, checked, version, kept.questions, tags)
