"""What a running sandbox holds and gives back: a user id, control groups, and their launcher.

A process keeps them for its next sandbox, since making them costs more than a small rendering.
Nothing is shared with processes forked from this one.
"""

import atexit
import contextlib
import os
import threading
from collections.abc import Iterator

from pipelines.services.sandbox import cgroups, user_ids
from pipelines.services.sandbox.launcher import Launcher
from pipelines.services.sandbox.limits import MIB, SandboxLimits
from pipelines.services.sandbox.staging import stage_command

# What the launcher itself takes of a slot's groups.
_LAUNCHER_BYTES = 32 * MIB
_LAUNCHER_PROCESSES = 4


class Slot:
    """One sandbox's user id (None: our own), groups (none: somebody must watch) and launcher.

    `hidden` are folders that its launcher has staged (`staging.py`).
    """

    def __init__(self, number: int, hidden: tuple[str, ...]) -> None:
        self.hidden = hidden
        self._user = user_ids.claim_user_id() if user_ids.is_root() else None
        self.groups = cgroups.open_groups(number)
        self._set: tuple[int, int] = (0, 0)
        self._kills = 0
        folders = [group.folder for group in self.groups]
        user = self._user.number if self._user else None
        self.launcher = Launcher(folders, user, stage_command(hidden))

    def prepare(self, limits: SandboxLimits) -> None:
        """Set the limits for what runs next."""
        wanted = (limits.memory + _LAUNCHER_BYTES, limits.processes + _LAUNCHER_PROCESSES)
        if wanted != self._set:
            for group in self.groups:
                group.limit(*wanted)
            self._set = wanted
        self._kills = self._memory_kills()

    def over_memory(self) -> bool:
        """Whether the kernel ended a process for want of memory since `prepare`."""
        return self._memory_kills() > self._kills

    def idle(self) -> bool:
        """Whether nothing but the launcher is in its groups, which all have the same members."""
        return all(len(group.members()) <= 1 for group in self.groups[:1])

    def _memory_kills(self) -> int:
        counting = (group for group in self.groups if "memory" in group.controllers)
        return sum(group.memory_kills() for group in counting)

    def close(self) -> None:
        """Give everything back."""
        self.launcher.close()
        for group in self.groups:
            group.close()
        if self._user is not None:
            self._user.close()


class _Slots:
    """The slots of one process; made on first use."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._lock = threading.Lock()
        self._free: dict[tuple[str, ...], list[Slot]] = {}
        self._made = 0
        self._alive = -1
        cgroups.sweep()
        atexit.register(self.close)

    def take(self, hidden: tuple[str, ...]) -> Slot:
        with self._lock:
            if free := self._free.get(hidden):
                return free.pop()
            self._made += 1
            slot = Slot(self._made, hidden)
            if slot.groups and self._alive < 0:
                self._alive = cgroups.start_sweeper()
            return slot

    def close(self) -> None:
        """Give back what no sandbox uses, at the end of the process that made it."""
        if self.process == os.getpid():
            with self._lock:
                for slot in [slot for free in self._free.values() for slot in free]:
                    slot.close()
                self._free.clear()

    def give_back(self, slot: Slot) -> None:
        if not slot.launcher.alive:
            slot.close()
            return
        with self._lock:
            self._free.setdefault(slot.hidden, []).append(slot)


_lock = threading.Lock()
_slots: list[_Slots] = []


def take_slot(hidden: tuple[str, ...] = ()) -> Slot:
    """A slot that nobody else uses until it is given back."""
    return _of_this_process().take(hidden)


def give_back(slot: Slot) -> None:
    """Call when every process of the sandbox has ended."""
    _of_this_process().give_back(slot)


@contextlib.contextmanager
def slot_for(limits: SandboxLimits, hidden: tuple[str, ...] = ()) -> Iterator[Slot]:
    """A slot with these limits for the length of a block."""
    slot = take_slot(hidden)
    try:
        slot.prepare(limits)
        yield slot
    finally:
        give_back(slot)


def _of_this_process() -> _Slots:
    with _lock:
        if not _slots or _slots[-1].process != os.getpid():
            _slots[:] = [_Slots()]
        return _slots[-1]
