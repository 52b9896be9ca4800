"""A note beside a release: this repository was created by us and is to become public.

The Hub itself cannot tell a private repository that an interrupted run created from one that a
person wants private. The note lies at `<release>.publishing-<org>--<name>.json`, is written before
the repository is created and dropped when all is done. Without it a repository stays as it is: a
lost note can keep something private, never make it public.
"""

import contextlib
import json
from dataclasses import dataclass
from typing import Any

from schemas.errors import UsageError
from schemas.files import write_text


@dataclass(frozen=True)
class Unfinished:
    """The note of one release and one repository."""

    fs: Any
    release: str
    repo: str
    endpoint: str

    @property
    def path(self) -> str:
        """Where the note lies."""
        return f"{self.release}.publishing-{self.repo.replace('/', '--')}.json"

    def write(self) -> None:
        """Leave the note; UsageError when the folder cannot be written to."""
        text = json.dumps({"endpoint": self.endpoint, "make_public": self.repo}) + "\n"
        try:
            write_text(self.fs, self.path, text)
        except PermissionError as error:
            raise UsageError(
                f"{self.path}: cannot be written, and without it an interrupted run could not be "
                "finished; publish from a folder you may write to, or with --private"
            ) from error

    def stands(self) -> bool:
        """Whether there is such a note for this endpoint."""
        with contextlib.suppress(FileNotFoundError, ValueError, AttributeError):
            return bool(json.loads(self.fs.cat_file(self.path)).get("endpoint") == self.endpoint)
        return False

    def drop(self) -> None:
        """Remove the note."""
        with contextlib.suppress(FileNotFoundError):
            self.fs.rm_file(self.path)
