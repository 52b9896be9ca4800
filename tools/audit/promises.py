"""The promises of a store and of a release: name, what is proved, what to do when it fails.

`docs/audit.md` has the same list; a test compares them.
"""

from tools.audit.findings import Promise

_AGAIN = "run the stage again: it redoes only what does not hold"
_EXPORT = "run `pixmo export all` again, then publish again"

STORE = (
    Promise(
        "readable", "every part can be read", "remove the damaged part and run its stage again"
    ),
    Promise("whole", "every part is there, with its rejects of the same commit", _AGAIN),
    Promise("conservation", "rows in = records + rejects, in every part and from its feed", _AGAIN),
    Promise("inputs", "every part was made from its inputs as they are now", _AGAIN),
    Promise(
        "digests",
        "records and rejects are those that were written",
        "bring the part back from a copy, or remove it and run its stage again",
    ),
    Promise(
        "checksums",
        "pictures and sounds have the SHA-256 that is said of them",
        "bring the part back from a copy, or remove it and run its stage again",
    ),
    Promise("schema", "every part has the columns of its record, as of this version", _AGAIN),
    Promise("keys", "keys are unique in a table and sorted in a part", _AGAIN),
    Promise(
        "splits",
        "no component, verified pair or equal bytes lie in two splits",
        "run `pixmo dedupe`, then the export, which draws splits again",
    ),
    Promise(
        "policy",
        "every selected row passes the policy in force",
        "run `pixmo policy` with the policy that is meant",
    ),
    Promise(
        "one_per_star",
        "of each cluster of near-duplicates at most one picture is selected",
        "run `pixmo dedupe`, then `pixmo policy`",
    ),
    Promise(
        "contamination",
        "no selected row or picture equals or comes near an evaluation item",
        "run `pixmo policy` with limits on the evaluation tags",
    ),
    Promise(
        "traceable",
        "every caption leads to its picture, recordings, transcripts and cleaned texts",
        "run the stages again from transcribe on",
    ),
    Promise(
        "prompts",
        "every prompt named by a caption is among the prompt files",
        "bring the prompt file back, or caption again",
    ),
    Promise(
        "annotators",
        "no annotator's name beyond the recordings' sources, no pseudonym in a release",
        "find how it got there, and take it out with `pixmo takedown --annotator`",
    ),
    Promise(
        "denylist", "nothing that was taken down is there", "run the same `pixmo takedown` again"
    ),
)

RELEASE = (
    Promise("readable", "manifest, card and tables can be read", _EXPORT),
    Promise(
        "files", "every file is listed, every listed file is there, no shard is missing", _EXPORT
    ),
    Promise("checksums", "every file has the size and SHA-256 of the manifest", _EXPORT),
    Promise(
        "schema", "tables have the columns of their subset, and `datasets` can read them", _EXPORT
    ),
    Promise("lineage_rows", "every row has its lineage, in the same order", _EXPORT),
    Promise(
        "splits",
        "no component, picture or URL lies in two splits, over all configs",
        "run `pixmo dedupe` and export again",
    ),
    Promise(
        "points",
        "points lie within their picture and are as many as counted",
        "correct or reject the rows in the store, then export again",
    ),
    Promise("metadata", "embedded pictures hold no EXIF, GPS, XMP, IPTC or comments", _EXPORT),
    Promise("pictures", "embedded pictures are whole files with a size", _EXPORT),
    Promise(
        "no_vlm",
        "only speech recognisers, text LLMs, OCR and detectors had a part in it",
        "make the rows again with an allowed model",
    ),
    Promise("traceable", "every row names what it was made from", _EXPORT),
    Promise("prompts", "every prompt is in the manifest with the SHA-256 of its text", _EXPORT),
    Promise(
        "annotators",
        "no column, address or pseudonym tells who an annotator is",
        "take the column out of the lineage, and export again",
    ),
    Promise("manifest", "the manifest's rows and images are those of the tables", _EXPORT),
    Promise("card", "the card's header and table are those of the tables", _EXPORT),
    Promise("croissant", "the Croissant metadata name these files, columns and rows", _EXPORT),
    Promise(
        "licence",
        "manifest and card name the same licence",
        "export with `--license`",
    ),
)
