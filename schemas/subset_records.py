"""The tables behind the subsets other than captions, and what pictures are searched for on the way.

Points are percent of the width and height of the upright picture, 0 to 100, from the upper left
corner; only the release of `count` has pixels, as PixMo publishes it.
"""

from dataclasses import dataclass

from schemas.annotations import Point
from schemas.judgment import Tag


@dataclass(frozen=True)
class OcrLine:
    """A line of text in a picture; `corners` are four points, clockwise from its upper left."""

    text: str
    score: float
    corners: tuple[Point, ...]


@dataclass(frozen=True)
class Ocr:
    """What an OCR engine read in a picture, lines in reading order; `text` joins them by newlines.

    No lines and an empty text say that there was nothing to read. `engine` names engine and models.
    """

    image_id: str
    text: str
    lines: tuple[OcrLine, ...]
    engine: str


@dataclass(frozen=True)
class DetectedBox:
    """An object that a closed-set detector found: its box in percent, `score` from 0 to 1."""

    label: str
    score: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Detections:
    """All objects of a picture above the detector's lowest threshold, best first."""

    image_id: str
    boxes: tuple[DetectedBox, ...]
    detector: str


@dataclass(frozen=True)
class PointSet:
    """A phrase and a point per instance in a picture; no points says that it is not there.

    `count` is the number of points. `collection_method` is `pointing` or `counting`. `item_ids` are
    the annotations that it was merged from, `origin` is `annotated` or `published`.
    """

    point_set_id: str
    image_id: str
    image_url: str
    label: str
    points: tuple[Point, ...]
    count: int
    collection_method: str
    tags: tuple[Tag, ...]
    item_ids: tuple[str, ...]
    origin: str
    guideline: str


@dataclass(frozen=True)
class AskedQuestion:
    """A question about a picture and the answer that a person stands by.

    `model` and `prompt` are those of the last draft, empty where none is known.
    """

    question_id: str
    image_id: str
    image_url: str
    question: str
    answer: str
    edited: bool
    tags: tuple[Tag, ...]
    item_ids: tuple[str, ...]
    origin: str
    guideline: str
    model: str
    prompt: str


@dataclass(frozen=True)
class CitedPoints:
    """The points that one placeholder of an answer stands for: what it reads as and what it is."""

    inline_text: str
    alt_text: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class ExplainedQuestion:
    """A question whose answer cites points.

    `response` is the answer with its citations written out, `parsed_response` the same with
    `<|POINT|>` for each of `cited`, in order.
    """

    question_id: str
    image_id: str
    image_url: str
    question: str
    response: str
    parsed_response: str
    cited: tuple[CitedPoints, ...]
    edited: bool
    tags: tuple[Tag, ...]
    item_ids: tuple[str, ...]
    origin: str
    guideline: str
    model: str
    prompt: str


@dataclass(frozen=True)
class ObjectCount:
    """How many objects of one class are in a picture, and where their centres are.

    `width` and `height` are pixels. `predicted_count` is the detector's; `checked` says that a
    person confirmed or corrected it, in the annotations `item_ids`.
    """

    image_id: str
    image_url: str
    label: str
    count: int
    points: tuple[Point, ...]
    width: int
    height: int
    predicted_count: int
    checked: bool
    tags: tuple[Tag, ...]
    item_ids: tuple[str, ...]
    detector: str


@dataclass(frozen=True)
class CaptionQuestion:
    """A question and an answer that a text LLM wrote from a caption alone.

    `messages` are alternating turns of user and assistant, the first by the user; `question` and
    `answer` are as PixMo-CapQA publishes them. `style` is that of the prompt's list of styles.
    """

    qa_id: str
    image_id: str
    image_url: str
    question: str
    answer: str
    messages: tuple[str, ...]
    style: str
    tags: tuple[Tag, ...]
    model: str
    write_prompt: str
    verify_prompt: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class DocQuestion:
    """A question about a document and its short answer; `explanation` is not published."""

    question: str
    answer: str
    explanation: str


@dataclass(frozen=True)
class Document:
    """A rendered document: what it was made from, step by step, its picture and its questions.

    `config` is that of the release (`docs_charts`, ...); `tool` is a renderer's name and
    `tool_version` the version that drew it. `bytes` is a PNG file, its sides in pixels;
    `repair_prompt` is empty where no source had to be mended.
    """

    image_id: str
    persona: str
    kind: str
    topic: str
    data: str
    code: str
    tool: str
    tool_version: str
    config: str
    image_sha256: str
    format: str
    width: int
    height: int
    bytes: bytes
    questions: tuple[DocQuestion, ...]
    tags: tuple[Tag, ...]
    model: str
    topic_prompt: str
    data_prompt: str
    code_prompt: str
    repair_prompt: str
    question_prompt: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Clock:
    """A drawn clock or watch: the columns of PixMo-Clocks, how it was drawn, and its picture.

    `watch_time` and `time_format` are as PixMo-Clocks has them; `seed` is the seed of the run times
    2^32 plus the number of the example, and draws the same clock again.
    """

    example_id: str
    watchface_id: str
    watchface_name: str
    watch_time: str
    time_format: str
    shows_seconds: bool
    hour_visible: int
    minute_visible: int
    second_visible: int
    text: str
    image_sha256: str
    format: str
    width: int
    height: int
    bytes: bytes
    seed: int
    tags: tuple[Tag, ...]
