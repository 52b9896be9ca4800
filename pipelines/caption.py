"""Stage caption: all transcripts of a picture to one dense caption, through a text-only LLM.

Parts mirror those of `images`: part 3 holds the captions of the pictures in part 3 of images. A
transcript that the policy drops is named in the caption's `dropped`, or in the reject. Where a
person corrected a transcript, the person's text takes its place.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from pipelines.by_picture import picture_places
from pipelines.llm_stage import LlmStage
from pipelines.stage import Shard, reject_row
from pipelines.steps.captions import CaptionConfig, Captioned, caption_image
from pipelines.steps.policy import Policy
from pipelines.steps.reviewed import Review, corrected, latest_reviews
from pipelines.steps.speech_checks import DEFAULT_LIMITS
from pipelines.steps.text_requests import TextModel
from schemas.ids import content_id
from schemas.judgment import Reject
from schemas.records import Caption, Dropped, Transcript
from schemas.store import Store

REVIEWS = "annotations/transcript_review"


@dataclass(frozen=True)
class _Group:
    """One picture with its transcripts, kept and dropped; `reviews` are ids, one per kept one."""

    image_id: str
    image_url: str
    kept: tuple[Transcript, ...]
    reviews: tuple[str, ...]
    dropped: tuple[Dropped, ...]


@dataclass(frozen=True)
class CaptionStage(LlmStage):
    """Clean every transcript, then merge those of one picture."""

    name: ClassVar[str] = "caption"
    table: ClassVar[str] = "captions"
    record: ClassVar[type] = Caption
    version: ClassVar[str] = "2"

    captions: CaptionConfig = field(default_factory=CaptionConfig)
    policy: Policy = field(default_factory=lambda: Policy(tuple(DEFAULT_LIMITS.items())))
    max_rejects: float = 0.5

    def settings(self) -> dict[str, Any]:
        """Model, prompts and policy; where the model is served from changes no caption."""
        return {
            **self.model_settings(),
            "captions": asdict(self.captions),
            "policy": asdict(self.policy),
        }

    def plan(self, store: Store) -> list[Shard]:
        """One part per part of images that has transcripts, or had some when it was last done."""
        places, reviewed = picture_places(store), _review_parts(store)
        groups: dict[int, set[str]] = defaultdict(set)
        inputs: dict[int, set[tuple[str, str]]] = defaultdict(set)
        for info in store.infos("transcripts"):
            spoken = store.read_map("transcripts", info.number, "recording_id", "image_id")
            for recording_id, image_id in spoken.items():
                if (place := places.get(image_id)) is not None:
                    groups[place].add(image_id)
                    inputs[place].add((f"transcripts/{info.number}", info.content))
                    inputs[place].update(reviewed.get(recording_id, ()))
        parts = sorted({*groups, *store.part_numbers(self.table)})
        return [
            Shard(n, len(groups[n]), tuple(sorted(inputs[n])), (content_id(*sorted(groups[n])),))
            for n in parts
        ]

    def calls(self, store: Store, shards: list[Shard]) -> str:
        """One call per transcript and one per picture; what is cached costs nothing."""
        pictures = sum(shard.rows for shard in shards)
        transcripts = sum(len(g.kept) for shard in shards for g in self._groups(store, shard))
        return f"{transcripts + pictures} LLM"

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """Captions and rejects in the order of their image ids."""
        groups = [g for g in self._groups(store, shard) if keys is None or g.image_id in keys]
        yield from self.answered(store, groups, self._one)

    def _groups(self, store: Store, shard: Shard) -> list[_Group]:
        urls = store.read_map("images", shard.number, "image_id", "image_url")
        by_image: dict[str, list[Transcript]] = defaultdict(list)
        parts: dict[str, list[int]] = defaultdict(list)
        for name, _ in shard.inputs:
            table, _, number = name.rpartition("/")
            parts[table].append(int(number))
        for part in parts["transcripts"]:
            for transcript in store.records("transcripts", part, Transcript):
                if transcript.image_id in urls:
                    by_image[transcript.image_id].append(transcript)
        reviews = latest_reviews(_reviews(store, parts[REVIEWS]))
        return [self._group((i, urls[i]), by_image[i], reviews) for i in sorted(by_image)]

    def _group(
        self, picture: tuple[str, str], found: list[Transcript], reviews: dict[str, Review]
    ) -> _Group:
        ordered = sorted(found, key=lambda transcript: transcript.recording_id)
        used = [corrected(t, reviews.get(t.recording_id)) for t in ordered]
        rules = [(t, self.policy.broken_by(t.tags)) for t in used]
        kept = tuple(t for t, rule in rules if rule is None)
        by = (reviews.get(t.recording_id) for t in kept)
        dropped = tuple(Dropped(t.recording_id, rule) for t, rule in rules if rule)
        return _Group(*picture, kept, tuple(r.review_id if r else "" for r in by), dropped)

    async def _one(self, model: TextModel, group: _Group) -> Any:
        made: Captioned | Reject
        if not group.kept:
            rules = ", ".join(sorted({dropped.rule for dropped in group.dropped}))
            made = Reject("no_usable_transcript", f"the policy dropped all transcripts: {rules}")
        else:
            made = await caption_image(model, [t.text for t in group.kept], self.captions)
        if isinstance(made, Reject):
            return reject_row(self.name, group.image_id, made, _row(group))
        return self._caption(group, made, model.name)

    def _caption(self, group: _Group, made: Captioned, model: str) -> Caption:
        return Caption(
            image_id=group.image_id,
            image_url=group.image_url,
            caption=made.caption,
            transcripts=tuple(t.text for t in group.kept),
            cleaned=made.cleaned,
            recording_ids=tuple(t.recording_id for t in group.kept),
            review_ids=group.reviews,
            dropped=group.dropped,
            tags=made.tags,
            model=model,
            speech_model=", ".join(sorted({t.model for t in group.kept})),
            clean_prompt=self.captions.clean_prompt,
            caption_prompt=self.captions.caption_prompt,
            prompt_tokens=made.prompt_tokens,
            completion_tokens=made.completion_tokens,
        )


def _reviews(store: Store, parts: Iterable[int]) -> Iterator[Review]:
    """What people corrected, from some parts."""
    columns = ["item_id", "recording_id", "text", "work"]
    for number in parts:
        for row in store.read(REVIEWS, number, columns).to_pylist():
            when = str(row["work"]["submitted_at"])
            yield Review(row["item_id"], row["recording_id"], row["text"], when)


def _review_parts(store: Store) -> dict[str, set[tuple[str, str]]]:
    """The parts that hold reviews of a recording, with their contents."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for info in store.infos(REVIEWS):
        for recording_id in store.read(REVIEWS, info.number, ["recording_id"])[0].to_pylist():
            found[recording_id].add((f"{REVIEWS}/{info.number}", info.content))
    return found


def _row(group: _Group) -> str:
    texts = {t.recording_id: t.text for t in group.kept}
    dropped = {d.recording_id: d.rule for d in group.dropped}
    row = {"image_id": group.image_id, "image_url": group.image_url}
    return json.dumps(row | {"transcripts": texts, "dropped": dropped}, ensure_ascii=False)
