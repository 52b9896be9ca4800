"""How much of a text a person must have typed: what is in it and not in the text it began from.

Counted by words, so that a moved sentence counts and an untouched one does not. It is a lower
bound that is cheap to compute, not an edit distance: typing that was taken back is not in it.
"""

from difflib import SequenceMatcher


def typed_characters(text: str, draft: str = "") -> int:
    """Characters of the words of `text` that do not stand, in their order, in `draft`."""
    words, had = text.split(), draft.split()
    if words == had:
        return 0
    start = _common(words, had)
    end = _common(words[start:][::-1], had[start:][::-1])
    fresh, gone = words[start : len(words) - end], had[start : len(had) - end]
    # Words that stand everywhere are junk to the matcher, which keeps it from quadratic time.
    blocks = SequenceMatcher(None, gone, fresh).get_matching_blocks()
    kept = {block.b + at for block in blocks for at in range(block.size)}
    return sum(len(word) for at, word in enumerate(fresh) if at not in kept)


def _common(one: list[str], other: list[str]) -> int:
    """How many words two texts have in common at their beginning."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
