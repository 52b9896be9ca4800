"""Stage cap-qa: questions and answers about pictures, written by a text LLM from captions alone.

The choice worth knowing: the unit is a planned question. For each caption `questions` of them are
drawn (a style, and the sentence to start from), and each ends as a record or as a reject under the
key that it was planned with; so rows in are captions times `questions`. Part 3 holds the questions
of the captions in part 3. A caption that the policy drops is not asked about: its planned questions
are rejects.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from pipelines.llm_stage import LlmStage
from pipelines.stage import Shard, outcome_key, reject_row
from pipelines.steps import caption_checks
from pipelines.steps.cap_qa import (
    CapQaConfig,
    Written,
    messages_of,
    published_question,
    write_question,
)
from pipelines.steps.cap_qa_checks import Asked, asked_in, is_asked_before
from pipelines.steps.cap_qa_styles import Draw, draw_questions
from pipelines.steps.policy import Policy
from pipelines.steps.rule_counts import join_rules
from pipelines.steps.text_requests import TextModel
from pipelines.steps.word_facts import words_of
from schemas.ids import canonical_json, content_id
from schemas.judgment import Reject, RejectRow
from schemas.records import Caption
from schemas.store import Store
from schemas.subset_records import CaptionQuestion

FEED = "captions"


@dataclass(frozen=True)
class _Planned:
    """One question to be written; `place` is its number among those of the caption."""

    qa_id: str
    caption: Caption
    draw: Draw
    place: int


@dataclass(frozen=True)
class CapQaStage(LlmStage):
    """Write questions about captions, and keep those whose answers the captions support."""

    name: ClassVar[str] = "cap-qa"
    table: ClassVar[str] = "cap_qa"
    record: ClassVar[type] = CaptionQuestion
    version: ClassVar[str] = "1"

    asking: CapQaConfig = field(default_factory=CapQaConfig)
    policy: Policy = field(default_factory=lambda: Policy(caption_checks.DEFAULT_LIMITS))
    max_rejects: float = 0.7

    def settings(self) -> dict[str, Any]:
        """Model, prompts, styles and policy; where the model is served from changes no answer."""
        return {
            **self.model_settings(),
            "asking": asdict(self.asking),
            "policy": asdict(self.policy),
        }

    def plan(self, store: Store) -> list[Shard]:
        """One part per part of captions."""
        return [
            Shard(info.number, info.records * self.asking.questions, ((_name(info), info.content),))
            for info in store.infos(FEED)
        ]

    def calls(self, store: Store, shards: list[Shard]) -> str:
        """One call per question and one per answer; what is cached costs nothing."""
        planned = (one for s in shards for one in self._planned(store, s.number))
        calls = sum(1 + one.draw.style.turns for one in planned if not self._refused(one.caption))
        return f"{calls} LLM"

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """Questions and rejects in the order of their keys."""
        planned = [
            one for one in self._planned(store, shard.number) if keys is None or one.qa_id in keys
        ]
        outcomes = self.answered(store, planned, self._one)
        before = {} if keys is None else self._asked_before(store, shard.number)
        yield from sorted(self._new_only(planned, outcomes, before), key=outcome_key)

    def _planned(self, store: Store, number: int) -> Iterator[_Planned]:
        asking = self.asking
        for caption in store.records(FEED, number, Caption):
            image_id = caption.image_id
            draws = draw_questions(image_id, caption.caption, asking.questions, asking.styles)
            for place, draw in enumerate(draws):
                yield _Planned(content_id("cap_qa", image_id, str(place)), caption, draw, place)

    def _refused(self, caption: Caption) -> Reject | None:
        """Why a caption is not asked about."""
        if rules := self.policy.all_broken_by(caption.tags):
            return Reject("caption_dropped", join_rules(rules))
        return None if words_of(caption.caption) else Reject("empty_caption", "it has no words")

    async def _one(self, model: TextModel, one: _Planned) -> CaptionQuestion | RejectRow:
        made: Written | Reject | None = self._refused(one.caption)
        if made is None:
            made = await write_question(model, one.caption.caption, one.draw, self.asking)
        if isinstance(made, Reject):
            return _reject(one, made)
        talk = made.turns
        return CaptionQuestion(
            qa_id=one.qa_id,
            image_id=one.caption.image_id,
            image_url=one.caption.image_url,
            question=published_question(talk),
            answer=talk[-1].answer,
            messages=messages_of(talk),
            style=one.draw.style.name,
            tags=made.tags,
            model=model.name,
            write_prompt=self._write_prompt(talk),
            verify_prompt=self.asking.verify_prompt,
            prompt_tokens=made.prompt_tokens,
            completion_tokens=made.completion_tokens,
        )

    def _write_prompt(self, talk: tuple[Any, ...]) -> str:
        return self.asking.write_prompt if len(talk) == 1 else self.asking.talk_prompt

    def _asked_before(self, store: Store, number: int) -> dict[str, list[Asked]]:
        """What the part already asks about each picture, when only some of it is tried again."""
        found: dict[str, list[Asked]] = defaultdict(list)
        for row in store.records(self.table, number, CaptionQuestion):
            found[row.image_id] += asked_in(row.messages[::2])
        return found

    def _new_only(
        self,
        planned: Iterable[_Planned],
        outcomes: Iterable[CaptionQuestion | RejectRow],
        before: dict[str, list[Asked]],
    ) -> Iterator[CaptionQuestion | RejectRow]:
        """The outcomes, of two questions about a picture that ask the same the later as a reject.

        The planned ones are in the order in which they were drawn, picture by picture.
        """
        asked: dict[str, list[Asked]] = defaultdict(list, before)
        for one, outcome in zip(planned, outcomes, strict=True):
            if isinstance(outcome, RejectRow):
                yield outcome
                continue
            new, known = asked_in(outcome.messages[::2]), asked[outcome.image_id]
            if is_asked_before(new, known):
                yield _reject(one, Reject("duplicate_question", outcome.question))
            else:
                known += new
                yield outcome


def _name(info: Any) -> str:
    return f"{info.table}/{info.number}"


def _reject(one: _Planned, reject: Reject) -> RejectRow:
    row = {
        "image_id": one.caption.image_id,
        "image_url": one.caption.image_url,
        "caption": one.caption.caption,
        "style": one.draw.style.name,
        "focus": one.draw.focus,
        "place": one.place,
    }
    return reject_row(CapQaStage.name, one.qa_id, reject, canonical_json(row))
