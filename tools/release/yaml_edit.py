"""Edits a YAML mapping as text: replaces, adds and removes top-level keys, and no other line.

PyYAML forgets comments, so the places of keys are taken from its marks and the text is cut there.
"""

import re
from typing import Any

import yaml


class Yaml12Loader(yaml.SafeLoader):
    """Reads scalars by YAML 1.2, as the Hub does: `no` is Norwegian, and a date is a text."""


Yaml12Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    Yaml12Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first
    )


def dump(values: dict[Any, Any]) -> str:
    """Values as block-style YAML; texts that any version of YAML would misread are quoted."""
    if not values:
        return ""
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=1000)


def edit_mapping(
    text: str, root: yaml.MappingNode | None, values: dict[Any, Any], wanted: dict[Any, Any]
) -> str | None:
    """`text`, which holds `values`, changed to hold `wanted`; None when it cannot be cut by keys.

    `root` is the composed text. New keys are added at the end.
    """
    if not text.endswith("\n"):
        text += "\n"
    if root is None:
        return text + dump(wanted)
    if not _is_plain(text, root):
        return None
    starts = [key.start_mark.index for key, _ in root.value]
    pieces = [text[: starts[0]]]
    for (key, value), start, stop in zip(root.value, starts, [*starts[1:], len(text)], strict=True):
        piece = text[start:stop]
        if key.value not in wanted:
            piece = _after_value(piece)
        elif wanted[key.value] != values[key.value]:
            same_line = _rest_of_line(text, value)
            new = dump({key.value: wanted[key.value]}).rstrip("\n")
            rest = same_line if "\n" not in new else ""
            piece = f"{new}{rest}\n{_after_value(piece)}"
        pieces.append(piece)
    added = {key: value for key, value in wanted.items() if key not in values}
    return "".join(pieces) + dump(added)


def _is_plain(text: str, root: yaml.MappingNode) -> bool:
    """Whether every key begins its own line and nothing in the text refers to another place."""
    if root.flow_style or not root.value:
        return False
    tokens = (yaml.AnchorToken, yaml.AliasToken, yaml.DirectiveToken, yaml.DocumentEndToken)
    if any(isinstance(token, tokens) for token in yaml.scan(text, Yaml12Loader)):
        return False
    return all(
        isinstance(key, yaml.ScalarNode)
        and key.start_mark.column == 0
        and key.tag == "tag:yaml.org,2002:str"
        for key, _ in root.value
    )


def _after_value(piece: str) -> str:
    """The empty lines and comments that follow the lines of a key."""
    lines = re.findall(r"[^\n]*\n", piece)
    stop = len(lines)
    while stop > 1 and (not lines[stop - 1].strip() or lines[stop - 1].startswith("#")):
        stop -= 1
    return "".join(lines[stop:])


def _rest_of_line(text: str, value: yaml.Node) -> str:
    """A comment behind a value of one line."""
    if not isinstance(value, yaml.ScalarNode) or value.start_mark.line != value.end_mark.line:
        return ""
    return text[value.end_mark.index : text.index("\n", value.end_mark.index)].rstrip()
