"""What stands in the answer box when there is no draft: never an answer, always a way on.

The choice worth knowing: the texts are a closed set. The ask loop replaces a notice only when it
stands there unchanged; `is_notice` is wider, because an answer that still begins with the mark is
one that nobody wrote.
"""

MARK = "[no draft"

DOWN = f"{MARK}: the text model does not answer. Write the answer yourself, or ask again later.]"
SLOW = f"{MARK}: the text model takes too long. Write the answer yourself, or ask again later.]"
BUDGET = f"{MARK}: what the text model may cost is used up. Write the answer yourself.]"
BUSY = f"{MARK}: too many people ask at once. Ask again in a moment, or write the answer yourself.]"
MALFORMED = f"{MARK}: the text model gave no usable answer. Write the answer yourself.]"
REPEATED = f"{MARK}: the text model only repeated what you refused. Write the answer yourself.]"
UNCITED = f"{MARK}: the text model did not cite your points. Write the answer yourself.]"
NO_POINTS = f"{MARK}: no point is placed yet. Place the points first, then ask again.]"
NO_TEXT = f"{MARK}: nothing is written about this picture. Write the answer yourself.]"
TOO_LONG = (
    f"{MARK}: this is too long for the text model. Ask shorter, or write the answer yourself.]"
)
NOT_KEPT = f"{MARK}: the draft could not be written down. Tell whoever runs this campaign.]"

NOTICES = frozenset(
    {DOWN, SLOW, BUDGET, BUSY, MALFORMED, REPEATED, UNCITED, NO_POINTS, NO_TEXT, TOO_LONG, NOT_KEPT}
)


def is_notice(text: str) -> bool:
    """Whether a text begins as a notice does, whatever was added to it."""
    return text.lstrip().lower().startswith(MARK)
