"""Judgments of which of two models answered better: from a file, or from a store."""

from collections.abc import Iterator
from dataclasses import dataclass

from annotation.push.preference_pairs import numbered
from pipelines.steps.read_rows import InputRow, read_rows
from schemas.errors import UsageError
from schemas.store import Store

CANNOT_TELL = "cannot_tell"
CHOICES = ("a", "b", "both_good", "both_bad", CANNOT_TELL)
JUDGED = "annotations/preference"
PAIRS = "preference_pairs"
_NEEDED = ("model_a", "model_b", "choice")


@dataclass(frozen=True)
class Judgment:
    """One person's choice, one of CHOICES; judgments of one `prompt` are not independent.

    An empty `prompt` says that it is not known which judgments share one.
    """

    model_a: str
    model_b: str
    choice: str
    prompt: str = ""


def judgments_of_file(url: str) -> list[Judgment]:
    """Judgments from rows of model_a, model_b, choice and, where known, prompt_id.

    JSON lines, CSV or Parquet. UsageError, with file and row, for anything else.
    """
    return [_judgment(url, row) for row in read_rows(url)]


def _judgment(url: str, row: InputRow) -> Judgment:
    place = f"{url}, row {row.number}"
    if row.values is None:
        raise UsageError(f"{place}: {row.error}; mend or remove it")
    values = [row.values.get(name) for name in _NEEDED]
    lacking = [n for n, v in zip(_NEEDED, values, strict=True) if not isinstance(v, str) or not v]
    if lacking:
        raise UsageError(f"{place} lacks {', '.join(lacking)}; each must be a text")
    model_a, model_b, choice = (str(value) for value in values)
    if choice not in CHOICES:
        raise UsageError(f"{place}: unknown choice {choice!r}; choices: {', '.join(CHOICES)}")
    if model_a == model_b:
        raise UsageError(f"{place}: {model_a} stands against itself; remove the row")
    return Judgment(model_a, model_b, choice, str(numbered(row.values.get("prompt_id"))))


def judgments_of_store(store: Store) -> list[Judgment]:
    """Judgments that `pixmo annotate pull` brought, joined with the pairs that `push` drew.

    UsageError for a pair that the store does not know.
    """
    pairs = dict(_pairs(store))
    found = []
    for info in store.infos(JUDGED):
        rows = store.read(JUDGED, info.number, ["item_id", "pair_id", "choice"]).to_pylist()
        for row in rows:
            pair = pairs.get(row["pair_id"])
            if pair is None:
                raise UsageError(
                    f"{store.part_path(JUDGED, info.number)}: {row['item_id']} judges the pair "
                    f"{row['pair_id']}, which {PAIRS} lacks; push the same answers again, or run "
                    "`pixmo annotate pull`, which refuses the judgment"
                )
            found.append(Judgment(pair[0], pair[1], row["choice"], pair[2]))
    return found


def _pairs(store: Store) -> Iterator[tuple[str, tuple[str, str, str]]]:
    """Both models and the prompt by pair id."""
    columns = ["pair_id", "model_a", "model_b", "prompt_id"]
    for info in store.infos(PAIRS):
        found = store.read(PAIRS, info.number, columns)
        for row in zip(*(found.column(name).to_pylist() for name in columns), strict=True):
            yield row[0], (row[1], row[2], row[3])
