"""A text LLM and renderers for the tests of documents: answers by rule, pictures of plain boxes.

The model tells what it is asked for by the form of the answer; a source is `draw TOOL` and the
data, and what the toy renderer does with it is said in the source too.
"""

import io
import json
import re
import threading
import time
from collections.abc import Mapping

from PIL import Image, ImageDraw

from pipelines.services.rendering.renderer import RenderConfig, RenderedPicture
from schemas.judgment import Reject
from tests.toy_llm import Body

TABLE = "Stall,Jars sold,Euros\nGate,41,300\nFountain,57,410\nBridge,23,190\n"
GRAPH = {
    "nodes": ["Open the hive", "Take the frames", "Fill the jars"],
    "edges": [
        {"source": "Open the hive", "target": "Take the frames", "label": "with smoke"},
        {"source": "Take the frames", "target": "Fill the jars", "label": ""},
    ],
}
OUTLINE = {
    "title": "Market day",
    "sections": [
        {"heading": "Honey", "items": ["Lime honey 7.50", "Heather honey 9.20"]},
        {"heading": "Candles", "items": ["Small candle 3.10"]},
    ],
}
_ASKED = {
    "table": [("Which stall sold the most?", "Fountain"), ("How many did the gate sell?", "41")],
    "graph": [("What follows open the hive?", "Take the frames"), ("How many steps?", "3")],
    "outline": [("What costs 7.50?", "Lime honey"), ("How many candles?", "1")],
}


def asked_for(body: Body) -> str:
    """What a request wants: topic, data, questions, or code, which alone has no form."""
    form = body.get("response_format")
    return str(form["json_schema"]["name"]) if form else "code"


def user_of(body: Body) -> str:
    """The user's side of a request."""
    return str(body["messages"][1]["content"])


def data_kind(body: Body) -> str:
    """The form of the data that a request wants."""
    keys = body["response_format"]["json_schema"]["schema"]["properties"]
    return "graph" if "nodes" in keys else "outline" if "sections" in keys else "table"


def answer(body: Body) -> str:
    """A model that does everything well."""
    kind = asked_for(body)
    if kind == "topic":
        person = re.search(r"Person: (.+)", user_of(body))
        return json.dumps({"topic": f"Plans of {person[1] if person else ''}"[:60]})
    if kind == "data":
        values = {"graph": GRAPH, "outline": OUTLINE}
        return json.dumps(values.get(data_kind(body)) or table_for(body))
    if kind == "code":
        return f"Here it is:\n```\n{source_of(user_of(body))}\n```\n"
    return json.dumps({"items": items_for(user_of(body))})


def table_for(body: Body) -> Body:
    """TABLE in the form that is asked for: its numbers as texts where texts are wanted."""
    form = body["response_format"]["json_schema"]["schema"]["$defs"]
    names = list(form["Header"]["properties"])
    kinds = [form["Row"]["properties"][name]["type"] for name in names]
    header, *lines = [line.split(",")[: len(names)] for line in TABLE.splitlines()]
    rows = [
        [float(cell) if kind == "number" else cell for cell, kind in zip(line, kinds, strict=True)]
        for line in lines
    ]
    made = [dict(zip(names, line, strict=True)) for line in (header, *rows)]
    return {"header": made[0], "rows": made[1:]}


def source_of(user: str) -> str:
    """A source for the toy renderer that shows all of the data."""
    tool = re.search(r"Tool: (\S+),", user)
    shown = "\n".join((TABLE, json.dumps(GRAPH), json.dumps(OUTLINE)))
    return f"draw {tool[1] if tool else ''}\nreads data.csv\n{shown}"


def items_for(user: str) -> list[dict[str, str]]:
    """Two questions with right answers, one with a wrong one."""
    kind = "graph" if '"nodes"' in _given(user) else "outline" if "sections" in _given(user) else ""
    asked = [*_ASKED[kind or "table"], ("How much is missing here?", "98765")]
    return [{"question": q, "explanation": "It is shown.", "answer": a} for q, a in asked]


def _given(user: str) -> str:
    return user.split("with this source")[0]


def drawn(text: str, width: int = 320, height: int = 240) -> bytes:
    """A PNG file with boxes that the text decides."""
    picture = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(picture)
    for at, letter in enumerate(text[:12]):
        left = 20 + 22 * at
        pen.rectangle((left, height - 20 - ord(letter) % 97, left + 12, height - 20), "teal")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


class ToyRenderer:
    """Draws what `drawn` makes of a source; what it was given is in `seen`."""

    def __init__(self, config: RenderConfig, tool: str = "matplotlib", pause_s: float = 0) -> None:
        self.tool = tool
        self.pause_s = pause_s
        self.config = config
        self.thread = threading.get_ident()
        self.seen: list[tuple[str, Mapping[str, bytes]]] = []
        self.closed = 0

    def version(self) -> str:
        """Of the toy."""
        return f"toy {self.tool} 1"

    def render(
        self, source: str, files: Mapping[str, bytes] | None = None
    ) -> RenderedPicture | Reject:
        """A picture, blank where the source says so; a Reject where it says `fail`."""
        assert threading.get_ident() == self.thread, "another thread than the one that opened it"
        time.sleep(self.pause_s)
        self.seen.append((source, dict(files or {})))
        if "fail" in source:
            return Reject("render_failed", "line 1: no such thing as fail")
        png = drawn("" if "blank" in source else source)
        return RenderedPicture(png, 320, 240)

    def close(self) -> None:
        """In the thread that opened it, as every call."""
        assert threading.get_ident() == self.thread
        self.closed += 1
