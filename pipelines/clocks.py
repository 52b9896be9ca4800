"""Stage clocks: draws clocks and watches with their metadata, to the table `clocks`.

There is no input but a number: example `index` of a seed is the same whatever the count, the parts
and the workers. Part N holds the examples from N * rows_per_part on, in the order of their ids.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from pipelines.stage import BaseStage, Engine, Shard
from pipelines.steps.clocks.examples import ClockPlan, ClockRules, plan_clock
from schemas.errors import MissingPart
from schemas.ids import sha256_hex
from schemas.judgment import Tag
from schemas.store import Store
from schemas.subset_records import Clock

Draw = Callable[[ClockPlan, ClockRules], tuple[bytes, Tag]]


@dataclass(frozen=True)
class Clocks(BaseStage):
    """Draw `count` examples by the rules."""

    name: ClassVar[str] = "clocks"
    table: ClassVar[str] = "clocks"
    record: ClassVar[type] = Clock
    version: ClassVar[str] = "1"

    count: int = 1000
    rows_per_part: int = 1000
    rules: ClockRules = field(default_factory=ClockRules)
    max_rejects: float = 0.0

    def settings(self) -> dict[str, Any]:
        """The rules; which examples a part has is in its inputs."""
        return asdict(self.rules)

    def plan(self, store: Store) -> list[Shard]:
        """One part per `rows_per_part` examples; the last one may be shorter."""
        shards = []
        for number, start in enumerate(range(0, self.count, self.rows_per_part)):
            stop = min(self.count, start + self.rows_per_part)
            inputs = (("examples", f"{start}-{stop}"),)
            shards.append(Shard(number, stop - start, inputs, (str(start), str(stop))))
        return shards

    @contextlib.contextmanager
    def prepared(self, store: Store, engine: Engine) -> Iterator["Clocks"]:
        """Say at once what is missing for drawing."""
        load_drawing()
        yield self

    def run(self, store: Store, shard: Shard, keys: frozenset[str] | None) -> Iterator[Any]:
        """The clocks of one part in the order of their ids; examples of a face lie together."""
        draw, (start, stop) = load_drawing(), map(int, shard.extra)
        plans = [plan_clock(self.rules, index) for index in range(start, stop)]
        for plan in sorted(plans, key=lambda plan: plan.example_id):
            if keys is None or plan.example_id in keys:
                yield _record(plan, self.rules, *draw(plan, self.rules))


def load_drawing() -> Draw:
    """What draws a plan; MissingPart says what has to be installed for it."""
    try:
        from pipelines.steps.clocks.placement import check_size
        from pipelines.steps.clocks.render import render
    except ImportError as error:
        raise MissingPart(
            f"{error.name} is not installed: pip install 'pixmo[clocks]' for `pixmo clocks`"
        ) from error
    except OSError as error:
        raise MissingPart(
            "`pixmo clocks` draws with the library cairo, which is not here: on Debian "
            "apt-get install libcairo2"
        ) from error

    def draw(plan: ClockPlan, rules: ClockRules) -> tuple[bytes, Tag]:
        return render(plan, rules.size, rules.jpeg_quality), check_size(plan, rules.size)

    return draw


def _record(plan: ClockPlan, rules: ClockRules, data: bytes, tag: Tag) -> Clock:
    reading = plan.reading
    return Clock(
        example_id=plan.example_id,
        watchface_id=plan.face.face_id,
        watchface_name=plan.face.body.name,
        watch_time=plan.watch_time,
        time_format=reading.time_format,
        shows_seconds=reading.shows_seconds,
        hour_visible=reading.hour,
        minute_visible=reading.minute,
        second_visible=reading.second,
        text=plan.text,
        image_sha256=sha256_hex(data),
        format="jpeg",
        width=rules.size,
        height=rules.size,
        bytes=data,
        seed=plan.seed,
        tags=(tag,),
    )
