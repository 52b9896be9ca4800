"""A user id of its own for each running sandbox, when the pipeline runs as root.

The kernel counts processes per user id and excuses root, so root's sandboxes run as ids that nobody
else has. An id is held by the name of an abstract socket, which goes when its process does.
"""

import os
import socket
from pathlib import Path

from schemas.errors import StageError

_COUNT = 4096
# systemd's list of ids (docs/UIDS-GIDS.md) leaves 1879048192 to 2147483647 to nobody. A container
# may map few ids: then the end of the range of ordinary users.
_FIRSTS = (1879048192, 55000)


class UserId:
    """One claimed id; `close` gives it back, and so does the end of the process."""

    def __init__(self, number: int, claim: int) -> None:
        self.number = number
        self._claim = claim

    def close(self) -> None:
        """Give the id back; safe to call twice."""
        if self._claim >= 0:
            os.close(self._claim)
            self._claim = -1


def claim_user_id() -> UserId:
    """An id that no other sandbox of this machine has now; StageError when all are taken."""
    first = _first_mapped()
    for number in range(first, first + _COUNT):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0pixmo-sandbox-{number}")
        except OSError:
            claim.close()
            continue
        return UserId(number, claim.detach())
    raise StageError(f"all {_COUNT} user ids of sandboxes are taken on this machine")


def _first_mapped() -> int:
    """The first id of the range; a user namespace around us may not have the high ones."""
    mapped = [line.split() for line in Path("/proc/self/uid_map").read_text("ascii").splitlines()]
    for first in _FIRSTS:
        for inside, _, count in mapped:
            if int(inside) <= first and first + _COUNT <= int(inside) + int(count):
                return first
    raise StageError("this container maps too few user ids for sandboxes; run as an ordinary user")


def is_root() -> bool:
    """Whether sandboxes need ids of their own."""
    return os.geteuid() == 0
