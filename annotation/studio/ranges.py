"""Names of files that clients may send, and the part of a file that they ask for. No Django here.

Ranges are those of RFC 9110, section 14; of several in one request none is answered, which the RFC
allows, and the whole file comes.
"""

import re

_ID = re.compile(r"[0-9a-f]{32}")
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def is_id(name: str) -> bool:
    """Whether a name is 32 hexadecimal digits in lower case, and so no path."""
    return _ID.fullmatch(name) is not None


def is_range(header: str) -> bool:
    """Whether a Range header asks for one range of bytes; anything else counts as none."""
    found = _RANGE.fullmatch(header.strip())
    return found is not None and found.groups() != ("", "")


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """From where to before where, in bytes, of a file of `size` bytes; None when there is nothing.

    `bytes=2-5` is (2, 6), `bytes=-3` the last three; what is_range refuses is the whole file.
    """
    if not is_range(header):
        return 0, size
    first, last = header.strip().removeprefix("bytes=").split("-")
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
    return (start, stop) if start < stop else None
