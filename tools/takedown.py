"""Taking pictures, people or hosts out of a store, its release and the Hub.

Denied first, then written into a journal, then removed step by step: whatever kills it, the same
command (or any later takedown) completes it. Every step looks at what is there and can be done
twice; what may be found nowhere is searched for at the end, and found means failed.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from annotation.pull.stages import ANNOTATION_STAGES
from pipelines.batch import forget_awaited
from pipelines.denylist import add_denied, load_denylist
from pipelines.stage import CODE_VERSION, Stage
from pipelines.steps.denylist import Denylist
from pipelines.takedown.files import (
    clean_small_files,
    drop_drafts,
    drop_files,
    drop_folders,
    drop_release_with,
    refresh_summaries,
)
from pipelines.takedown.parts import Rewriter
from pipelines.takedown.plan import (
    Plan,
    file_stamps,
    journal_path,
    make_plan,
    pending,
    write_journal,
)
from pipelines.takedown.scan import find_traces
from schemas.errors import PixmoError, StageError
from schemas.files import TEMPORARY, write_text
from schemas.locks import hold
from schemas.store import Store
from schemas.tables import TABLES
from schemas.takedown import (
    FOLDER,
    Denied,
    Receipt,
    TakedownRequest,
    check_request,
    receipt_json,
)
from tools import stages
from tools.making import release as making
from tools.stages import Run
from tools.takedown_hub import follow_on_hub

__all__ = ["Receipt", "TakedownRequest", "take_down"]

LEASE = "takedown"
# What feeds captions: cheap to rewrite, dear to make again. All that follows them is made again.
_JUDGED = tuple(stage.name for stage in ANNOTATION_STAGES.values())
KEPT = ("ingest", "recordings", "transcribe", *_JUDGED, "caption", "ocr", "detect", "count")
Clock = Callable[[], datetime]
Tell = Callable[[Plan], None]


def _say_nothing(plan: Plan) -> None:
    """For callers who want the receipt alone."""


def _now() -> datetime:
    return datetime.now(UTC)


def take_down(
    run_: Run, request: TakedownRequest, tell: Tell = _say_nothing, clock: Clock = _now
) -> Receipt:
    """Remove what `request` selects from everywhere, deny it for good, and write a receipt.

    `tell` hears of each plan before it is carried out, those of interrupted takedowns first. A dry
    run writes nothing, and its receipt says what would go. Raises UsageError (a malformed request),
    LockedError (a stage is at work on the store), StageError when something is left; then the
    journal stays, and the same command goes on.
    """
    check_request(request)
    store, completed = run_.store, None
    if run_.dry:
        plan = _plan(store, request, clock)
        tell(plan)
        return _receipt(store, plan, load_denylist(store), _Outcome())
    with hold(store, LEASE):
        for plan in pending(store):
            tell(plan)
            receipt = _complete(run_, plan, again=True)
            completed = receipt if plan.request == request else completed
        receipt = _begin(run_, request, tell, clock)
        return completed if completed and receipt.nothing else receipt


def _plan(store: Store, request: TakedownRequest, clock: Clock) -> Plan:
    date = clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    selectors = repr((request.reason, request.selectors(), date))
    # Not to be guessed back to what was asked for: the reason and the second are part of it.
    name = f"{date[:10]}-{hashlib.sha256(selectors.encode()).hexdigest()[:8]}"
    return make_plan(
        store, Plan(name, date, request), _kept_stages(), os.environ.get(stages.SALT, "")
    )


def _kept_stages() -> list[Stage]:
    return [stages.STAGES[name]() for name in KEPT]


def _begin(run_: Run, request: TakedownRequest, tell: Tell, clock: Clock) -> Receipt:
    store = run_.store
    with _all_leases(store):
        plan = _plan(store, request, clock)
        tell(plan)
        known = load_denylist(store)
        denied = add_denied(store, plan.denied)
        found = not plan.nothing or _is_named(store, plan)
        if found:
            write_journal(store, plan)
    return _complete(run_, plan) if found else _nothing(store, plan, denied, known)


def _is_named(store: Store, plan: Plan) -> bool:
    """Whether a file beside the tables names it, drafts of killed writers apart."""
    found = find_traces(store, plan.doomed.traces)
    return any(TEMPORARY not in path for path, _ in found)


def _nothing(store: Store, plan: Plan, denied: Denylist, known: Denylist) -> Receipt:
    """The receipt of a takedown that found nothing; kept when it denied something new."""
    done = _Outcome()
    if plan.request.repo:
        done.hub_commit = follow_on_hub(store, plan.request.repo, done.warnings)
    receipt = _receipt(store, plan, denied, done)
    if denied == known:
        return replace(receipt, takedown_id="")
    _write_receipt(store, receipt)
    return receipt


@contextlib.contextmanager
def _all_leases(store: Store) -> Iterator[None]:
    """Hold the leases of all stages, so that nobody reads what is about to go."""
    sources = [table.replace("/", "-") for table in TABLES if table.startswith("sources/")]
    makers = [kind.made_by for kind in TABLES.values() if kind.made_by]
    names = dict.fromkeys([*sources, *makers, *stages.STAGES, "export"])
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(hold(store, name))
        yield


class _Outcome:
    """What the steps of one takedown have done, for its receipt."""

    def __init__(self) -> None:
        self.removed: list[str] = []
        self.cleaned: list[str] = []
        self.warnings: list[str] = []
        self.hub_commit = ""


def _complete(run_: Run, plan: Plan, again: bool = False) -> Receipt:
    """All steps after the journal; `again` after a kill, when what is left is looked for anew."""
    store, done = run_.store, _Outcome()
    denied = add_denied(store, plan.denied)
    with _all_leases(store):
        _remove_rows(store, plan, denied, again)
        _remove_files(store, plan, done)
    _let_the_rest_follow(run_, plan, done)
    if plan.request.repo:
        done.hub_commit = follow_on_hub(store, plan.request.repo, done.warnings)
    _prove(store, plan, done)
    receipt = _receipt(store, plan, denied, done)
    _write_receipt(store, receipt)
    store.fs.rm(journal_path(store, plan.takedown_id))
    return receipt


def _remove_rows(store: Store, plan: Plan, denied: Denylist, again: bool) -> None:
    """Cached answers first, then table by table, each part whole or not at all.

    Answers that a batch service still owes are not taken any more: whose they are cannot be told.
    """
    drop_files(store, plan.answers)
    forget_awaited(store)
    rewriter = Rewriter(
        store, plan.doomed, denied, plan.contents, plan.current, None if again else plan.hits
    )
    made_by = {stage.table: stage for stage in _kept_stages()}
    for table in TABLES:
        rewriter.table(table, made_by.get(table))


def _remove_files(store: Store, plan: Plan, done: _Outcome) -> None:
    done.removed += drop_folders(store)
    done.removed += drop_drafts(store)
    done.cleaned += clean_small_files(store, plan.doomed.traces)
    refresh_summaries(store)


def _let_the_rest_follow(run_: Run, plan: Plan, done: _Outcome) -> None:
    """Duplicates, splits, selections and the release anew; a release that cannot be made goes."""
    try:
        making.bring_up_to_date(run_)
    except PixmoError as error:
        done.warnings.append(f"what follows the captions is not up to date: {error}")
    if drop_release_with(run_.store, plan.doomed.traces):
        done.removed.append("release/")
        done.warnings.append("the release could not be made anew and was removed: export again")


def _prove(store: Store, plan: Plan, done: _Outcome) -> None:
    left = next(find_traces(store, plan.doomed.traces), None)
    if left:
        because = "".join(f" ({warning})" for warning in done.warnings)
        raise StageError(
            f"takedown {plan.takedown_id}: {left[0]} still holds something in {left[1]}{because}; "
            "run the stage that makes it, then the same command again"
        )


def _receipt(store: Store, plan: Plan, denied: Denylist, done: _Outcome) -> Receipt:
    release = file_stamps(store)
    names = sorted({*release, *plan.files})
    return Receipt(
        takedown_id=plan.takedown_id,
        date=plan.date,
        reason=plan.request.reason,
        selectors=tuple(_selectors(plan.request, denied)),
        pictures=plan.pictures,
        recordings=plan.recordings,
        tables=plan.tables,
        answers=len(plan.answers),
        rewritten=tuple(_rewritten(store, plan)) + tuple(done.cleaned),
        removed=tuple(done.removed),
        release=tuple(name for name in names if release.get(name) != plan.files.get(name)),
        captions=tuple(sorted(plan.doomed.orphans)),
        hub_commit=done.hub_commit,
        code_version=CODE_VERSION,
        warnings=tuple(done.warnings),
    )


def _selectors(request: TakedownRequest, denied: Denylist) -> Iterator[Denied]:
    if denied.salt:
        for kind, value, radius in request.selectors():
            yield Denied(kind, denied.digest(kind, value), radius)


def _rewritten(store: Store, plan: Plan) -> Iterator[str]:
    """The parts that are others than before."""
    for name, commit in sorted(plan.commits.items()):
        table, _, number = name.rpartition("/")
        info = store.info(table, int(number))
        if info is None or info.commit != commit:
            yield f"{table}/part-{int(number):05d}.parquet"


def _write_receipt(store: Store, receipt: Receipt) -> None:
    path = store.path(FOLDER, f"{receipt.takedown_id}.json")
    write_text(store.fs, path, receipt_json(receipt))
