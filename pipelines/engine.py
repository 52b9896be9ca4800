"""The Beam engine: which runner, how many workers, and a watchdog around the local one.

The local runner is named (`FnApiRunner`), since `DirectRunner` changes engine with the pipeline's
content and tries a download. A worker process that dies can hang that runner for good, so its death
ends the run with a message.
"""

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import psutil

from pipelines.services.quick_import import quick_import
from schemas.errors import StageError

LOCAL_RUNNERS = ("FnApiRunner", "DirectRunner", "SwitchingDirectRunner", "local")
GRACE_S = 3.0  # for Beam to notice a dead worker; after that it never will


@dataclass(frozen=True)
class BeamEngine:
    """Runs functions over descriptors with Beam; `flags` is what followed `--`."""

    workers: int = 1
    flags: tuple[str, ...] = ()

    def map(
        self,
        label: str,
        function: Callable[[Any], None],
        elements: Iterable[Any],
        light: bool = False,
    ) -> None:
        """Apply `function` to every element and wait; exceptions of the function end the job.

        `light` work stays in this process when the runner is the local one. StageError when a
        worker process dies.
        """
        # Beam takes a second to import: a run with nothing to do does without it.
        with quick_import():
            from pipelines.transforms.run_shards import build_and_run, local_runner

        items = list(elements)
        workers = max(1, min(1 if light else self.workers, len(items)))
        logging.getLogger("apache_beam").setLevel(logging.ERROR)
        logging.getLogger("apache_beam.runners.worker").setLevel(logging.CRITICAL)
        if not self._is_local():
            build_and_run(label, function, items, self.flags)
            return
        flags = [flag for flag in self.flags if not flag.startswith("--runner")]
        with _watchdog():
            own = [*flags, f"--direct_num_workers={workers}"]
            build_and_run(label, function, items, own, local_runner(workers))

    def _is_local(self) -> bool:
        runners = [flag.split("=", 1)[1] for flag in self.flags if flag.startswith("--runner=")]
        return not runners or runners[-1] in LOCAL_RUNNERS


@dataclass(frozen=True)
class ThisProcess:
    """Runs functions one after the other, for work that Beam would take longer to start."""

    def map(
        self,
        label: str,
        function: Callable[[Any], None],
        elements: Iterable[Any],
        light: bool = False,
    ) -> None:
        """Apply `function` to every element; exceptions of the function end the job."""
        for element in elements:
            function(element)


@contextlib.contextmanager
def _watchdog() -> Iterator[None]:
    """End the run when a worker process dies before the job has ended.

    Beam waits for each worker in a thread, and that thread ends with an exception when the worker
    fails; what would only be printed is taken here.
    """
    deaths: list[str] = []
    ended = threading.Event()
    before = threading.excepthook

    def hook(event: threading.ExceptHookArgs) -> None:
        text = str(event.exc_value)
        if not text.startswith("Worker subprocess exited"):
            # Threads that lose their peer say so with pages that explain nothing.
            if not event.exc_type.__module__.startswith("grpc"):
                before(event)
        elif not deaths:
            deaths.append(_obituary(text))
            _kill_workers()
            threading.Thread(target=_give_up, args=(deaths[0], ended), daemon=True).start()

    threading.excepthook = hook
    try:
        yield
    except RuntimeError as error:
        if deaths:
            raise StageError(deaths[0]) from error
        raise
    finally:
        ended.set()
        threading.excepthook = before


def _obituary(text: str) -> str:
    return (
        f"a worker process died (return code {text.rsplit(' ', 1)[1]}: killed, out of memory, or a "
        f"crash in a decoder); the parts that were finished are kept: run the same command again, "
        f"with fewer --workers if memory ran out"
    )


def _kill_workers() -> None:
    """End the other workers too: the job is lost, and Beam would wait for them."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if any("beam_worker" in word for word in child.cmdline()):
                child.kill()


def _give_up(message: str, ended: threading.Event) -> None:
    """Leave without clean-up when the runner hangs; a dead process's lease is void."""
    if not ended.wait(GRACE_S):
        sys.stderr.write(f"error: {message}\n")
        sys.stderr.flush()
        os._exit(StageError.exit_status)
