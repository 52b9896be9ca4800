"""Evaluation set captions: held-out pictures, what people said about them, and its statements.

It is what the F1 of captions is measured on: recall asks which statements a caption states,
precision which of the caption's own statements the transcripts bear out. The authors of PixMo
published neither their set nor their prompts, so this one brings both.

Nothing is written into the store but the cache of answers; the set is a folder of its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pipelines.llm_stage import LlmStage
from pipelines.stage import CODE_VERSION, reject_row
from pipelines.steps.statements import Refused, Stated, StatementConfig, state_facts
from pipelines.steps.text_requests import TextModel
from schemas.errors import UsageError
from schemas.ids import canonical_json
from schemas.judgment import Reject, RejectRow
from schemas.records import Caption
from schemas.store import Store

SELECTED = "selected/cap"


@dataclass(frozen=True)
class CaptionReference:
    """One picture of the set. `statements` are what a caption should state, in the order in which
    they were told; `statement_transcripts` names for each the transcripts (from 0) that tell it."""

    image_id: str
    image_url: str
    split: str
    transcripts: tuple[str, ...]
    statements: tuple[str, ...]
    statement_transcripts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class ReferenceLineage:
    """What made one picture's references, in the order of the set's rows; no annotator is named."""

    image_id: str
    image_url: str
    recording_ids: tuple[str, ...]
    review_ids: tuple[str, ...]
    speech_model: str
    model: str
    statements_prompt: str
    prompt_tokens: int
    completion_tokens: int
    code_version: str


@dataclass(frozen=True)
class Made:
    """One picture with its lineage, and the statements that were refused as rejects."""

    reference: CaptionReference
    lineage: ReferenceLineage
    refused: tuple[RejectRow, ...]


@dataclass(frozen=True)
class CaptionSet(LlmStage):
    """Splits what was said about held-out pictures into statements.

    Pictures are those of `splits` whose caption was made from `least_transcripts` or more. Where
    rows were selected for the release, only selected pictures count: the policy and the choice of
    one near-duplicate hold here as well.
    """

    name: ClassVar[str] = "eval-set-captions"

    statements: StatementConfig = field(default_factory=StatementConfig)
    splits: tuple[str, ...] = ("validation", "test")
    least_transcripts: int = 2

    def outcomes(self, store: Store) -> list[Made | RejectRow]:
        """What becomes of each held-out picture that has a caption, in the order of image ids."""
        split_of = held_out(store, self.splits)
        captions = sorted(_captions(store, split_of), key=lambda caption: caption.image_id)
        chosen = _selected(store)
        early = {c.image_id: why for c in captions if (why := self._refused(c, chosen))}
        asked = [caption for caption in captions if caption.image_id not in early]

        async def one(model: TextModel, caption: Caption) -> Made | RejectRow:
            return await self._one(model, caption, split_of[caption.image_id])

        answered = iter(self.answered(store, asked, one))
        return [
            self._reject(caption, early[caption.image_id])
            if caption.image_id in early
            else next(answered)
            for caption in captions
        ]

    def _refused(self, caption: Caption, chosen: frozenset[str] | None) -> Reject | None:
        """Why a picture is not asked about."""
        if chosen is not None and caption.image_id not in chosen:
            return Reject("not_selected", "select-cap left it out, see its rejects")
        told = len(caption.transcripts)
        if told < self.least_transcripts:
            return Reject("few_transcripts", f"{told} of {self.least_transcripts}")
        return None

    async def _one(self, model: TextModel, caption: Caption, split: str) -> Made | RejectRow:
        stated = await state_facts(model, caption.transcripts, self.statements)
        if isinstance(stated, Reject):
            return self._reject(caption, stated)
        reference = CaptionReference(
            image_id=caption.image_id,
            image_url=caption.image_url,
            split=split,
            transcripts=caption.transcripts,
            statements=tuple(one.text for one in stated.statements),
            statement_transcripts=tuple(one.transcripts for one in stated.statements),
        )
        refused = tuple(self._refused_row(caption, one) for one in stated.refused)
        return Made(reference, self._lineage(caption, stated, model.name), refused)

    def _lineage(self, caption: Caption, stated: Stated, model: str) -> ReferenceLineage:
        return ReferenceLineage(
            image_id=caption.image_id,
            image_url=caption.image_url,
            recording_ids=caption.recording_ids,
            review_ids=caption.review_ids,
            speech_model=caption.speech_model,
            model=model,
            statements_prompt=self.statements.prompt,
            prompt_tokens=stated.prompt_tokens,
            completion_tokens=stated.completion_tokens,
            code_version=CODE_VERSION,
        )

    def _reject(self, caption: Caption, why: Reject) -> RejectRow:
        row = {"image_url": caption.image_url, "transcripts": caption.transcripts}
        return reject_row(self.name, caption.image_id, why, canonical_json(row))

    def _refused_row(self, caption: Caption, one: Refused) -> RejectRow:
        why = Reject("unsupported_statement", one.why)
        row = {"statement": one.text, "transcript": caption.transcripts[one.transcript]}
        return reject_row(self.name, caption.image_id, why, canonical_json(row))


def held_out(store: Store, splits: tuple[str, ...]) -> dict[str, str]:
    """The split of each held-out picture; UsageError when there is none."""
    found = {
        image_id: split
        for number in store.part_numbers("splits")
        for image_id, split in store.read_map("splits", number, "image_id", "split").items()
        if split in splits
    }
    if not found:
        raise UsageError(
            f"no picture of {store.url} is in {' or '.join(splits)}: hold some out with "
            "`pixmo export all --validation SHARE`"
        )
    return found


def _captions(store: Store, wanted: Mapping[str, str]) -> Iterator[Caption]:
    for number in store.part_numbers("captions"):
        for caption in store.records("captions", number, Caption):
            if caption.image_id in wanted:
                yield caption


def _selected(store: Store) -> frozenset[str] | None:
    """The pictures that were selected for the release; None where none was ever chosen."""
    numbers = store.part_numbers(SELECTED)
    if not numbers:
        return None
    return frozenset(
        image_id
        for number in numbers
        for image_id in store.read(SELECTED, number, ["image_id"])[0].to_pylist()
    )
