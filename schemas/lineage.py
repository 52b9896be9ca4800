"""What made a row of a release: one record per subset, in `release/lineage/<config>/`.

Every one has `image_id`, `image_sha256`, `component_id` (the component of near-duplicates that the
split was drawn by), `image_bytes` (what was done to the bytes of the picture) and `code_version`,
which the export fills in; the other fields are the subset's own. Annotators are never named, not
even by pseudonym: a release is public.
"""

from dataclasses import dataclass

from schemas.judgment import Tag


@dataclass(frozen=True)
class CaptionLineage:
    """What made one row of `release/cap`, in the same order as its rows.

    It names recordings and reviews (empty where there is none), never annotators, not even by
    pseudonym: a release is public.
    `component_id` is the component of near-duplicates that the split was drawn by.
    """

    image_url: str
    image_sha256: str
    image_id: str
    component_id: str
    recording_ids: tuple[str, ...]
    review_ids: tuple[str, ...]
    audio_sha256: tuple[str, ...]
    cleaned: tuple[str, ...]
    tags: tuple[Tag, ...]
    speech_model: str
    model: str
    clean_prompt: str
    caption_prompt: str
    image_bytes: str
    code_version: str


@dataclass(frozen=True)
class PointsLineage:
    """What made one row of `release/points`; `item_ids` are annotations."""

    image_url: str
    image_sha256: str
    image_id: str
    component_id: str
    point_set_id: str
    item_ids: tuple[str, ...]
    origin: str
    guideline: str
    tags: tuple[Tag, ...]
    image_bytes: str
    code_version: str


@dataclass(frozen=True)
class QuestionLineage:
    """What made one row of `release/ask_model_anything` or `release/point_explanations`."""

    image_url: str
    image_sha256: str
    image_id: str
    component_id: str
    question_id: str
    item_ids: tuple[str, ...]
    origin: str
    guideline: str
    edited: bool
    tags: tuple[Tag, ...]
    model: str
    prompt: str
    image_bytes: str
    code_version: str


@dataclass(frozen=True)
class CountLineage:
    """What made one row of `release/count`."""

    image_url: str
    image_sha256: str
    image_id: str
    component_id: str
    item_ids: tuple[str, ...]
    predicted_count: int
    checked: bool
    tags: tuple[Tag, ...]
    detector: str
    image_bytes: str
    code_version: str


@dataclass(frozen=True)
class CapQaLineage:
    """What made one row of `release/cap_qa`."""

    image_url: str
    image_sha256: str
    image_id: str
    component_id: str
    qa_id: str
    style: str
    tags: tuple[Tag, ...]
    model: str
    write_prompt: str
    verify_prompt: str
    image_bytes: str
    code_version: str


@dataclass(frozen=True)
class DocLineage:
    """What made one row of `release/docs_*`; `code` drew the picture with `tool`."""

    image_sha256: str
    image_id: str
    component_id: str
    persona: str
    kind: str
    topic: str
    data: str
    code: str
    tool: str
    tool_version: str
    tags: tuple[Tag, ...]
    model: str
    topic_prompt: str
    data_prompt: str
    code_prompt: str
    repair_prompt: str
    question_prompt: str
    image_bytes: str
    code_version: str


@dataclass(frozen=True)
class ClockLineage:
    """What made one row of `release/clocks`."""

    image_sha256: str
    image_id: str
    component_id: str
    example_id: str
    seed: int
    tags: tuple[Tag, ...]
    image_bytes: str
    code_version: str
