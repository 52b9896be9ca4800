"""What people said, pointed at, asked, counted and preferred: one record per judged item.

An annotation of one person may hold several items (a phrase with its points is one), and each is a
row. `item_id` is a digest of the annotation, its revision and the item, so that a changed
annotation gives new rows, and the old ones become rejects (`superseded`). Points are percent of
the width and height of the upright picture, 0 to 100. `tags` tell what was odd about a row of a
published file; what people did here has none.
"""

from dataclasses import dataclass

from schemas.judgment import Tag


@dataclass(frozen=True)
class Point:
    """A place in a picture, in percent of width and height from the upper left corner."""

    x: float
    y: float


@dataclass(frozen=True)
class Work:
    """Who did an item, under which guidelines, and how long it took.

    `annotation` is "<project>:<annotation>" in Label Studio's numbers; `task_key` is the key that
    the task was pushed under; `seconds` is the time that the task was open (Label Studio's
    lead_time); `submitted_at` is the ISO time of this revision.
    """

    annotation: str
    task_key: str
    annotator_id: str
    guideline: str
    seconds: float
    submitted_at: str


@dataclass(frozen=True)
class PointAnnotation:
    """A referring phrase and a point per instance; no points says that it is not in the picture.

    `collection_method` is `pointing` or `counting`, as in PixMo-Points.
    """

    item_id: str
    image_id: str
    label: str
    points: tuple[Point, ...]
    collection_method: str
    work: Work
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True)
class CountAnnotation:
    """A count that a person confirmed or corrected; `predicted_count` is the detector's."""

    item_id: str
    image_id: str
    label: str
    count: int
    predicted_count: int
    points: tuple[Point, ...]
    split: str
    work: Work


@dataclass(frozen=True)
class Turn:
    """One exchange with the text model: what it drafted, and why the person wanted another.

    `explanation` is empty for the draft that was not rejected; `prompt` is name and version.
    """

    draft: str
    explanation: str
    model: str
    prompt: str
    seconds: float
    at: str


@dataclass(frozen=True)
class QuestionAnnotation:
    """A question about a picture and the answer that a person stands by, with all turns.

    `edited` says that the answer is not the last draft word for word.
    """

    item_id: str
    image_id: str
    question: str
    answer: str
    edited: bool
    turns: tuple[Turn, ...]
    work: Work
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True)
class PointExplanation:
    """A question whose answer cites points, as `[inline text](1,2)`: numbers into `points`, from 1.

    `labels` holds the phrase of each point, in their order.
    """

    item_id: str
    image_id: str
    question: str
    answer: str
    edited: bool
    points: tuple[Point, ...]
    labels: tuple[str, ...]
    turns: tuple[Turn, ...]
    work: Work
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True)
class TranscriptReview:
    """What a person heard in a recording, and whether it differs from the recogniser's text."""

    item_id: str
    recording_id: str
    image_id: str
    text: str
    changed: bool
    work: Work


@dataclass(frozen=True)
class PreferencePair:
    """Two answers to one prompt that are to be compared; the names stand here and nowhere else.

    `swapped` says that `answer_b` was shown on the left.
    """

    pair_id: str
    prompt_id: str
    image_id: str
    prompt: str
    model_a: str
    answer_a: str
    model_b: str
    answer_b: str
    swapped: bool


@dataclass(frozen=True)
class Preference:
    """A judgment of a pair, turned back: `a`, `b`, `both_good`, `both_bad` or `cannot_tell`."""

    item_id: str
    pair_id: str
    choice: str
    work: Work
