"""Pseudonyms of annotators: the same for the same name and salt, on every machine."""

from schemas.ids import content_id


def pseudonym(annotator: str, salt: str) -> str:
    """A stable pseudonym; without the salt it cannot be guessed from a list of names."""
    return "a" + content_id("annotator", salt, annotator)[:12]
