"""Builds the evaluation set captions: asks, writes the folder, says what is in it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import yaml

from pipelines.batch import Target, write_requests
from pipelines.engine import ThisProcess
from pipelines.eval_sets import caption_files as files
from pipelines.eval_sets.captions import CaptionSet, Made
from pipelines.services.llm_config import EMBEDDED_MODEL
from pipelines.steps.prompts import prompt_sha256
from schemas.errors import StageError
from schemas.judgment import RejectRow
from schemas.store import Store
from tools.console import out
from tools.making.batch import say_written
from tools.making.release import recall_export
from tools.release.hub_licences import licence_header
from tools.summary import new_table, reason_lines

_ABOUT = """\
{mark}

# Captions: pictures with what people said about them, and its statements

{pictures} held-out pictures. Several people described each aloud (`transcripts`); a text-only model
split what they said into {statements} atomic `statements`, each held against the transcripts that
tell it (`statement_transcripts`, numbers from 0). No picture was shown to a model. No statement was
written or checked by a person.

## How a caption is measured

- **recall**: the share of `statements` that the caption states. Ask a judge `judge_stated_v1` with
  the caption and each statement.
- **precision**: split the caption by `{prompt}` as the transcripts were, and ask a judge
  `judge_supported_v1` with all transcripts (`Transcript 1: ...`, one to a line) and each of its
  statements; the share that is supported.
- **F1**: the harmonic mean of the two, each averaged over pictures. A verdict that cannot be read
  is left out of the count. Judge at temperature 0, and always by the same model.

`prompts/` holds each prompt with the JSON schema of its answer (system, user, and what is added
when an answer was refused). `rejects.parquet` lists the pictures that are not in here and the
statements that the transcripts do not bear out, with reasons; `lineage/` what made each row.

| prompt | SHA-256 |
|---|---|
{prompts}

Statements are by `{model}`{small}.
"""


def write_caption_batch(store: Store, stage: CaptionSet, folder: str) -> None:
    """Write the requests for the set as batch files."""
    offline = replace(stage, offline=True)

    def asked() -> Iterator[Any]:
        yield offline.outcomes(store)

    target = Target(folder, f"requests-{stage.name}")
    say_written(stage.name, write_requests(stage, store, [asked()], target), store)


def build_caption_set(store: Store, stage: CaptionSet, output: str, embed: bool) -> None:
    """Make the set and print a summary."""
    folder = files.SetFolder(output)  # before anything is paid for
    with stage.prepared(store, ThisProcess()) as ready:
        outcomes: list[Made | RejectRow] = ready.outcomes(store)
        spent = ready.spent(store)
    made = [one for one in outcomes if isinstance(one, Made)]
    rejects = [one for one in outcomes if isinstance(one, RejectRow)]
    if not made:
        reasons = Counter(row.reason for row in rejects).most_common(3)
        told = ", ".join(f"{reason} {count}" for reason, count in reasons) or "none has a caption"
        raise StageError(f"no held-out picture can be in the set: {told}")
    rejects += [row for one in made for row in one.refused]
    splits = files.write_set(store, folder, made, rejects, embed)
    files.write_prompts(folder, stage.statements.prompt)
    files.write_card(folder, _card(store, stage, made, splits))
    _show(made, rejects, spent, output)


def _card(store: Store, stage: CaptionSet, made: list[Made], splits: list[str]) -> str:
    export = recall_export(store)
    paths = [{"split": split, "path": f"data/{split}-*.parquet"} for split in splits]
    header: dict[str, Any] = {
        **licence_header(export.license if export else "unknown"),
        "pretty_name": "Captions: transcripts and statements of held-out pictures",
        "tags": ["pixmo"],
        "configs": [{"config_name": "captions", "default": True, "data_files": paths}],
    }
    names = (stage.statements.prompt, *files.JUDGES)
    text = _ABOUT.format(
        mark=files.MARK,
        pictures=len(made),
        statements=_statements(made),
        prompt=stage.statements.prompt,
        prompts="\n".join(f"| `{name}` | `{prompt_sha256(name)}` |" for name in names),
        model=stage.llm.model,
        small=", the small embedded default: it shows the way, not the quality"
        if stage.llm.model == EMBEDDED_MODEL
        else "",
    )
    return f"---\n{yaml.safe_dump(header, sort_keys=False, allow_unicode=True)}---\n\n{text}"


def _statements(made: list[Made]) -> int:
    return sum(len(one.reference.statements) for one in made)


def _show(made: list[Made], rejects: list[RejectRow], spent: str, output: str) -> None:
    table = new_table("evaluation set captions", "split", "pictures", "transcripts", "statements")
    for split in sorted({one.reference.split for one in made}):
        own = [one for one in made if one.reference.split == split]
        told = sum(len(one.reference.transcripts) for one in own)
        table.add_row(split, str(len(own)), str(told), str(_statements(own)))
    out.print(table)
    if rejects:
        out.print("not in it, see rejects.parquet:")
        out.print(reason_lines(Counter(row.reason for row in rejects)), highlight=False)
    if spent:
        out.print(spent, highlight=False, soft_wrap=True)
    out.print(f"evaluation set: {output}", highlight=False, soft_wrap=True)
