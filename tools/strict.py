"""Settings from YAML or flags to frozen dataclasses: an unknown key or a wrong type is an error.

The error names the place and, where one is close, the key that was probably meant.
"""

import dataclasses
import difflib
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from schemas.errors import UsageError

T = TypeVar("T")


def build(cls: type[T], values: Any, where: str) -> T:
    """An instance of a dataclass from a mapping; UsageError names `where` and the key."""
    if not isinstance(values, Mapping):
        raise UsageError(f"{where}: expected keys and values, found {values!r}")
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(typing.cast(Any, cls))}
    for key in values:
        if key not in fields:
            raise UsageError(unknown(where, str(key), fields))
    made = {key: _value(hints[key], value, f"{where}.{key}") for key, value in values.items()}
    missing = [name for name, field in fields.items() if name not in made and _required(field)]
    if missing:
        raise UsageError(f"{where}: missing {', '.join(missing)}")
    return cls(**made)


def read_yaml(path: Path) -> Any:
    """What a YAML file says; UsageError names the file, and the line of a mistake."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _UniqueKeys)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not a text file in UTF-8") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: not valid YAML: {_yaml_problem(error)}") from error


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping, of which YAML would keep the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                said = f"key {key.value!r} stands there twice"
                raise yaml.MarkedYAMLError(problem=said, problem_mark=key.start_mark)
            if isinstance(key.value, str) and key.tag != "tag:yaml.org,2002:merge":
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _yaml_problem(error: yaml.YAMLError) -> str:
    """One line without YAML's excerpt of the text."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return " ".join(str(error).split())


def _required(field: "dataclasses.Field[Any]") -> bool:
    nothing = dataclasses.MISSING
    return field.default is nothing and field.default_factory is nothing


def unknown(where: str, key: str, known: Iterable[str], kind: str = "key") -> str:
    """What to say of a key that is not known: the one that was probably meant, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(key, names, 1)
    hint = f"; did you mean {close[0]!r}?" if close else f"; known {kind}s: {', '.join(names)}"
    return f"{where}: unknown {kind} {key!r}{hint}"


def _value(hint: Any, value: Any, where: str) -> Any:
    if value is None and type(None) in typing.get_args(hint):
        return None
    if nested := _dataclass_in(hint):
        return build(nested, value, where)
    try:
        adapter = TypeAdapter(hint, config=ConfigDict(strict=True, allow_inf_nan=False))
        return adapter.validate_python(_as_tuple(value) if _has_tuple(hint) else value)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"[{step}]" for step in first["loc"] if isinstance(step, int))
        raise UsageError(f"{where}{place}: {first['msg']}, found {value!r}") from error


def _dataclass_in(hint: Any) -> Any:
    """The dataclass of a hint such as `X` or `X | None`."""
    choices = [hint, *typing.get_args(hint)]
    found = [choice for choice in choices if dataclasses.is_dataclass(choice)]
    return found[0] if found and typing.get_origin(hint) is not tuple else None


def _has_tuple(hint: Any) -> bool:
    return any(typing.get_origin(choice) is tuple for choice in (hint, *typing.get_args(hint)))


def _as_tuple(value: Any) -> Any:
    """Lists become tuples; a mapping stands for its pairs, in its own order."""
    if isinstance(value, Mapping):
        return tuple((key, _as_tuple(item)) for key, item in value.items())
    return tuple(_as_tuple(item) for item in value) if isinstance(value, list) else value
