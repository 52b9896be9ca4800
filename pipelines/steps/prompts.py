"""Prompts are versioned files: `prompts/<name>.md`, where the name ends in its version.

The choice worth knowing: a changed prompt is a new file with a new name. The name is in the lineage
of every caption made with it, and an old release can still say what it was asked with.

A file has a first line `field: <key of the answer>` and three parts under `## system`, `## user`
(with `{input}`, or other places by name) and `## again` (with `{error}`), the last one added when
an answer was refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from schemas.errors import UsageError
from schemas.ids import canonical_json, sha256_hex

_FOLDER = Path(__file__).parent.parent / "prompts"
_NAME = re.compile(r"[a-z][a-z0-9_]*_v[0-9]+")
_PLACE = re.compile(r"\{([a-z_]+)\}")
_PARTS = ("system", "user", "again")


@dataclass(frozen=True)
class Prompt:
    """One prompt file; `field` is the one key of the JSON object that answers it."""

    name: str
    field: str
    system: str
    user: str
    again: str

    @property
    def schema(self) -> str:
        """The JSON schema of the answer, as canonical text."""
        properties = {self.field: {"type": "string"}}
        shape = {"type": "object", "properties": properties, "required": [self.field]}
        return canonical_json({**shape, "additionalProperties": False})

    def fill(self, text: str) -> str:
        """The user's side of the conversation about `text`."""
        return self.user.replace("{input}", text)

    def fill_all(self, values: Mapping[str, str]) -> str:
        """The user's side with several places filled; what is filled in is not searched again."""
        return _PLACE.sub(lambda match: values.get(match[1], match[0]), self.user)


@cache
def load_prompt(name: str) -> Prompt:
    """The prompt called `name`; UsageError when there is none, listing those there are."""
    path = _FOLDER / f"{name}.md"
    if not _NAME.fullmatch(name) or not path.is_file():
        known = ", ".join(sorted(file.stem for file in _FOLDER.glob("*.md")))
        raise UsageError(f"no prompt {name!r}; there are: {known}")
    return parse_prompt(name, path.read_text(encoding="utf-8"))


def prompt_text(name: str) -> str:
    """The whole text of a prompt's file, to publish it; UsageError when there is none."""
    load_prompt(name)
    return (_FOLDER / f"{name}.md").read_text(encoding="utf-8")


def prompt_sha256(name: str) -> str:
    """The SHA-256 of a prompt's file; empty for one that this version has not."""
    try:
        load_prompt(name)
    except UsageError:
        return ""
    return sha256_hex((_FOLDER / f"{name}.md").read_bytes())


def parse_prompt(name: str, text: str) -> Prompt:
    """A prompt from the text of its file; UsageError when a part is missing or unknown."""
    head, *rest = re.split(r"^## (\w+)\n", text, flags=re.MULTILINE)
    parts = {key: body.strip() for key, body in zip(rest[::2], rest[1::2], strict=True)}
    field = re.fullmatch(r"field: (\w+)", head.strip())
    if field is None or tuple(parts) != _PARTS:
        raise UsageError(f"prompt {name}: need `field: KEY`, then ## system, ## user, ## again")
    if not _PLACE.search(parts["user"]) or "{error}" not in parts["again"]:
        raise UsageError(
            f"prompt {name}: ## user needs a place such as {{input}} and ## again needs {{error}}"
        )
    return Prompt(name, field[1], parts["system"], parts["user"], parts["again"])
