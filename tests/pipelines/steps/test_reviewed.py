"""Which text of a recording counts, and which tags still hold for it."""

from pipelines.steps.policy import Policy
from pipelines.steps.reviewed import Review, corrected, latest_reviews, reviewed_tags
from pipelines.steps.speech_checks import DEFAULT_LIMITS
from schemas.judgment import Tag
from tests.toy_store import transcript

POLICY = Policy(tuple(DEFAULT_LIMITS.items()))


def test_the_latest_of_several_counts_and_the_larger_id_of_two_at_once() -> None:
    found = latest_reviews(
        [
            Review("1", "r", "first", "2026-01-01"),
            Review("3", "r", "last", "2026-01-02"),
            Review("2", "r", "as late", "2026-01-02"),
            Review("4", "s", "another recording", "2025-01-01"),
        ]
    )
    assert {name: review.review_id for name, review in found.items()} == {"r": "3", "s": "4"}


def test_without_a_review_nothing_changes() -> None:
    spoken = transcript("a", "a red cup", tags=(Tag("loop_v1", 0.1),))
    assert corrected(spoken, None) is spoken


def test_tags_of_the_speech_follow_the_words() -> None:
    tags = [Tag("loop_v1", 0.9), Tag("words_per_second_v1", 2.0), Tag("seconds_per_word_v1", 0.6)]
    assert reviewed_tags(tags, "one two three four", "one two") == (
        Tag("words_per_second_v1", 1.0),
        Tag("seconds_per_word_v1", 1.2),
    )


def test_two_words_in_a_minute_are_still_too_few() -> None:
    tags = (Tag("loop_v1", 0.9), Tag("seconds_per_word_v1", 0.6))
    spoken = transcript("a", "la " * 100, tags=tags)
    few = corrected(spoken, Review("1", spoken.recording_id, "a cup", "2026"))
    assert POLICY.broken_by(few.tags) == "seconds_per_word_v1"
    many = corrected(spoken, Review("1", spoken.recording_id, "word " * 90, "2026"))
    assert POLICY.broken_by(many.tags) is None


def test_a_transcript_without_words_does_not_divide_by_nothing() -> None:
    tags = (Tag("seconds_per_word_v1", 20.0),)
    assert reviewed_tags(tags, "", "one two three four") == (Tag("seconds_per_word_v1", 5.0),)
    assert reviewed_tags(tags, "one", "") == (Tag("seconds_per_word_v1", 20.0),)
