"""Merges two YAML headers as text: only the lines of keys whose value changes are written anew.

So comments, order and quoting of people stay. A header that cannot be edited line by line (flow
style, anchors) is written anew as a whole, without its comments; its values stay in every case,
which is checked by reading the result again.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from schemas.errors import UsageError
from schemas.subsets import SUBSET_OF_CONFIG
from tools.release.yaml_edit import Yaml12Loader, dump, edit_mapping

UNIONS = ("task_categories", "language", "tags")  # people add to these
GIVEN_ONCE = ("pretty_name",)  # ours at first, then people's
INFO = "dataset_info"  # describes files that are replaced, and is never generated
LICENCE, LICENCE_NAME = "license", "license_name"
_REMEDY = "repair the card there, then run the same command again; nothing was changed"
Header = dict[Any, Any]


def refused(line: int, problem: str) -> UsageError:
    """The error for a card of theirs that is broken at a line, counted from 1."""
    return UsageError(f"the card on the Hub, line {line}: {problem}; {_REMEDY}")


def merge_headers(ours: str, theirs: str, first_line: int) -> str:
    """The header to publish; `first_line` is the line of the card on which theirs begins.

    UsageError when theirs is no mapping in valid YAML, or names a key twice.
    """
    if not theirs.strip():
        return ours
    try:
        root, values = _read(theirs, first_line)
        wanted = merge_values(yaml.load(ours, Yaml12Loader), values)
        edited = edit_mapping(theirs, root, values, wanted)
        return edited if edited is not None and _reads_as(edited, wanted) else dump(wanted)
    except RecursionError as error:
        raise refused(first_line, "the header is nested too deeply") from error


def merge_values(ours: Header, theirs: Header) -> Header:
    """The merged values, theirs first and in their order."""
    kept = {key: value for key, value in theirs.items() if key != INFO}
    if info := _info(theirs.get(INFO), ours):
        kept[INFO] = info
    if ours.get(LICENCE) == "unknown" and theirs.get(LICENCE):
        ours = {key: value for key, value in ours.items() if key not in (LICENCE, LICENCE_NAME)}
    elif LICENCE_NAME not in ours:
        kept.pop(LICENCE_NAME, None)
    return kept | {key: _value(key, value, theirs.get(key)) for key, value in ours.items()}


def _value(key: str, ours: Any, theirs: Any) -> Any:
    if key in GIVEN_ONCE:
        return theirs or ours
    if key in UNIONS and theirs:
        own = theirs if isinstance(theirs, list) else [theirs]
        missing = [item for item in ours if item not in own]
        return [*own, *missing] if missing else theirs
    return _configs(ours, theirs) if key == "configs" else ours


def _is_ours(entry: Any, ours: Header) -> bool:
    """Whether an entry of `configs` or `dataset_info` is about a config that pixmo generates."""
    if not isinstance(entry, dict):
        return False
    names = {config["config_name"] for config in ours.get("configs", [])}
    return str(entry.get("config_name", "")) in names | set(SUBSET_OF_CONFIG)


def _configs(ours: list[Header], theirs: Any) -> list[Any]:
    """Our configs, with what people added to them, and then the configs of people."""
    others = theirs if isinstance(theirs, list) else []
    kept = [entry for entry in others if not _is_ours(entry, {"configs": ours})]
    notes = {str(e.get("config_name")): e for e in others if isinstance(e, dict)}
    taken = any(isinstance(entry, dict) and entry.get("default") for entry in kept)
    merged = []
    for config in ours:
        mine = {key: value for key, value in config.items() if key != "default" or not taken}
        added = {k: v for k, v in notes.get(mine["config_name"], {}).items() if k != "default"}
        merged.append(mine | {key: value for key, value in added.items() if key not in mine})
    return [*merged, *kept]


def _info(info: Any, ours: Header) -> Any:
    """What `dataset_info` says of configs that are not ours."""
    if isinstance(info, dict):
        return info if "config_name" in info and not _is_ours(info, ours) else None
    if isinstance(info, list):
        return [entry for entry in info if not _is_ours(entry, ours)]
    return info


def _read(text: str, first_line: int) -> tuple[yaml.MappingNode | None, Header]:
    """The header as nodes, which know where they stand, and as values."""
    try:
        root = yaml.compose(text, Yaml12Loader)
        if root is None:  # only comments
            return None, {}
        if not isinstance(root, yaml.MappingNode):
            raise refused(first_line, "the header is no list of `key: value`")
        if twice := next(_repeated(root, set()), None):
            problem = f"the key {twice.value!r} stands there twice"
            raise refused(first_line + twice.start_mark.line, problem)
        return root, yaml.load(text, Yaml12Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise refused(first_line + (mark.line if mark else 0), f"{error.problem}") from error
    except yaml.YAMLError as error:
        what = " ".join(str(error).split())
        raise refused(first_line, f"the header is no valid YAML: {what}") from error


def _reads_as(text: str, wanted: Header) -> bool:
    """Whether an edited header holds what it should."""
    try:
        return bool((yaml.load(text, Yaml12Loader) or {}) == wanted)
    except yaml.YAMLError:
        return False


def _repeated(node: yaml.Node, seen: set[int]) -> Iterator[yaml.Node]:
    """Keys that a mapping in the header has more than once, which the Hub refuses."""
    if id(node) in seen or isinstance(node, yaml.ScalarNode):
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for n, (key, value) in enumerate(node.value):
            if isinstance(key, yaml.ScalarNode) and key.value in names[:n]:
                yield key
            yield from _repeated(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item, seen)
