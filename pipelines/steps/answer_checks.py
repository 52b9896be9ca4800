"""Judgments about answers to questions about pictures: tags, higher is worse, 0 is left out.

The answers were drafted by a text model that saw a caption and never the picture, and taken by a
person who may have looked away:

- `refusal_v1`: 1 when the answer begins as a refusal
- `speaks_of_text_v1`: how often it speaks of what the model was told in place of the picture
"""

import re
from typing import Final

from pipelines.steps.caption_checks import is_refusal
from schemas.judgment import Tag

REFUSAL, SPEAKS_OF_TEXT = "refusal_v1", "speaks_of_text_v1"
TAGS = (REFUSAL, SPEAKS_OF_TEXT)
DEFAULT_LIMITS: Final[tuple[tuple[str, float], ...]] = ((REFUSAL, 1.0), (SPEAKS_OF_TEXT, 1.0))
_TOLD = re.compile(
    r"\b(?:the|this|your|provided|given|above|image) (?:caption|image description|description|ocr"
    r"|transcript)s?\b(?! (?:of|on|in|under|below|at|reads?|says?)\b)"
    r"|\b(?:based on|according to|from) (?:the |your )?(?:caption|description|ocr)\b"
    r"|\bocr (?:text|output)\b",
    re.I,
)


def check_answer(answer: str) -> tuple[Tag, ...]:
    """The tags of one answer; none for one that nothing is to be said of."""
    scores = {
        REFUSAL: float(is_refusal(answer, "")),
        SPEAKS_OF_TEXT: float(len(_TOLD.findall(answer))),
    }
    return tuple(Tag(name, score) for name, score in scores.items() if score)
