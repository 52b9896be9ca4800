"""The folder of one campaign: everything that people's work needs and no store may hold.

Secrets, accounts and the names behind pseudonyms lie here, next to Label Studio's own data, the
sound as browsers sent it, and the log of what the text model drafted. It is readable by its owner
alone, and lies outside every store, so that neither an export nor a takedown can carry it along.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import UsageError

HOME = "PIXMO_ANNOTATE_HOME"


def default_home() -> Path:
    """PIXMO_ANNOTATE_HOME, else ~/.local/share/pixmo/annotate."""
    share = Path.home() / ".local" / "share" / "pixmo" / "annotate"
    return Path(os.environ.get(HOME) or share).expanduser()


@dataclass(frozen=True)
class Home:
    """Where things lie; the folder is made by `pixmo annotate up`."""

    root: Path

    @property
    def campaign(self) -> Path:
        """What `up` was given: the store, addresses, ports, the text model."""
        return self.root / "campaign.json"

    @property
    def secrets(self) -> Path:
        """NAME=value lines, mode 600: passwords, tokens, the salt of pseudonyms."""
        return self.root / "secrets.env"

    @property
    def annotators(self) -> Path:
        """Who stands behind which pseudonym, with accounts, mode 600."""
        return self.root / "annotators.json"

    @property
    def accounts(self) -> Path:
        """Who logs in with what, to hand out: tab-separated, mode 600."""
        return self.root / "accounts.tsv"

    @property
    def projects(self) -> Path:
        """The project of each kind, and since when each version of its guidelines is shown."""
        return self.root / "projects.json"

    @property
    def studio(self) -> Path:
        """Label Studio's own data: its database where that is SQLite, its key."""
        return self.root / "studio"

    @property
    def code(self) -> Path:
        """Links to our packages, for Label Studio's own environment."""
        return self.root / "code"

    @property
    def recordings(self) -> Path:
        """What browsers recorded: <recording>.webm byte for byte, .json about it, .play.webm."""
        return self.root / "recordings"

    @property
    def pictures(self) -> Path:
        """Upright copies of pictures under their image id, as people see them."""
        return self.root / "pictures"

    @property
    def sounds(self) -> Path:
        """Playable copies of recordings of the store, for review."""
        return self.root / "sounds"

    @property
    def gold(self) -> Path:
        """Known answers by task key; Label Studio never sees them."""
        return self.root / "gold"

    @property
    def events(self) -> Path:
        """The queue of what Label Studio told of, one JSON object a line."""
        return self.root / "events.jsonl"

    @property
    def turns(self) -> Path:
        """Every turn of the ask loop, one JSON object a line."""
        return self.root / "turns.jsonl"

    @property
    def logs(self) -> Path:
        """What the servers print."""
        return self.root / "logs"

    def make(self) -> None:
        """Create the folders, readable by their owner alone."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)
        folders = (self.studio, self.recordings, self.pictures, self.sounds, self.gold, self.logs)
        for folder in folders:
            folder.mkdir(exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a whole file of mode 600, or leave the old one."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file; empty when there is none. UsageError when it cannot be read as one."""
    if not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise UsageError(f"{path} is no JSON object: {error}; restore it from a copy") from error


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write an object, mode 600, whole or not at all."""
    write_private(path, json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
