"""A row as blocks that a page knows how to draw, by what columns it has: one form for all subsets.

A block is a list whose first entry is its kind: `text`, `speech`, `qa`, `turns`, `points`, `why`,
`facts`, `tags`, `made`. A column that no block takes becomes a fact, so that a new subset shows
everything before anyone has taught the report about it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.subsets import Subset

Row = Mapping[str, Any]
Block = list[Any]

_EXCERPT = 220
_POINT = re.compile(r"<\|POINT\|>")
_LINEAGE_FIRST = ("speech_model", "clean_prompt", "model", "caption_prompt", "code_version")
# Shown elsewhere: beside the texts, as tags or as the picture.
_NOT_MADE = frozenset({"cleaned", "tags", "image_url", "annotator_ids", "dropped"})


@dataclass(frozen=True)
class View:
    """What the list shows of a row (`title`), its blocks, its words for the index, and facts that
    rows are sorted, filtered and counted by."""

    title: str
    blocks: list[Block]
    search: str
    facts: dict[str, float] = field(default_factory=dict)


def view(subset: Subset, row: Row, lineage: Row, rules: tuple[str, ...] = ()) -> View:
    """The view of one row; `lineage` is empty where nothing tells what made the row, `rules` are
    those that kept it out of the release."""
    row = _with_listed_points(row)
    taken: set[str] = {"image"}
    blocks = [["why", list(rules)]] if rules else []
    blocks += list(_texts(row, lineage, taken))
    blocks += list(_points(subset, row, taken))
    blocks += list(_plain(subset, row, taken))
    blocks += list(_made(row, lineage))
    facts = _facts(subset, row, lineage) | {f"why {rule.split(':')[0]}": 1.0 for rule in rules}
    return View(_title(subset, row), blocks, _words(subset, row), facts)


def _with_listed_points(row: Row) -> Row:
    """A row whose points are a list of x and one of y with a list of points instead."""
    points = row.get("points")
    if not isinstance(points, Mapping):
        return row
    both = zip(points["x"] or (), points["y"] or (), strict=False)
    return {**row, "points": [{"x": x, "y": y} for x, y in both]}


def _texts(row: Row, lineage: Row, taken: set[str]) -> Iterator[Block]:
    if row.get("caption") is not None:
        taken.add("caption")
        yield ["text", "Caption", row["caption"]]
    if row.get("transcripts") is not None:
        taken.add("transcripts")
        yield ["speech", _speech(row["transcripts"], lineage)]
    if row.get("questions") is not None:
        taken.add("questions")
        yield ["qa", _pairs(row["questions"])]
    messages = row.get("messages")
    if messages:
        taken |= {"messages", "question", "answer"}
        yield ["turns", list(messages)]
    elif row.get("question") is not None:
        taken |= {"question", "answer"}
        yield ["qa", [[row["question"], row.get("answer") or row.get("response") or ""]]]
        if row.get("answer") is None:
            taken.add("response")


def _speech(transcripts: Any, lineage: Row) -> list[list[str]]:
    """[transcript, cleaned, recording id] for each; what the lineage lacks is empty."""
    cleaned, ids = (list(lineage.get(name) or ()) for name in ("cleaned", "recording_ids"))
    return [
        [text or "", *(values[at] if at < len(values) else "" for values in (cleaned, ids))]
        for at, text in enumerate(transcripts)
    ]


def _pairs(questions: Any) -> list[list[str]]:
    """Questions with their answers, of one document: a struct of two lists, or a list of pairs."""
    if isinstance(questions, Mapping):
        both = (list(questions.get(name) or ()) for name in ("question", "answer"))
        return [[q or "", a or ""] for q, a in zip(*both, strict=False)]
    return [[pair.get("question") or "", pair.get("answer") or ""] for pair in questions]


def _points(subset: Subset, row: Row, taken: set[str]) -> Iterator[Block]:
    points = row.get("points")
    if points is None:
        return
    taken.add("points")
    if points and isinstance(points[0], Mapping):
        taken.add("label")
        pairs = [[_coordinate(p.get("x")), _coordinate(p.get("y"))] for p in points]
        yield ["points", subset.points, [[row.get("label") or "", pairs]]]
    else:
        taken |= {"inline_text", "alt_text"}
        yield ["points", subset.points, _groups(row)]
    response = row.get("parsed_response")
    if response:
        taken.add("parsed_response")
        yield ["text", "Answer with its points", _numbered(response)]


def _groups(row: Row) -> list[Any]:
    """One group for each reference of the answer: what it is called, and where it points to."""
    labels, hints = (list(row.get(name) or ()) for name in ("inline_text", "alt_text"))
    groups = []
    for at, group in enumerate(row["points"]):
        label = labels[at] if at < len(labels) else ""
        hint = hints[at] if at < len(hints) else ""
        text = label if not hint or hint == label else f"{label} ({hint})"
        pairs = [[_coordinate(p[0]), _coordinate(p[1])] for p in group if len(p) == 2]
        groups.append([text, pairs])
    return groups


def _coordinate(value: Any) -> float | None:
    return round(float(value), 3) if value is not None and value == value else None


def _numbered(response: str) -> str:
    """Placeholders of an answer as the numbers of their groups."""
    count = iter(range(1, 1 + len(_POINT.findall(response))))
    return _POINT.sub(lambda _: f"[{next(count)}]", response)


def _plain(subset: Subset, row: Row, taken: set[str]) -> Iterator[Block]:
    if subset.name == "clocks":
        taken |= {"text"}
        yield ["text", "Time", row.get("text") or ""]
    left = [name for name in row if name not in taken and row[name] is not None]
    facts = [[name, _shown(row[name])] for name in left if name != "tags"]
    if facts:
        yield ["facts", facts]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _made(row: Row, lineage: Row) -> Iterator[Block]:
    tags = lineage.get("tags") or row.get("tags") or []
    if tags:
        yield ["tags", [[tag["name"], round(float(tag["score"]), 4)] for tag in tags]]
    names = [n for n in _LINEAGE_FIRST if lineage.get(n)]
    names += [n for n in lineage if n not in names and n not in _NOT_MADE and lineage[n]]
    if names:
        yield ["made", [[name, _shown(lineage[name])] for name in names]]


def _title(subset: Subset, row: Row) -> str:
    for name in ("caption", "question", "text", "label", *subset.texts):
        value = row.get(name)
        if isinstance(value, str) and value:
            return value[:_EXCERPT]
    pairs = _pairs(row["questions"]) if row.get("questions") else []
    return pairs[0][0][:_EXCERPT] if pairs else ""


def _words(subset: Subset, row: Row) -> str:
    """Everything that a search looks through: texts, labels and the address, not the lineage."""
    skipped = {"image", "image_sha256", "points", "tags"}
    return "\n".join(_flat(value) for name, value in row.items() if name not in skipped)


def _flat(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "\n".join(map(_flat, value.values()))
    if isinstance(value, list | tuple):
        return "\n".join(map(_flat, value))
    return "" if value is None or isinstance(value, bool) else str(value)


def _facts(subset: Subset, row: Row, lineage: Row) -> dict[str, float]:
    facts: dict[str, float] = {}
    for name in ("caption", "answer", "response"):
        if isinstance(row.get(name), str):
            facts[f"words in {name}"] = len(row[name].split())
            break
    if row.get("transcripts") is not None:
        facts["transcripts"] = len(row["transcripts"])
    if row.get("points") is not None:
        facts["points"] = _count_points(row["points"])
    if row.get("count") is not None:
        facts["count"] = row["count"]
    if row.get("questions") is not None:
        facts["questions"] = len(_pairs(row["questions"]))
    if row.get("messages"):
        facts["turns"] = len(row["messages"])
    if row.get("hour_visible") is not None and row.get("minute_visible") is not None:
        facts["time"] = row["hour_visible"] + row["minute_visible"] / 60
    for tag in lineage.get("tags") or row.get("tags") or []:
        facts[f"tag {tag['name']}"] = tag["score"]
    return facts


def _count_points(points: Any) -> int:
    if points and not isinstance(points[0], Mapping):
        return sum(len(group) for group in points)
    return len(points)
