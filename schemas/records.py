"""What the data are: one frozen dataclass per table.

Units are in the names (`_s` seconds, `_hz`, `_dbfs`). Every record carries its key first. Fields
named in `codec.OBSERVATIONS` are observations (fetch time); comparisons and digests leave them out.
"""

from dataclasses import dataclass, field

from schemas.judgment import Tag


@dataclass(frozen=True)
class Source:
    """An input row as the user gave it: tables `sources/images` and `sources/recordings`.

    `row` is the whole row as JSON; `origin` is the folder that its relative paths start from, or
    empty for a list of URLs (only a folder's rows may name local files).
    """

    key: str
    row: str
    origin: str


@dataclass(frozen=True)
class Image:
    """One fetched picture: original bytes and the facts read from them.

    `width` and `height` are pixels after orientation; `phash` is 16 hex digits (imagehash.phash);
    `grey32` is the 32x32 uint8 picture behind it, row by row; `opt_out` holds as JSON the response
    headers that decide opt-out; `carried` holds as JSON what else the input row had.
    """

    image_id: str
    image_url: str
    final_url: str
    image_sha256: str
    width: int
    height: int
    format: str
    exif_orientation: int
    phash: str
    grey32: bytes
    bytes: bytes
    fetched_at: str
    http_status: int
    opt_out: str
    carried: str


@dataclass(frozen=True)
class Recording:
    """One spoken description. Loudness is RMS over the whole recording in dB below full scale;
    `silence_share` is the share of 30 ms frames that are quiet."""

    recording_id: str
    image_id: str
    annotator_id: str
    audio_sha256: str
    audio_format: str
    duration_s: float
    sample_rate_hz: int
    loudness_dbfs: float
    silence_share: float
    language: str | None
    audio: bytes
    carried: str


@dataclass(frozen=True)
class Segment:
    """A stretch of recognised speech, in seconds from the start of the recording."""

    start_s: float
    end_s: float
    text: str
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float


@dataclass(frozen=True)
class Transcript:
    """What the recogniser heard in one recording, with the tags of the checks."""

    recording_id: str
    image_id: str
    annotator_id: str
    audio_sha256: str
    text: str
    language: str
    language_probability: float
    duration_s: float
    segments: tuple[Segment, ...]
    tags: tuple[Tag, ...]
    model: str


@dataclass(frozen=True)
class Dropped:
    """A transcript that the policy kept out of a caption, and the rule that did it."""

    recording_id: str
    rule: str


@dataclass(frozen=True)
class Caption:
    """One dense caption of one picture, made from `transcripts` by way of `cleaned`.

    `transcripts` are as they were heard, or as a person corrected them: `review_ids` has the review
    of each recording, empty where nobody reviewed it.
    """

    image_id: str
    image_url: str
    caption: str
    transcripts: tuple[str, ...]
    cleaned: tuple[str, ...]
    recording_ids: tuple[str, ...]
    review_ids: tuple[str, ...] = field(default=(), kw_only=True)
    dropped: tuple[Dropped, ...]
    tags: tuple[Tag, ...]
    model: str
    speech_model: str
    clean_prompt: str
    caption_prompt: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Duplicate:
    """Where one picture stands among its near-duplicates: one row per image.

    `representative_id` is the image itself unless it is a member of another's star; `kind` is
    `unique`, `exact`, `near` or `blank`; `distance` (bits) and `orientation` (0-7, index into the
    eight rotations and mirrors) are to the representative; `component_id` is the smallest image id
    of the connected component, which splits are drawn by.
    """

    image_id: str
    representative_id: str
    kind: str
    distance: int
    orientation: int
    grey_difference: float
    component_id: str
    cluster_size: int


@dataclass(frozen=True)
class DuplicatePair:
    """The evidence: two pictures within the radius.

    `orientation` (0-7) is what was done to the left picture; `grey_difference` is one minus the
    correlation of the 32x32 grey pictures; `verified` says it was small enough.
    """

    pair_id: str
    left_id: str
    right_id: str
    distance: int
    orientation: int
    grey_difference: float
    verified: bool


@dataclass(frozen=True)
class Split:
    """The split that a picture was drawn into, kept for good.

    `moved_from` is the split that it had before new data joined its component to one of a stricter
    split; empty when it never moved.
    """

    image_id: str
    split: str
    component_id: str
    moved_from: str = ""


@dataclass(frozen=True)
class EvaluationItem:
    """A picture or a text of an evaluation set, which no training row may come near.

    `place` says where in the benchmark it stands (file, row, column). A picture has `image_sha256`,
    `phash`, `grey32` as in Image, and `crop_hashes`: 64-bit hashes of standard crops, big-endian;
    its bytes are not kept. A text has `text` alone.
    """

    item_id: str
    benchmark: str
    place: str
    kind: str
    image_sha256: str
    phash: str
    grey32: bytes
    crop_hashes: bytes
    text: str


@dataclass(frozen=True)
class EvaluationMatch:
    """The evidence that a row comes near an evaluation item.

    `kind` is `exact`, `near`, `crop` (pictures) or `text`; `distance` (bits), `orientation` (0-7,
    what was done to the row's picture) and `grey_difference` are as in DuplicatePair; `detail` is
    the crop or the words in common.
    """

    item_id: str
    benchmark: str
    place: str
    kind: str
    distance: int
    orientation: int
    grey_difference: float
    detail: str


@dataclass(frozen=True)
class Contamination:
    """How near one row comes to the evaluation sets: one row per input, most without matches."""

    row_id: str
    tags: tuple[Tag, ...]
    matches: tuple[EvaluationMatch, ...]


@dataclass(frozen=True)
class Selected:
    """A row that goes into a release: table `selected/<subset>`, one per kept input.

    `row_id` is the key of the subset's own table (the image id for captions).
    """

    row_id: str
    image_id: str
    split: str
