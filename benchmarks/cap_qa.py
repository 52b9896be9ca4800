"""Requests a second of the whole stage cap-qa against a stub of fixed latency, over the ideal.

All of it is timed: captions read, questions drawn, the chain of writing and verifying, checks, the
answers kept on disk, parts written, and the boundaries between parts. At 64 requests at once and
200 ms the ideal is 320 requests/s, as in the benchmark of captions; the goal is 0.9 of it. Each run
is followed by bare posts, which tell how far a busy machine lets one come.
"""

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.stub_process import bare_rate, stub
from pipelines.cap_qa import CapQaStage
from pipelines.engine import ThisProcess
from pipelines.run_stage import RunOptions, run_stage
from pipelines.services.llm_config import LlmConfig
from pipelines.services.llm_usage import read_usages
from pipelines.steps.cap_qa import CapQaConfig
from schemas.ids import content_id, image_id_of
from schemas.part_writer import PartWriter
from schemas.records import Caption
from schemas.store import Store

GOAL = 0.9
QUESTIONS = 4
_COLORS = ("red", "green", "blue", "white", "black", "grey", "brown", "orange")
_THINGS = ("cup", "bowl", "lamp", "chair", "boat", "tree", "door", "stone")
_PLACES = ("table", "shelf", "lawn", "wall", "beach", "carpet", "roof", "bench")


def main() -> int:
    """Print the ratio of each run and their median; 1 when it is below the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--parts", type=int, default=8)
    parser.add_argument("--captions", type=int, default=100, help="in each part")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--delay-s", type=float, default=0.2)
    options = parser.parse_args()
    ideal = options.concurrency / options.delay_s
    ratios = []
    with stub(options.delay_s) as base_url:
        llm = LlmConfig(base_url=base_url, model="m", concurrency=options.concurrency)
        _measure(llm, 1, 4)  # imports are paid once a process, not once a request
        for run in range(options.runs):
            rate, cpu_ms, calls = _measure(llm, options.parts, options.captions)
            ratios.append(rate / ideal)
            bare = bare_rate(base_url, calls // 4, options.concurrency) / ideal
            print(
                f"run {run + 1}: {rate:.0f} requests/s, {rate / ideal:.3f} "
                f"({calls} calls, {cpu_ms:.2f} ms CPU each; bare posts {bare:.3f})"
            )
    middle, spread = statistics.median(ratios), max(ratios) - min(ratios)
    print(f"cap_qa: {middle:.3f} of {ideal:.0f} requests/s (spread {spread:.3f}, goal {GOAL})")
    return int(middle < GOAL)


def _measure(llm: LlmConfig, parts: int, captions: int) -> tuple[float, float, int]:
    """Requests a second, milliseconds of this process's CPU time for each, and requests."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        for number in range(parts):
            _write_part(store, number, captions)
        for name in range(256):  # as in a store that was used before
            Path(folder, "cache", "llm", f"{name:02x}").mkdir(parents=True)
        stage = CapQaStage(llm, CapQaConfig(QUESTIONS))
        began, cpu = time.perf_counter(), time.process_time()
        result = run_stage(stage, store, RunOptions(ThisProcess()))
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        (used,) = read_usages(store)
        assert result.records == result.rows_in == parts * captions * QUESTIONS, result.reasons
        assert not used.usage.failures
        return used.usage.calls / wall, 1000 * cpu / used.usage.calls, used.usage.calls


def _write_part(store: Store, number: int, captions: int) -> None:
    rows = sorted((_caption(number, at) for at in range(captions)), key=lambda row: row.image_id)
    with PartWriter(store, "captions", number, Caption) as writer:
        for row in rows:
            writer.add(row)
        writer.commit(
            fingerprint=content_id("captions", str(number)),
            rows_in=captions,
            seconds=0.0,
            code_version="benchmark",
            config={},
            inputs={},
        )


def _caption(part: int, at: int) -> Caption:
    """A caption of some sixty words; no two are equal."""
    url = f"https://pictures.test/{part}-{at}.jpg"
    sorts = itertools.product(_COLORS, _THINGS, _PLACES)
    first = next(itertools.islice(sorts, (part * 100 + at) % 512, None))
    text = (
        f"A {first[0]} {first[1]} stands on the {first[2]} number {part * 1000 + at + 2} in soft"
        " light. Two small birds sit on its left and look at a pond with three lilies. Behind it"
        " there is a long wall of old bricks, and a sign on it says open. A narrow path leads to"
        " the right, where a wooden gate is half closed. The sky is pale and has no clouds."
    )
    return Caption(
        image_id=image_id_of(url),
        image_url=url,
        caption=text,
        transcripts=(text,),
        cleaned=(text,),
        recording_ids=("0" * 32,),
        review_ids=("",),
        dropped=(),
        tags=(),
        model="m",
        speech_model="m",
        clean_prompt="clean_v1",
        caption_prompt="caption_v1",
        prompt_tokens=0,
        completion_tokens=0,
    )


if __name__ == "__main__":
    sys.exit(main())
