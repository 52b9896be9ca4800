"""`pixmo diff`: what changed between two releases."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column

from tools.console import out, plain_errors
from tools.release.config_diff import ConfigDiff
from tools.release.diff import ReleaseDiff, diff_releases
from tools.release.diff_examples import Example
from tools.summary import new_table

_FACTS = 40  # rows of a table of facts; --json has all


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(diff)


def diff(
    old: Annotated[
        str, typer.Argument(metavar="OLD", help="A release: a folder, a store, gs:// or s3://.")
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The release to compare with it.")],
    limit: Annotated[
        int, typer.Option(min=0, metavar="N", help="Examples of each kind of change; 0: all.")
    ] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """What changed between two releases: rows, splits, columns, models, prompts, policy.

    The exit status is 0 whether they are equal or not.
    """
    with plain_errors():
        found = diff_releases(old, new, limit)
        if as_json:
            values = {"equal": found.same, **asdict(found)}
            typer.echo(json.dumps(values, indent=1, ensure_ascii=False))
        else:
            _show(found)


def _show(found: ReleaseDiff) -> None:
    for url in found.without_manifest:
        _say(f"{url} has no manifest: what made it is not known, its rows are compared")
    for config in found.configs:
        if not config.same:
            _show_config(config)
    if found.facts:
        _show_facts(found)
    _say(_total(found))


def _say(text: str) -> None:
    out.print(text, highlight=False, soft_wrap=True, markup=False)


def _show_config(config: ConfigDiff) -> None:
    table = new_table(f"{config.config}, rows by {', '.join(config.key)}", "what", _right("rows"))
    lines: list[tuple[str, int]] = [
        ("before", sum(config.old_rows.values())),
        ("after", sum(config.new_rows.values())),
        ("removed", config.removed),
        ("added", config.added),
        ("changed", config.changed),
        *((f"  in {name}", count) for name, count in config.columns.items()),
        *((f"moved {pair}", count) for pair, count in config.moved.items()),
        ("changed in lineage alone", config.remade),
        *((f"  in lineage {name}", count) for name, count in config.lineage.items()),
        ("unchanged", config.unchanged),
    ]
    for name, count in lines:
        table.add_row(escape(name), str(count))
    out.print(table)
    for what, names in (("added", config.columns_added), ("removed", config.columns_removed)):
        if names:
            _say(f"columns {what}: {', '.join(names)}")
    for name, (before, after) in config.columns_retyped.items():
        _say(f"column {name} was {before}, is {after}")
    _show_examples(config.examples)


def _right(name: str) -> Column:
    return Column(name, justify="right")


def _show_examples(examples: Iterable[Example]) -> None:
    for example in examples:
        splits = " -> ".join(dict.fromkeys(s for s in (example.old_split, example.new_split) if s))
        key = ", ".join(example.key.values())
        _say(f"{example.kind} ({splits}): {key}")
        for name, (before, after) in example.changes.items():
            _say(f"  {name}\n    - {_line(before)}\n    + {_line(after)}")


def _line(text: str) -> str:
    return " ".join(text.split())


def _show_facts(found: ReleaseDiff) -> None:
    table = new_table("what made it", "fact", "before", "after")
    for change in found.facts[:_FACTS]:
        table.add_row(escape(change.fact), _cell(change.old), _cell(change.new))
    out.print(table)
    if len(found.facts) > _FACTS:
        _say(f"{len(found.facts) - _FACTS} more facts differ; --json has all")


def _cell(value: object) -> str:
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return escape(text)


def _total(found: ReleaseDiff) -> str:
    if found.same:
        return "no difference"
    kinds = ("removed", "added", "changed", "remade", "unchanged")
    sums = {kind: sum(getattr(config, kind) for config in found.configs) for kind in kinds}
    moved = sum(sum(config.moved.values()) for config in found.configs)
    return (
        f"in all: {sums['removed']} rows removed, {sums['added']} added, "
        f"{sums['changed']} changed, {moved} moved between splits, "
        f"{sums['remade']} changed in lineage alone, "
        f"{sums['unchanged']} unchanged; {len(found.facts)} facts differ"
    )
