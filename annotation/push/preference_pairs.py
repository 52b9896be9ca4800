"""From answers of several models to one prompt to pairs that a person compares blindly.

A pair is drawn by a salted digest of what is in it, never by its place in the file: with more
prompts or another model the same command draws the same pairs again and adds new ones. Nothing
that leaves this module for Label Studio names a model.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.steps.read_rows import InputRow, read_rows
from schemas.annotations import PreferencePair
from schemas.errors import UsageError
from schemas.ids import content_id, image_id_of, unit_interval

SAME_MODEL = "same_model"
EQUAL_ANSWERS = "equal_answers"
REPEATED = "repeated"
_NEEDED = ("prompt", "model", "answer")
_FIELDS = (*_NEEDED, "prompt_id", "image_id")


@dataclass(frozen=True)
class Answer:
    """What one model answered to one prompt; `image_id` is empty for a prompt without a picture."""

    prompt_id: str
    image_id: str
    prompt: str
    model: str
    answer: str


@dataclass(frozen=True)
class DrawnPairs:
    """Pairs in the order of their ids; `left_out` counts why others are not among them."""

    pairs: tuple[PreferencePair, ...]
    left_out: dict[str, int]


def pairs_of(rows: Iterable[Answer], salt: str, per_prompt: int = 0) -> list[PreferencePair]:
    """The pairs of `draw_pairs`."""
    return list(draw_pairs(rows, salt, per_prompt).pairs)


def draw_pairs(rows: Iterable[Answer], salt: str, per_prompt: int = 0) -> DrawnPairs:
    """All pairs of models per prompt, or those `per_prompt` with the smallest salted digests.

    Every pair of models is equally likely to be drawn for a prompt, and every side to be the left
    one. `salt` keeps both from being guessed; it is the campaign's secret. Left out: a model
    against itself (`same_model`), answers that differ in blanks at most (`equal_answers`), and a
    pair that the rows hold more than once (`repeated`).
    """
    left_out: Counter[str] = Counter()
    drawn: list[PreferencePair] = []
    for answers in _by_prompt(rows).values():
        found: dict[str, PreferencePair] = {}
        for one, other in itertools.combinations(answers, 2):
            pair = _pair(one, other, salt)
            reason = _why_not(pair, found)
            if reason:
                left_out[reason] += 1
            else:
                found[pair.pair_id] = pair
        ranked = sorted(found)
        drawn += [found[pair_id] for pair_id in (ranked[:per_prompt] if per_prompt else ranked)]
    return DrawnPairs(tuple(sorted(drawn, key=lambda pair: pair.pair_id)), dict(left_out))


def _by_prompt(rows: Iterable[Answer]) -> dict[str, list[Answer]]:
    prompts: defaultdict[str, list[Answer]] = defaultdict(list)
    for row in rows:
        prompts[row.prompt_id].append(row)
    return prompts


def _pair(one: Answer, other: Answer, salt: str) -> PreferencePair:
    """`a` is the smaller of model and answer, so that the order of the rows says nothing."""
    a, b = sorted((one, other), key=lambda answer: (answer.model, answer.answer))
    pair_id = content_id(
        *("preference-pair", salt, a.prompt_id, a.image_id, a.prompt),
        *(a.model, a.answer, b.model, b.answer),
    )
    return PreferencePair(
        pair_id=pair_id,
        prompt_id=a.prompt_id,
        image_id=a.image_id,
        prompt=a.prompt,
        model_a=a.model,
        answer_a=a.answer,
        model_b=b.model,
        answer_b=b.answer,
        swapped=unit_interval("preference-side", salt, pair_id) < 0.5,
    )


def _why_not(pair: PreferencePair, found: dict[str, PreferencePair]) -> str:
    if pair.model_a == pair.model_b:
        return SAME_MODEL
    if " ".join(pair.answer_a.split()) == " ".join(pair.answer_b.split()):
        return EQUAL_ANSWERS
    return REPEATED if pair.pair_id in found else ""


def sides_of(pair: PreferencePair) -> tuple[str, str]:
    """The answers as they are shown: left, right."""
    shown = (pair.answer_a, pair.answer_b)
    return (shown[1], shown[0]) if pair.swapped else shown


def choice_of(pair: PreferencePair, shown: str) -> str:
    """What a choice on the page says about the pair: `left` and `right` become `a` and `b`."""
    if shown not in ("left", "right"):
        return shown
    return "b" if (shown == "left") == pair.swapped else "a"


def read_answers(url: str) -> list[Answer]:
    """Answers from rows of prompt, model, answer and, where known, prompt_id and a picture.

    The file is Parquet, CSV or JSON lines; the picture is `image_url` or `image_id`. Without
    `prompt_id` a prompt is known by its text and picture. UsageError, with file and row, for
    anything else, and for one `prompt_id` under which two prompts stand.
    """
    answers = [_answer(url, row) for row in read_rows(url)]
    _check_prompts(url, answers)
    return answers


def _answer(url: str, row: InputRow) -> Answer:
    if row.values is None:
        raise UsageError(f"{url}, row {row.number}: {row.error}; mend or remove it")
    known = {name: row.values.get(name) or "" for name in (*_FIELDS, "image_url")}
    known["prompt_id"] = numbered(row.values.get("prompt_id"))
    wrong = sorted(name for name, value in known.items() if not isinstance(value, str))
    if wrong:
        raise UsageError(f"{url}, row {row.number}: {', '.join(wrong)} must be text")
    if not all(known[name].strip() for name in _NEEDED):
        raise UsageError(f"{url}, row {row.number}: {', '.join(_NEEDED)} must not be empty")
    image_url = known.pop("image_url")
    image_id = known["image_id"] or (image_id_of(image_url) if image_url else "")
    prompt_id = known["prompt_id"] or content_id("prompt", image_id, known["prompt"])
    return Answer(**(known | {"image_id": image_id, "prompt_id": prompt_id}))


def numbered(name: Any) -> Any:
    """A name that may be a number, as text; empty for none. Anything else stays what it is."""
    if isinstance(name, int) and not isinstance(name, bool):
        return str(name)
    return "" if name is None else name


def _check_prompts(url: str, answers: Sequence[Answer]) -> None:
    first: dict[str, Answer] = {}
    for answer in answers:
        known = first.setdefault(answer.prompt_id, answer)
        if (known.prompt, known.image_id) != (answer.prompt, answer.image_id):
            raise UsageError(
                f"{url}: prompt_id {answer.prompt_id} stands for two prompts; "
                "give each prompt, with its picture, an id of its own"
            )
