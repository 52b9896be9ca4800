"""The release of a store: no annotator's name in its texts, no pseudonym that the store knows."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.store import Store
from schemas.subsets import SUBSETS
from tools.audit.column_values import open_parquet, read_runs
from tools.audit.findings import UNREADABLE, Notes
from tools.audit.identities import PSEUDONYM, Names, rows_matching, texts_naming, texts_of

SAID = {"cleaned", *(text for subset in SUBSETS.values() for text in subset.texts)}


@dataclass(frozen=True)
class LeakJob:
    """One table of a store's release, by its path in the store, and who must not be in it."""

    store: Store
    place: str
    names: Names
    pseudonyms: frozenset[str]


def leak_jobs(store: Store, names: Names, pseudonyms: frozenset[str]) -> list[LeakJob]:
    """One job per table of `<store>/release`."""
    root = store.path("release")
    paths = sorted(store.fs.glob(f"{root}/**/*.parquet")) if store.fs.exists(root) else []
    places = [f"release/{path[len(root) + 1 :]}" for path in paths]
    return [LeakJob(store, place, names, pseudonyms) for place in places]


def find_leaks(job: LeakJob) -> Notes:
    """Look through one table; a damaged one is for the release's own audit."""
    notes = Notes()
    with (
        contextlib.suppress(*UNREADABLE),
        open_parquet(job.store.fs, job.store.path(job.place)) as parquet,
    ):
        _check_file(notes, job.place, parquet, (job.names, job.pseudonyms))
    return notes


def _check_file(
    notes: Notes, place: str, parquet: pq.ParquetFile, who: tuple[Names, frozenset[str]]
) -> None:
    # A URL is the picture's own, whatever its letters are.
    columns = [name for name in parquet.schema_arrow.names if name not in ("image", "image_url")]
    start = 0
    for batch in read_runs(parquet, columns):
        notes.check("annotators", len(batch))
        for name in batch.schema.names:
            for texts, rows in texts_of(batch.column(name)):
                for what, found in _who_is_in(texts, name in SAID, *who):
                    told = sorted({start + rows[at].as_py() for at in found})
                    notes.fail_rows("annotators", place, f"{name} holds {what}", told)
        start += len(batch)


def _who_is_in(
    texts: pa.Array, said: bool, names: Names, pseudonyms: frozenset[str]
) -> Iterator[tuple[str, list[int]]]:
    """What tells of an annotator, and the positions of the texts in which it stands."""
    yield "an annotator's name", texts_naming(texts, names)
    if said:  # nobody says a pseudonym, and looking for one in every text takes long
        return
    found = rows_matching(texts, PSEUDONYM)
    own = [at for at in found if pseudonyms.intersection(re.findall(PSEUDONYM, str(texts[at])))]
    yield "an annotator's pseudonym", own
