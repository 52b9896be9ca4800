"""The ask loop: pages come in, drafts go out, and every turn is on the disk before it is shown.

The choice worth knowing: each pair of task and person has a desk with at most one draft under way.
A page that wants the same draft waits for it with the others; a page that wants another, or none,
ends it. So the newest page decides, and a late draft never lands on a newer text.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from annotation.ask.context import Ask, read_asks
from annotation.ask.decide import Wanted, decide
from annotation.ask.drafts import (
    ASK_PROMPT,
    EXPLAIN_PROMPT,
    draft,
    notice_of,
    obstacle,
    prompt_name,
)
from annotation.ask.notices import BUDGET, BUSY, DOWN, NOT_KEPT, SLOW
from annotation.ask.turns import Turn, turn_of
from annotation.campaign import Campaign
from annotation.home import Home
from annotation.sidecar.lines import append_line, read_lines
from annotation.sidecar.model import LazyTextModel
from pipelines.steps.answers import Asked
from pipelines.steps.text_requests import TextModel
from schemas.errors import PixmoError, StopRun

TURN_S = 60.0  # Label Studio itself waits 100 s
MOST_AT_ONCE = 6  # each holds one of Label Studio's threads while the model works
_DETAIL = 300
_SUPERSEDED = "superseded: the page wanted something else meanwhile"
_EMPTY: list[dict[str, Any]] = []
_LOG = logging.getLogger("sidecar")


@dataclass
class _Desk:
    turns: list[Turn] = field(default_factory=list)
    wanted: Wanted | None = None
    running: "asyncio.Task[str] | None" = None


class Drafts:
    """Predictions for Label Studio, over one campaign's log of turns."""

    def __init__(self, home: Home, model: TextModel, turn_s: float = TURN_S) -> None:
        self._home = home
        self._model = model
        self._turn_s = turn_s
        self._desks: dict[tuple[str, int], _Desk] = defaultdict(_Desk)
        for line in read_lines(home.turns):
            turn = turn_of(line)
            if turn and turn.error != _SUPERSEDED:
                self._desks[turn.task_key, turn.user].turns.append(turn)

    @property
    def version(self) -> str:
        """What Label Studio shows as the version of the model."""
        return f"{self._model.name}, {ASK_PROMPT}, {EXPLAIN_PROMPT}"

    async def predict(self, payload: dict[str, Any]) -> list[dict[str, Any]]:
        """One prediction per task; UsageError when the payload is none of Label Studio's.

        For an open page, no result at all (null) leaves it as it is; an empty list would have its
        boxes drawn anew under the hands of whoever types.
        """
        predictions = []
        for ask in read_asks(payload):
            result = _EMPTY if ask is None else _region(await self.answer(ask))
            predictions.append({"result": result, "model_version": self.version})
        return predictions

    async def answer(self, ask: Ask) -> str | None:
        """The text for the answer box; None to leave it alone."""
        desk = self._desks[ask.task.key, ask.user]
        wanted = decide(ask, desk.turns)
        if desk.running and not desk.running.done():
            if wanted and desk.wanted and _same(wanted, desk.wanted):
                return await self._wait(desk.running)
            desk.running.cancel()
        if wanted is None:
            return None
        desk.wanted = wanted
        desk.running = asyncio.create_task(self._turn(desk, ask, wanted))
        return await self._wait(desk.running)

    async def close(self) -> None:
        """End what is under way; each is written down as ended."""
        running = [d.running for d in self._desks.values() if d.running and not d.running.done()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _wait(self, running: "asyncio.Task[str]") -> str | None:
        """What comes of a draft; None when a newer page ended it."""
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            if running.cancelled():
                return None
            raise

    async def _turn(self, desk: _Desk, ask: Ask, wanted: Wanted) -> str:
        turn, started = _blank(ask, wanted, self._model.name), time.monotonic()
        try:
            notice = obstacle(ask) or self._busy()
            made = replace(turn, error=notice)
            if not notice:
                made, notice = await self._ask(turn, ask, wanted)
        except asyncio.CancelledError:
            self._keep(desk, replace(turn, error=_SUPERSEDED), started)
            raise
        return (notice or made.draft) if self._keep(desk, made, started) else NOT_KEPT

    async def _ask(self, turn: Turn, ask: Ask, wanted: Wanted) -> tuple[Turn, str]:
        """The turn with its draft or error, and the notice in place of a draft."""
        try:
            async with asyncio.timeout(self._turn_s):
                outcome = await draft(self._model, ask, wanted)
        except TimeoutError:
            return replace(turn, error=f"no draft within {self._turn_s:g} s"), SLOW
        except StopRun as error:
            return replace(turn, error=_line(error)), BUDGET
        except (PixmoError, OSError) as error:
            _LOG.error("the text model cannot be asked: %s", _line(error))
            return replace(turn, error=_line(error)), DOWN
        if isinstance(outcome, Asked):
            tokens = (outcome.prompt_tokens, outcome.completion_tokens)
            made = replace(turn, prompt_tokens=tokens[0], completion_tokens=tokens[1])
            return replace(made, draft=outcome.text), ""
        why = f"{outcome.reason}: {outcome.detail}"[:_DETAIL]
        return replace(turn, error=why), notice_of(outcome)

    def _keep(self, desk: _Desk, turn: Turn, started: float) -> bool:
        """Write a turn down, on the disk; False when that cannot be done."""
        turn = replace(turn, seconds=round(time.monotonic() - started, 3))
        outcome = "draft" if turn.draft else turn.error.partition(":")[0]
        _LOG.info("turn of task %s: %s after %.2f s", turn.task_key, outcome, turn.seconds)
        try:
            append_line(self._home.turns, turn.as_line(), durable=True)
        except OSError as error:
            _LOG.error("%s was not written: %s", self._home.turns.name, error.strerror)
            return False
        if turn.error != _SUPERSEDED:
            desk.turns.append(turn)
        return True

    def _busy(self) -> str:
        running = [d for d in self._desks.values() if d.running and not d.running.done()]
        return BUSY if len(running) > MOST_AT_ONCE else ""


@contextlib.asynccontextmanager
async def open_drafting(
    home: Home, campaign: Campaign, turn_s: float = TURN_S
) -> AsyncIterator[Drafts]:
    """The ask loop of a campaign; its model is opened on the first question, closed at the end."""
    cache = f"{campaign.store.rstrip('/')}/cache/llm"
    model = LazyTextModel(campaign.llm, cache, home.logs / "llm.log", 2 * turn_s)
    drafts = Drafts(home, model, turn_s)
    try:
        yield drafts
    finally:
        await drafts.close()
        await model.close()


def _region(text: str | None) -> list[dict[str, Any]] | None:
    """An entry of the answer box, in Label Studio's form."""
    if text is None:
        return None
    control = {"from_name": "answer", "to_name": "img", "type": "textarea"}
    return [{"id": secrets.token_hex(5), **control, "value": {"text": [text]}}]


def _same(one: Wanted, other: Wanted) -> bool:
    return (one.question_id, one.key) == (other.question_id, other.key)


def _blank(ask: Ask, wanted: Wanted, model: str) -> Turn:
    question, explanations, points = wanted.key
    return Turn(
        at=datetime.now(UTC).isoformat(),
        project=ask.task.project,
        task_key=ask.task.key,
        user=ask.user,
        question_id=wanted.question_id,
        question=question,
        points=points,
        explanations=explanations,
        rejected=wanted.rejected,
        explanation=wanted.explanation,
        model=model,
        prompt=prompt_name(ask),
    )


def _line(error: Exception) -> str:
    """What an error says, in one short line, without the key that an endpoint may repeat."""
    text = " ".join(str(error).split())
    for name, value in os.environ.items():
        if value and len(value) > 8 and name.endswith(("_KEY", "_TOKEN", "_PASSWORD", "_SECRET")):
            text = text.replace(value, f"${name}")
    return text[:_DETAIL]
