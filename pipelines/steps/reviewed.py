"""A transcript that a person corrected: which text counts, and which tags still do.

The latest review of a recording counts, whoever wrote it. Most tags of a transcript suspect the
recogniser of having invented text; where a person has listened, they say nothing any more. What the
recording itself is like stays: how much was said in its time, counted in the person's words.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from pipelines.steps.speech_checks import count_words
from schemas.judgment import Tag
from schemas.records import Transcript

# Tags that judge the speech rather than the recogniser, and whether more words raise them.
_OF_SPEECH = {"words_per_second_v1": True, "seconds_per_word_v1": False}


@dataclass(frozen=True)
class Review:
    """What a person heard in a recording, and when this was submitted (ISO time)."""

    review_id: str
    recording_id: str
    text: str
    submitted_at: str


def latest_reviews(reviews: Iterable[Review]) -> dict[str, Review]:
    """The review that counts for each recording: the latest, the larger id of two at once."""
    found: dict[str, Review] = {}
    for review in reviews:
        other = found.get(review.recording_id)
        mine = (review.submitted_at, review.review_id)
        if other is None or mine > (other.submitted_at, other.review_id):
            found[review.recording_id] = review
    return found


def corrected(transcript: Transcript, review: Review | None) -> Transcript:
    """The transcript with the person's text and the tags that still hold; as it is without one."""
    if review is None:
        return transcript
    tags = reviewed_tags(transcript.tags, transcript.text, review.text)
    return replace(transcript, text=review.text, tags=tags)


def reviewed_tags(tags: Iterable[Tag], heard: str, text: str) -> tuple[Tag, ...]:
    """The tags of the speech, for the words of `text` in place of those that were heard."""
    more = max(count_words(text), 1.0) / max(count_words(heard), 1.0)
    return tuple(
        Tag(tag.name, round(tag.score * more if _OF_SPEECH[tag.name] else tag.score / more, 4))
        for tag in tags
        if tag.name in _OF_SPEECH
    )


def with_reviews(found: Any) -> Any:
    """Captions as an Arrow table or batch; those of a version that knew no reviews have none."""
    if "review_ids" in found.schema.names:
        return found
    none = [[""] * len(recordings) for recordings in found.column("recording_ids").to_pylist()]
    return found.append_column("review_ids", pa.array(none, pa.list_(pa.string())))
