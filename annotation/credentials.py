"""Secrets of a campaign: from the environment, else from one file of mode 600, made on first use.

No secret is ever an argument of a command or a line of a log.
"""

import os
import re
import secrets
import stat

from annotation.home import Home, write_private
from schemas.errors import UsageError

# Each name is an environment variable and a line of the file; the number is bytes of randomness.
MADE = {
    "PIXMO_STUDIO_PASSWORD": 12,  # of the admin, for a person to type
    "PIXMO_STUDIO_TOKEN": 20,  # of the service account; Label Studio wants 40 hex digits
    "PIXMO_STUDIO_EVENTS": 20,  # what Label Studio must show to our own server
    "PIXMO_ANNOTATOR_SALT": 16,  # of pseudonyms
}
DATABASE_PASSWORD = "PIXMO_STUDIO_DATABASE_PASSWORD"
TOKEN = re.compile(r"[0-9a-f]{40}")


def load_credentials(home: Home) -> dict[str, str]:
    """All secrets by name; what is neither in the environment nor in the file is made up and kept.

    Other lines of the file are secrets that its owner put there, such as the text model's key.
    UsageError when others may read the file, or when the token has not 40 hex digits.
    """
    kept = _read(home)
    made = {name: secrets.token_hex(size) for name, size in MADE.items() if name not in kept}
    missing = {name: value for name, value in made.items() if not os.environ.get(name)}
    if missing:
        lines = [f"{name}={value}" for name, value in sorted({**kept, **missing}.items())]
        write_private(home.secrets, "\n".join(lines) + "\n")
    found = {**kept, **missing}
    names = {*found, *MADE, DATABASE_PASSWORD}
    found |= {name: os.environ[name] for name in names if os.environ.get(name)}
    if not TOKEN.fullmatch(found["PIXMO_STUDIO_TOKEN"]):
        raise UsageError("PIXMO_STUDIO_TOKEN has to be 40 hex digits: `openssl rand -hex 20`")
    return found


def secret(home: Home, name: str) -> str:
    """One secret from the environment, else from the file; empty when it is in neither."""
    return os.environ.get(name) or _read(home).get(name, "")


def _read(home: Home) -> dict[str, str]:
    if not home.secrets.exists():
        return {}
    mode = stat.S_IMODE(home.secrets.stat().st_mode)
    if mode & 0o077:
        raise UsageError(f"{home.secrets} has mode {mode:03o}: others may read it; chmod 600 it")
    lines = (line.strip() for line in home.secrets.read_text("utf-8").splitlines())
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {name.strip(): value.strip() for name, _, value in pairs}
