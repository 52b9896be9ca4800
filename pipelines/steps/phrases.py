"""Referring phrases as PixMo-Points has them: one line, without quotes around it or a full stop.

Letters keep their case, since names have capitals; the trainer lower-cases labels when it writes
prompts. Two phrases that differ in case alone are one, see `folded`.
"""

import unicodedata

_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "`": "`"}


def normal_phrase(text: str) -> str:
    """A phrase in NFC with single spaces; empty where nothing is left of it."""
    phrase = " ".join(unicodedata.normalize("NFC", text).split())
    while (shorter := _stripped(phrase)) != phrase:
        phrase = shorter
    return phrase


def _stripped(phrase: str) -> str:
    if len(phrase) > 1 and _QUOTES.get(phrase[0]) == phrase[-1]:
        return phrase[1:-1].strip()
    # An abbreviation at the end ("the U.S.") keeps its point.
    ends = phrase.endswith((".", ",", ";", ":")) and "." not in phrase[:-1]
    return phrase[:-1].strip() if ends else phrase


def folded(text: str) -> str:
    """What spellings of one phrase or question have in common: no case, no odd spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
