"""What an evaluation leaves behind: leaderboard.json and .csv, pairs.csv, and the plot."""

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from annotation.ratings.bradley_terry import CONFIDENCE, MEAN
from annotation.ratings.leaderboard import Leaderboard, Meeting, Standing
from schemas.files import open_fs, whole_file
from tools.evaluate.plot import draw

_SCALE = "Bradley-Terry; 400 / ln 10 points per unit of log-odds; a tie is half a win for both"


def write_evaluation(board: Leaderboard, url: str) -> list[str]:
    """Write all files into a folder, local or on an object store; their names."""
    files = {
        "leaderboard.json": _json(board).encode(),
        "leaderboard.csv": _csv(Standing, board.standings).encode(),
        "pairs.csv": _csv(Meeting, board.meetings).encode(),
        **{f"leaderboard.{kind}": data for kind, data in draw(board).items()},
    }
    fs, folder = open_fs(url)
    for name, data in files.items():
        with whole_file(fs, f"{folder.rstrip('/')}/{name}") as temporary:
            Path(temporary).write_bytes(data)
    return list(files)


def _json(board: Leaderboard) -> str:
    values = dataclasses.asdict(board)
    meetings, standings = values.pop("meetings"), values.pop("standings")
    about = {"scale": _SCALE, "mean": MEAN, "confidence": CONFIDENCE, **values}
    whole = {**about, "leaderboard": standings, "pairs": meetings}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _csv(record: type, rows: Sequence[Any]) -> str:
    target = io.StringIO()
    names = [field.name for field in dataclasses.fields(record)]
    writer = csv.DictWriter(target, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(dataclasses.asdict(row) for row in rows)
    return target.getvalue()
