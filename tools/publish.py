"""Publishing as a person sees it: a plan before, a bar meanwhile, a few lines afterwards."""

import difflib
import time
from collections.abc import Iterator

from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from pipelines.services.hub import publish as hub
from tools.console import err, out
from tools.release.card_merge import merge_card
from tools.summary import new_table

PLAIN_EVERY_S = 30.0
_SHOWN = 20


def show_plan(release: str, target: hub.Target) -> None:
    """Print what publishing would do; nothing is changed."""
    with Watching() as watching:
        plan = hub.plan_release(release, target, merge_card, watching)
    out.print(f"{plan.url}: {_visibility(plan)}", highlight=False, soft_wrap=True)
    table = new_table("plan", "file", "what")
    table.add_column("size", justify="right")
    rows = [(file.path, "upload", size_text(file.size)) for file in plan.add]
    rows += [(path, "delete: no longer in the release", "") for path in plan.delete]
    for row in rows[:_SHOWN]:
        table.add_row(*map(escape, row))
    if rows:
        out.print(table)
    if len(rows) > _SHOWN:
        out.print(f"and {len(rows) - _SHOWN} more")
    out.print(_totals(plan), highlight=False)
    for line in card_changes(plan.card, plan.merged):
        out.print(line, highlight=False, markup=False, soft_wrap=True)


def publish(release: str, target: hub.Target) -> hub.Published:
    """Publish, show how it goes, and print what was done."""
    began = time.monotonic()
    with Watching() as watching:
        done = hub.publish_release(release, target, merge_card, watching)
    plan, seconds = done.plan, time.monotonic() - began
    sent = size_text(watching.bytes_sent) if watching.bytes_sent else "no LFS object"
    lines = [
        f"{_totals(plan)}; sent {sent} in {seconds:.1f} s",
        f"all {len(plan.wanted)} files on the Hub have the checksums of the manifest",
        f"{done.url} is {'public' if plan.public else 'private'}; commit {done.commit}",
    ]
    out.print("\n".join(lines), highlight=False, soft_wrap=True)
    return done


def _visibility(plan: hub.PublishPlan) -> str:
    if plan.state is None:
        then = "then made public" if plan.public else "and stays private"
        return f"does not exist (or this token may not see it): it is created private, {then}"
    if plan.opens:
        return "exists from an interrupted run, private: it is completed, then made public"
    return f"exists and stays {'public' if plan.public else 'private'}"


def _totals(plan: hub.PublishPlan) -> str:
    new = sum(file.size for file in plan.add)
    return (
        f"{len(plan.add)} files to upload ({size_text(new)}), {len(plan.keep)} there already, "
        f"{len(plan.delete)} to delete"
    )


def card_changes(theirs: str, merged: str) -> Iterator[str]:
    """A unified diff of the card on the Hub and what it becomes; nothing for a new card."""
    if theirs and theirs != merged:
        names = ("README.md on the Hub", "README.md merged")
        yield from difflib.unified_diff(
            theirs.splitlines(), merged.splitlines(), *names, n=1, lineterm=""
        )


def size_text(size: int) -> str:
    """Bytes in decimal units."""
    value, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):  # noqa: B007 (the last one is used below)
        if value < 1000:
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


class Watching:
    """A Watcher of the publisher: a live bar on a terminal, plain lines otherwise."""

    def __init__(self) -> None:
        self.bytes_sent = 0
        self._what, self._files, self._done, self._began = "", 0, 0, time.monotonic()
        self._last_line = self._began
        columns = (
            TextColumn("{task.description:>8}"),
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
        self._task = self._bar.add_task("", total=None, facts="")

    def __enter__(self) -> "Watching":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def begin(self, what: str, files: int, size: int) -> None:
        """A phase begins."""
        self._what, self._files, self._done, self._began = what, files, 0, time.monotonic()
        self._bar.reset(self._task, total=size, description=what, facts=self._facts())

    def done(self, files: int, size: int) -> None:
        """Some files more are done."""
        self._done += files
        self._bar.update(self._task, advance=size, facts=self._facts())
        if not err.is_terminal and time.monotonic() - self._last_line > PLAIN_EVERY_S:
            self._last_line = time.monotonic()
            err.print(f"{self._what}: {self._facts()}", highlight=False)

    def sent(self, size: int) -> None:
        """Some bytes more went out."""
        self.bytes_sent += size
        if self._what == "upload":
            self._bar.update(self._task, facts=self._facts())

    def waiting(self, why: str, seconds: float) -> None:
        """A call is tried again."""
        said = f"{why}; again in {seconds:.0f} s"
        err.print(said, highlight=False, markup=False, soft_wrap=True)

    def _facts(self) -> str:
        text = f"{self._done}/{self._files} files"
        if self._what != "upload" or not self.bytes_sent:
            return text
        rate = self.bytes_sent / max(time.monotonic() - self._began, 1e-9)
        return f"{text}, {size_text(int(rate))}/s"
