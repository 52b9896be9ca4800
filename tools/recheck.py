"""`pixmo ingest --recheck-optout`: who has opted out since, taken down under the rule that says so.

Asking removes nothing; each rule then becomes one takedown with a receipt of its own.
"""

import dataclasses
import threading
import time

from pipelines.recheck import Asking, Standing, ask_again
from pipelines.services.fetch_config import FetchConfig
from schemas.errors import UsageError
from schemas.takedown import TakedownRequest
from tools.console import err, out
from tools.stages import Run, cores
from tools.summary import new_table
from tools.takedown import take_down

POLL_S = 1.0
PLAIN_EVERY_S = 30.0


class _Watching:
    """Says how many parts are done: in place on a terminal, now and then in plain lines."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._stop = threading.Event()
        self._status = err.status(self._text(0)) if err.is_terminal else None
        if self._status:
            self._status.start()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)
        self._thread.start()

    def _text(self, done: int) -> str:
        return f"recheck-optout: {done}/{len(self._asking.parts)} parts"

    def _watch(self) -> None:
        said = time.monotonic()
        while not self._stop.wait(POLL_S):
            text = self._text(self._asking.done())
            if self._status:
                self._status.update(text)
            elif time.monotonic() - said > PLAIN_EVERY_S:
                said = time.monotonic()
                err.print(text)

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join()
        if self._status:
            self._status.stop()


def recheck_optout(run: Run, fetch: FetchConfig) -> Standing:
    """Ask for all pictures again, take down those that opt out now, and print how all stand."""
    if not (fetch.respect_robots or fetch.respect_opt_out):
        raise UsageError(
            "--recheck-optout with --no-robots and --no-opt-out has nothing to ask for; leave out "
            "one of the two"
        )
    workers = min(run.workers_or(max(1, cores() // 2)), fetch.per_host)
    options = run.options(workers)
    share = (run.index, run.count)
    own = dataclasses.replace(fetch, share=workers * run.count)
    found = ask_again(run.store, own, options.engine, share, _Watching)
    _show(found)
    for rule in found.rules:
        urls = tuple(url for name, url in found.opted_out if name == rule)
        _go(run, rule, urls)
    return found


def _go(run: Run, rule: str, urls: tuple[str, ...]) -> None:
    if run.dry:
        for url in urls:
            out.print(f"would go ({rule}): {url}", highlight=False, markup=False, soft_wrap=True)
        return
    whole = dataclasses.replace(run, index=0, count=1)  # a takedown is never a share of one
    receipt = take_down(whole, TakedownRequest(f"opt-out: {rule}", urls=urls))
    text = f"took down {receipt.pictures} pictures ({rule}); receipt {receipt.takedown_id}"
    for line in (text, *(f"warning: {warning}" for warning in receipt.warnings)):
        out.print(line, highlight=False, markup=False, soft_wrap=True)


def _show(found: Standing) -> None:
    table = new_table("recheck of opt-outs", "standing", "pictures")
    table.columns[1].justify = "right"
    rows = {"asked": found.asked, "still allowed": found.allowed}
    rows |= {f"opted out, {rule}": count for rule, count in found.rules.items()}
    rows |= {f"unreachable, {cause}": count for cause, count in found.unreachable.items()}
    if found.local:
        rows["not asked, from a folder"] = found.local
    for name, count in rows.items():
        table.add_row(name, str(count))
    out.print(table)
