"""Writes the requests of a stage as batch files, and says what to do with them."""

from typing import Any

from pipelines.batch import Written, write_stage_requests
from pipelines.llm_stage import LlmStage
from pipelines.run_stage import RunOptions, StageResult
from schemas.errors import UsageError
from schemas.store import Store
from tools.console import out


def write_stage_batch(stage: Any, store: Store, options: RunOptions, folder: str) -> StageResult:
    """Write what the stage would ask; its table stays as it is, and the result says how it is."""
    if not isinstance(stage, LlmStage):
        raise UsageError(f"--batch-write: stage {stage.name} asks no text LLM")
    written = write_stage_requests(stage, store, options, folder)
    say_written(stage.name, written, store)
    table = stage.table  # type: ignore[attr-defined]  # every stage has one, this base has not
    return StageResult(stage.name, table, tuple(store.infos(table)), 0, 0, 0.0)


def say_written(name: str, written: Written, store: Store) -> None:
    """Print how many requests were written for how many rows, and what comes next."""
    lines = []
    if not written.requests:
        left = "and the cache holds every answer" if written.ready else "since it is up to date"
        lines += [f"{name}: no request is left to write, {left}"]
        if written.ready:
            lines += ["next: run the same command without --batch-write; it makes no call"]
    else:
        lines += [f"{name}: {written.requests} requests for {written.rows} rows, in"]
        lines += [f"  {path}" for path in written.files]
        if written.before:
            again = f"{written.before} of them were written before and have no answer yet"
            lines += [f"{again}: do not send twice what is still under way"]
        lines += [
            "next: send each file to the batch service, and when it is done read what comes back:",
            f"  pixmo batch read OUTPUT... --store {store.url}",
            "then run this command again for the requests that follow from the answers",
        ]
    for line in lines:
        out.print(line, highlight=False, markup=False, soft_wrap=True)
