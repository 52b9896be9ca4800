"""Rows against rows of other tables: splits, the choice of rows, and what captions were made of.

All on arrays: a million rows are a few sorts. A table without any part is passed over; that parts
are missing is said once, by the promise that they are there.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.audit.column_values import Numbers, number_of
from tools.audit.findings import Notes
from tools.audit.store_tables import TableRows

Tables = Mapping[str, TableRows]
Rows = NDArray[np.int64]


def mixed(groups: Any, values: Any) -> NDArray[np.bool_]:
    """Whether each item's group holds more than one value."""
    order = np.lexsort((values, groups))
    g, v = groups[order], values[order]
    first = np.concatenate([[True], g[1:] != g[:-1]]) if len(g) else np.empty(0, bool)
    number = np.cumsum(first) - 1
    low = v[first]
    found = np.zeros(len(g), bool)
    several = np.zeros(len(low), bool)
    several[number[v != low[number]]] = True
    found[order] = several[number]
    return found


def check_splits(notes: Notes, tables: Tables) -> None:
    """Nothing that belongs together lies in two splits."""
    splits = tables["splits"]
    notes.check("splits", len(splits))
    if not len(splits):
        return
    split = splits.columns["split"]
    _fail_mixed(notes, splits, splits.columns["component_id"], "its component lies in two splits")
    duplicates = tables["duplicates"]
    at = duplicates.find(splits.keys)
    if len(duplicates):
        now = duplicates.columns["component_id"][at]
        moved = (at >= 0) & (now != splits.columns["component_id"])
        message = "it was drawn by another component than duplicates has"
        splits.fail(notes, "splits", np.flatnonzero(moved).tolist(), message)
    _check_pairs(notes, tables["duplicate_pairs"], splits)
    images = tables["images"]
    if len(images):
        at = splits.find(images.keys)
        known = np.flatnonzero(at >= 0)
        apart = mixed(images.columns["image_sha256"][known], split[at[known]])
        message = "pictures with equal bytes lie in two splits"
        images.fail(notes, "splits", known[apart].tolist(), message)


def _fail_mixed(notes: Notes, splits: TableRows, groups: Any, message: str) -> None:
    apart = mixed(groups, splits.columns["split"])
    splits.fail(notes, "splits", np.flatnonzero(apart).tolist(), message)


def _check_pairs(notes: Notes, pairs: TableRows, splits: TableRows) -> None:
    if not len(pairs):
        return
    notes.check("splits", len(pairs))
    left, right = (splits.find(pairs.columns[name]) for name in ("left_id", "right_id"))
    known = (left >= 0) & (right >= 0) & pairs.columns["verified"].astype(bool)
    split = splits.columns["split"]
    apart = known & (split[left] != split[right])
    message = "the verified pair {key} lies in two splits"
    pairs.fail(notes, "splits", np.flatnonzero(apart).tolist(), message)


def check_selected(notes: Notes, tables: Tables, table: str, feed: str) -> None:
    """Selected rows pass the policy, are in their split, and are one picture per star."""
    chosen = tables[table]
    for promise in ("policy", "one_per_star", "contamination"):
        notes.check(promise, len(chosen))
    if not len(chosen):
        return
    pictures = chosen.columns["image_id"]
    _check_stars(notes, chosen, tables["duplicates"])
    splits = tables["splits"]
    at = splits.find(pictures)
    if len(splits):
        other = (at >= 0) & (splits.columns["split"][at] != chosen.columns["split"])
        message = "it was selected into another split than it was drawn into"
        chosen.fail(notes, "splits", np.flatnonzero(other).tolist(), message)
    rows = tables[feed]
    if len(rows):
        lost = np.flatnonzero(rows.lacks(chosen.keys)).tolist()
        chosen.fail(notes, "policy", lost, f"it is not in {feed}")
    broken = f"broken:{table}"
    _fail_flagged(notes, "policy", chosen, chosen.keys, rows, broken)
    subset = table.partition("/")[2]
    beside = (("contamination/images", pictures), (f"contamination/{subset}", chosen.keys))
    for name, ids in beside:
        if name in tables:
            for column in (broken, "exact"):
                _fail_flagged(notes, "contamination", chosen, ids, tables[name], column)


_WHY = {
    "policy": "a tag of it is at its limit",
    "contamination": "it comes near an evaluation item, see {table}",
}


def _fail_flagged(
    notes: Notes, promise: str, chosen: TableRows, ids: Numbers, rows: TableRows, column: str
) -> None:
    """Selected rows whose row in another table is flagged."""
    if not len(rows) or column not in rows.columns:
        return
    at = rows.find(ids)
    flagged = (at >= 0) & rows.columns[column].astype(bool)[at]
    message = _WHY[promise].replace("{table}", rows.table)
    chosen.fail(notes, promise, np.flatnonzero(flagged).tolist(), message)


def _check_stars(notes: Notes, chosen: TableRows, duplicates: TableRows) -> None:
    if not len(duplicates):
        return
    pictures = chosen.columns["image_id"]
    at = duplicates.find(pictures)
    known = np.flatnonzero(at >= 0)
    stars = duplicates.columns["representative_id"][at[known]]
    several = mixed(stars, pictures[known])
    message = "another picture of its cluster is selected as well"
    chosen.fail(notes, "one_per_star", known[several].tolist(), message)


def check_spoken(notes: Notes, tables: Tables) -> None:
    """Captions lead to transcripts that say the same, and these to their recordings."""
    captions, transcripts = tables["captions"], tables["transcripts"]
    if len(captions):
        _check_picture(notes, captions, tables["images"])
        _check_said(notes, captions, transcripts)
        _check_reviews(notes, captions, tables["annotations/transcript_review"])
    recordings = tables["recordings"]
    if len(transcripts) and len(recordings):
        notes.check("traceable", len(transcripts))
        at = recordings.find(transcripts.keys)
        lost = np.flatnonzero(recordings.lacks(transcripts.keys)).tolist()
        transcripts.fail(notes, "traceable", lost, "its recording is not there")
        for name in ("image_id", "audio_sha256"):
            other = (at >= 0) & (recordings.columns[name][at] != transcripts.columns[name])
            message = f"its recording has another {name}"
            transcripts.fail(notes, "traceable", np.flatnonzero(other).tolist(), message)


def _check_picture(notes: Notes, captions: TableRows, images: TableRows) -> None:
    if len(images):
        lost = np.flatnonzero(images.lacks(captions.keys)).tolist()
        captions.fail(notes, "traceable", lost, "its picture is not in images")


def _check_said(notes: Notes, captions: TableRows, transcripts: TableRows) -> None:
    row, said = captions.columns["said_row"], captions.columns["said_recording"]
    notes.check("traceable", len(said))
    for name in ("said", "dropped"):
        lost = transcripts.lacks(captions.columns[f"{name}_recording"])
        rows = np.unique(captions.columns[f"{name}_row"][lost]).tolist()
        captions.fail(notes, "traceable", rows, "a transcript that it names is not there")
    at = transcripts.find(said)
    if not len(transcripts):
        return
    heard = captions.columns["said_review"] == number_of("")  # by nobody but the recogniser
    other = (at >= 0) & (transcripts.columns["text"][at] != captions.columns["said_text"]) & heard
    message = "a transcript of it says something else now"
    captions.fail(notes, "traceable", np.unique(row[other]).tolist(), message)
    other = (at >= 0) & (transcripts.columns["image_id"][at] != captions.keys[row])
    message = "a transcript of it is about another picture"
    captions.fail(notes, "traceable", np.unique(row[other]).tolist(), message)
    _check_models(notes, captions, transcripts, row[at >= 0], at[at >= 0])


def _check_reviews(notes: Notes, captions: TableRows, reviews: TableRows) -> None:
    """The corrected texts of captions are those of the reviews that they name."""
    used = captions.columns["said_review"] != number_of("")
    row, wanted = captions.columns["said_row"][used], captions.columns["said_review"][used]
    lost = np.unique(row[reviews.lacks(wanted)]).tolist()
    captions.fail(notes, "traceable", lost, "a review that it names is not there")
    at = reviews.find(wanted)
    if not len(reviews):
        return
    for name, own in (("text", "said_text"), ("recording_id", "said_recording")):
        other = (at >= 0) & (reviews.columns[name][at] != captions.columns[own][used])
        message = f"a review of it has another {name} now"
        captions.fail(notes, "traceable", np.unique(row[other]).tolist(), message)


def _check_models(
    notes: Notes, captions: TableRows, transcripts: TableRows, row: Rows, at: Rows
) -> None:
    """The speech models of a caption are those of its transcripts; `row` pairs with `at`."""
    named, used = captions.columns["speech_model"][row], transcripts.columns["model"][at]
    several = {
        number_of(text): [number_of(name) for name in text.split(", ")]
        for text in captions.speech_models
    }
    pairs, of = np.unique(np.stack([named, used], axis=1), axis=0, return_inverse=True)
    wrong = np.array([b not in several.get(a, ()) for a, b in pairs.tolist()], bool)
    rows = np.unique(row[wrong[of.ravel()]]) if len(pairs) else row
    message = "its speech_model is not that of its transcripts"
    captions.fail(notes, "traceable", rows.tolist(), message)
