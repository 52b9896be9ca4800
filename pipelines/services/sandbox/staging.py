"""Folders that only root may reach, put where a sandbox's user id may read them.

A launcher that runs as root gets a mount namespace of its own, in which a file system of ours hides
one folder of the machine and holds the others; it is gone with its last process.
"""

import functools
import os
from collections.abc import Sequence
from pathlib import Path

from pipelines.services.sandbox.runtimes import Runtime
from pipelines.services.sandbox.user_ids import is_root

_STAGE = """
set -e; at="$1"; shift; mount -t tmpfs -o mode=755 none "$at"; n=0
while [ "$1" != -- ]; do
    if [ -d "$1" ]; then mkdir "$at/$n"; else : > "$at/$n"; fi
    mount --bind "$1" "$at/$n"; shift; n=$((n+1))
done
shift; exec "$@"
"""
_HIDDEN_FOLDERS = ("/mnt", "/media", "/srv", "/opt")


def out_of_reach(runtimes: Sequence[Runtime]) -> tuple[str, ...]:
    """Sources of mounts that a user id which owns nothing cannot read; () unless we are root."""
    if not is_root():
        return ()
    sources = dict.fromkeys(here for runtime in runtimes for here, _ in runtime.mounts)
    return tuple(source for source in sources if not _reachable(source))


def stage_command(hidden: Sequence[str]) -> list[str]:
    """What goes before a launcher's command, so that `staged` paths exist for it."""
    if not hidden:
        return []
    unshare = ["unshare", "--mount", "--propagation", "private", "--"]
    return [*unshare, "/bin/sh", "-c", _STAGE, "sh", _at(hidden), *hidden, "--"]


def staged(source: str, hidden: Sequence[str]) -> str:
    """Where a launcher that staged `hidden` finds this source."""
    return f"{_at(hidden)}/{hidden.index(source)}" if source in hidden else source


@functools.cache
def _reachable(source: str) -> bool:
    path = Path(source).resolve()
    wanted = 0o005 if path.is_dir() else 0o004
    open_ways = all(parent.stat().st_mode & 0o001 for parent in path.parents)
    return open_ways and path.stat().st_mode & wanted == wanted


def _at(hidden: Sequence[str]) -> str:
    """A folder that holds none of the sources, to be hidden."""
    for folder in _HIDDEN_FOLDERS:
        inner = any(Path(source).resolve().is_relative_to(folder) for source in hidden)
        if os.path.isdir(folder) and not inner:
            return folder
    return _HIDDEN_FOLDERS[0]
