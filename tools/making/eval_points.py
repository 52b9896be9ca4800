"""Builds the evaluation set points: writes the folder, says what is in it."""

from collections import Counter

import yaml

from pipelines.eval_sets.caption_files import SetFolder, write_card
from pipelines.eval_sets.point_files import MARK, write_point_set
from pipelines.eval_sets.points import NOT_PRESENT, WITH_MASKS, WITH_POINTS, PointCases
from schemas.store import Store
from tools.console import out
from tools.making.release import recall_export
from tools.release.hub_licences import licence_header
from tools.summary import new_table, reason_lines

_ABOUT = """\
{mark}

# Points: phrases with the places that they name

{rows} phrases about held-out pictures, in the columns of PixMo-Points-Eval. `points` are percent of
the width and height of the upright picture, 0 to 100; `masks` are bool [n, height, width], one for
each point in the same order. Where people said that a thing is not in the picture, both are empty.

| case | rows |
|---|---|
{cases}

## How pointing is measured

Predicted points are matched one to one with these points, nearest together. A prediction is a hit
when it lies in the mask of its match. Precision is hits over predictions, recall hits over masks;
F1 is taken for each row and averaged. A phrase that is not in the picture is right when nothing is
predicted, and an answer that cannot be read scores 0.

`rejects.parquet` lists the rows and masks that are not in here, with reasons; `lineage/` what made
each row. Do not train on these pictures, nor on near-duplicates of them.
"""
_NAMES = {
    WITH_MASKS: "points with masks",
    WITH_POINTS: "points without masks",
    NOT_PRESENT: "not in the picture",
}


def build_point_set(
    store: Store, output: str, splits: tuple[str, ...], masks: str, embed: bool
) -> None:
    """Make the set and print how many rows of each case it has, and what is not in it."""
    folder = SetFolder(output, MARK)
    cases = PointCases(store, splits, masks)
    counts = write_point_set(cases, folder, embed)
    write_card(folder, _card(store, counts))
    table = new_table("evaluation set points", "case", "rows")
    for case, name in _NAMES.items():
        table.add_row(name, f"{counts[case]:,}")
    out.print(table)
    if cases.rejects:
        out.print("not in it, see rejects.parquet:")
        out.print(reason_lines(Counter(row.reason for row in cases.rejects)), highlight=False)
    out.print(f"evaluation set: {output}", highlight=False, soft_wrap=True)


def _card(store: Store, counts: Counter[str]) -> str:
    config = recall_export(store)
    paths = [{"split": "test", "path": "data/test-*.parquet"}]
    header = {
        **licence_header(config.license if config else "unknown"),
        "task_categories": ["object-detection"],
        "pretty_name": "Points: phrases about held-out pictures with points and masks",
        "tags": ["pixmo"],
        "configs": [{"config_name": "points", "default": True, "data_files": paths}],
    }
    rows = "\n".join(f"| {name} | {counts[case]} |" for case, name in _NAMES.items())
    text = _ABOUT.format(mark=MARK, rows=counts.total(), cases=rows)
    return f"---\n{yaml.safe_dump(header, sort_keys=False)}---\n\n{text}"
