"""The styles of questions about a caption, and which of them a caption gets.

The choice worth knowing: styles, and the sentence of the caption that each question starts from,
are drawn by a stable hash of the picture, so that a rerun asks the same, and asking for more
questions leaves the first ones as they are. A style that a caption has nothing for (counting
without a number, reading without words to read) is not drawn for it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pipelines.steps.word_facts import numbers_in, words_of
from schemas.ids import unit_interval

_READING = re.compile(
    r"[\"“”«»]|\b(?:says?|reads?|reading|written|writes?|words?|text|letters?|title[ds]?|labell?ed"
    r"|labels?|sign|signs|logo|inscription|caption|headline)\b",
    re.I,
)
_PLACE = re.compile(
    r"\b(?:left|right|top|bottom|above|below|behind|front|beside|next to|between|under|over|around"
    r"|middle|cent(?:er|re)|corner|edges?|background|foreground|on|in|at|against|near|across)\b",
    re.I,
)
_SENTENCE = re.compile(r"(?<=[.!?])[\"”’)]*\s+")
_FEW_WORDS = 4  # a shorter sentence is no start for a question

Has = Callable[[str], bool]


def _anything(text: str) -> bool:
    return len(words_of(text)) >= _FEW_WORDS


@dataclass(frozen=True)
class Style:
    """One way to ask: what the writer is told; `turns` above 1 is the most turns of a conversation.

    `has` says whether a text holds something to ask about; `whole` starts from the whole caption.
    """

    name: str
    task: str
    has: Has = _anything
    turns: int = 1
    whole: bool = False


_TABLE = (
    Style(
        "short",
        'Ask "What color is the ...?" or "What kind of ... is it?" about one thing. Answer in one'
        " to five words.",
    ),
    Style(
        "detail",
        'Ask "What does the ... look like?" about one thing. Answer in one or two whole sentences.',
    ),
    Style(
        "count",
        'Ask "How many ... are there?" about something whose number is given. Answer with the'
        " number and what is counted.",
        has=lambda text: bool(numbers_in(text)),
    ),
    Style(
        "reading",
        'Ask "What does the ... say?" about words that can be read in the picture. Answer with'
        " these words in double quotation marks.",
        has=lambda text: bool(_READING.search(text)),
    ),
    Style(
        "spatial",
        'Ask "Where is the ...?" or "What is behind the ...?" or the like. Answer in one whole'
        " sentence.",
        has=lambda text: bool(_PLACE.search(text)),
    ),
    Style(
        "yes_no",
        'Ask a short question about one thing that begins with "Is", "Are" or "Does". Answer in one'
        ' short sentence that begins with "Yes" or "No".',
    ),
    Style(
        "reasoning",
        'Ask "How can you tell that ...?" or "Why does the ... look ...?". Answer in one or two'
        " whole sentences that name what can be seen.",
    ),
    Style(
        "description",
        'Ask "What is in this picture?" or for a description of its main subject. Answer in one or'
        " two short sentences of your own words, with the main things only.",
        whole=True,
    ),
    Style(
        "conversation",
        "Each question is about another thing in the picture. Each answer is one whole sentence.",
        turns=3,
        whole=True,
    ),
)
STYLES: Final[dict[str, Style]] = {style.name: style for style in _TABLE}


@dataclass(frozen=True)
class Draw:
    """A question to be written: its style, the sentence that it starts from (empty: the whole
    caption), and in which round over the styles it was drawn."""

    style: Style
    focus: str
    turn: int


def draw_questions(image_id: str, caption: str, count: int, styles: Sequence[str]) -> list[Draw]:
    """Exactly `count` draws for a caption, from the named styles or, without names, from all.

    Each style that the caption has something for comes once before one comes twice.
    """
    wanted = [STYLES[name] for name in styles or STYLES]
    sentences = [text.strip() for text in _SENTENCE.split(caption) if text.strip()]
    fit = [style for style in wanted if style.has(caption)] or wanted[:1]
    fit.sort(key=lambda style: unit_interval("cap-qa style", image_id, style.name))
    draws = []
    for at in range(count):
        turn, place = divmod(at, len(fit))
        draws.append(Draw(fit[place], _focus(image_id, fit[place], sentences, turn), turn))
    return draws


def _focus(image_id: str, style: Style, sentences: Sequence[str], turn: int) -> str:
    """The sentence of a style in its turn; each that it can use once, in an order of its own."""
    usable = [text for text in sentences if style.has(text) and _anything(text)]
    if len(usable) < 2 or (style.whole and turn == 0):
        return ""
    usable.sort(key=lambda text: unit_interval("cap-qa focus", image_id, style.name, text))
    return usable[turn % len(usable)]
