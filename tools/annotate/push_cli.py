"""`pixmo annotate push`: tasks for people, made from the store."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from annotation.push.options import PushOptions, kind_of
from annotation.push.push import Pushed, push
from annotation.push.tasks.task import Refused
from tools.annotate.flags import HomeFlag, KindArgument, StoreFlag, home_of
from tools.console import err, out, plain_errors
from tools.progress import PLAIN_EVERY_S

EXAMPLES = 3  # of refused rows per reason


def register(app: typer.Typer) -> None:
    """Add the verb to the group."""
    app.command("push")(push_tasks)


def push_tasks(
    kind: KindArgument,
    store: StoreFlag = None,
    home: HomeFlag = None,
    overlap: Annotated[
        int | None,
        typer.Option(
            "--overlap", help="How many people do each task, also those pushed before (1 at first)"
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", help="At most so many new tasks; 0 for all.")
    ] = 0,
    gold: Annotated[
        str, typer.Option("--gold", metavar="FILE", help="Tasks with known answers, mixed in.")
    ] = "",
    min_seconds: Annotated[
        float | None,
        typer.Option("--min-seconds", help="cap: the shortest description (60 at first)"),
    ] = None,
    collection_method: Annotated[
        str,
        typer.Option(
            "--collection-method", help="points: pointing or counting (pointing at first)"
        ),
    ] = "",
    candidates: Annotated[
        str,
        typer.Option(
            "--candidates", metavar="FILE", help="count: what a detector found; else table count."
        ),
    ] = "",
    ocr: Annotated[
        str, typer.Option("--ocr", metavar="FILE", help="ask: text read from the pictures.")
    ] = "",
    answers: Annotated[
        str, typer.Option("--answers", metavar="FILE", help="preference: answers by model.")
    ] = "",
) -> None:
    """Make tasks of one kind; the same command again adds only what is missing.

    Kinds: cap, transcript_review, points, ask_model_anything, point_explanations, count,
    preference.
    """
    with plain_errors():
        options = PushOptions(
            *(overlap, limit, gold, min_seconds, collection_method, candidates, ocr, answers)
        )
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        with _Watching() as watch:
            done = push(kind_of(kind), home_of(home), store, options, watch, now)
        _show(kind, done)
        if done.is_empty:
            raise SystemExit(1)


def _show(kind: str, done: Pushed) -> None:
    gold = f" ({done.gold} with known answers)" if done.gold else ""
    new = "1 new task" if done.pushed == 1 else f"{done.pushed} new tasks"
    _say(f"{kind}: {new}{gold}, {done.present} were there before")
    for what, count in sorted(done.passed_over.items()):
        _say(f"passed over: {count} {what}")
    if done.waiting:
        _say(f"{done.waiting} more wait for another push without --limit")
    for line in refusal_lines(done.refused):
        _say(line)
    for note in done.notes:
        _say(note)
    if done.is_empty:
        _say("there was nothing to push")
        return
    _say(done.url)
    _say("next: `pixmo annotate users add NAME`, hand out the address, then `pixmo annotate pull`")


def _say(line: str) -> None:
    out.print(escape(line), highlight=False, soft_wrap=True)


def refusal_lines(refused: Sequence[Refused]) -> list[str]:
    """Reasons with their numbers, the most frequent first, and the first rows of each."""
    by_reason: dict[str, list[Refused]] = {}
    for one in refused:
        by_reason.setdefault(one.reason, []).append(one)
    lines = []
    for reason, ones in sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0])):
        lines.append(f"no task: {len(ones)} {reason}")
        lines += [f"  {one.where}: {one.detail}" for one in ones[:EXAMPLES]]
        if len(ones) > EXAMPLES:
            lines.append(f"  and {len(ones) - EXAMPLES} more")
    return lines


class _Watching:
    """How far a push is: a live bar on a terminal, plain lines otherwise."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description:>12}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=err, transient=True) if err.is_terminal else None
        self._what, self._total, self._count, self._said = "", 0, 0, 0.0

    def __enter__(self) -> "_Watching":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self._bar:
            self._bar.stop()

    def begin(self, what: str, total: int) -> None:
        """A step with `total` things to do begins."""
        self._what, self._total, self._count, self._said = what, total, 0, time.monotonic()
        if self._bar:
            self._task = self._bar.add_task(what, total=total)

    def done(self, count: int) -> None:
        """So many more things of this step are done."""
        self._count += count
        if self._bar:
            self._bar.advance(self._task, count)
        elif time.monotonic() - self._said > PLAIN_EVERY_S:
            self._said = time.monotonic()
            err.print(f"{self._what}: {self._count}/{self._total}")
