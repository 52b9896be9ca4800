"""Recordings that go with a picture or a person, and every text that was made from them.

A person is known by name in the manifest and by pseudonym after it; one leads to the other by the
salt, or, where the salt is not at hand, by the recordings that have both.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from pipelines.steps.pseudonyms import pseudonym
from pipelines.steps.takedown_rows import Doomed
from pipelines.steps.takedown_traces import Traces, parse_json
from pipelines.takedown.found import Found, rows_of, source_rows
from schemas.store import Store
from schemas.takedown import is_pseudonym

SOURCES = "sources/recordings"
CAPTION = ["image_id", "recording_ids", "review_ids", "caption", "transcripts", "cleaned"]


def find_people(store: Store, found: Found, annotators: Iterable[str], salt: str) -> None:
    """Names and pseudonyms of the people asked for, by the salt and by their recordings."""
    given = set(annotators)
    if not given:
        return
    found.pseudonyms |= {name for name in given if is_pseudonym(name)}
    found.names |= given - found.pseudonyms
    named = {key: str(row.get("annotator") or "") for key, row in source_rows(store, SOURCES)}
    made = {name: pseudonym(name, salt) for name in {*named.values(), *found.names} - {""}}
    found.names |= {name for name, known_as in made.items() if known_as in found.pseudonyms}
    found.pseudonyms |= {made[name] for name in found.names}
    for row in rows_of(store, "recordings", ["recording_id", "annotator_id"]):
        name = named.get(row["recording_id"], "")
        if name and (name in found.names or row["annotator_id"] in found.pseudonyms):
            found.names.add(name)
            found.pseudonyms.add(row["annotator_id"])
    found.denied |= {("annotator", name, 0) for name in found.names | found.pseudonyms}


def find_recordings(store: Store, found: Found, doomed: Doomed) -> None:
    """Recordings of the pictures and of the people; `doomed` is what was found of pictures."""
    for key, row in source_rows(store, SOURCES):
        if key and (doomed.is_about(row) or row.get("annotator") in found.names):
            found.recording_ids.add(key)
    for table in ("recordings", "transcripts"):
        for row in rows_of(store, table, ["recording_id", "image_id", "annotator_id"]):
            if row["image_id"] in found.image_ids or row["annotator_id"] in found.pseudonyms:
                found.recording_ids.add(row["recording_id"])
    for row in rows_of(store, "recordings", ["recording_id", "audio_sha256"]):
        if row["recording_id"] in found.recording_ids:
            found.digests.add(row["audio_sha256"])


def find_texts(store: Store, found: Found) -> None:
    """What was said and written: transcripts, what was made of them, and captions."""
    affected = {*_captions(store, found), *_refused_captions(store, found)}
    stay = affected - found.image_ids
    for row in rows_of(store, "transcripts", ["recording_id", "image_id", "text"]):
        if row["recording_id"] in found.recording_ids:
            found.texts.add(row["text"])
        elif row["image_id"] in stay:
            found.orphans.add(row["image_id"])
    found.texts.discard("")


def _captions(store: Store, found: Found) -> Iterator[str]:
    """Pictures that lose their caption."""
    for row in rows_of(store, "captions", CAPTION):
        whole = row["image_id"] in found.image_ids
        gone = found.recording_ids | found.item_ids
        reviews = row.get("review_ids") or [""] * len(row["recording_ids"])
        pairs = zip(row["recording_ids"], reviews, strict=False)
        lost = [whole or not gone.isdisjoint(ids) for ids in pairs]
        if whole or any(lost):
            found.texts.add(row["caption"])
            for texts in (row["transcripts"], row["cleaned"]):
                said = zip(texts, lost, strict=False)
                found.texts.update(text for text, goes in said if goes)
            yield row["image_id"]


def _refused_captions(store: Store, found: Found) -> Iterator[str]:
    """Pictures without a caption whose reject holds what somebody said."""
    traces = Traces(values=frozenset(found.recording_ids | found.image_ids))
    for row in rows_of(store, "rejects/captions", ["key", "row"]):
        values: Any = parse_json(row["row"])
        if isinstance(values, dict) and traces.in_json(values):
            said = values.get("transcripts")
            for key, text in said.items() if isinstance(said, dict) else ():
                if row["key"] in found.image_ids or key in found.recording_ids:
                    found.texts.add(str(text))
            yield row["key"]
