"""Requests a second of the caption step against a stub that answers after 200 ms, over the ideal.

The whole path is timed: request, client, count of tokens, parsing, and the answer written to the
cache on disk. At concurrency 64 the ideal is 64 / 0.2 s = 320 requests/s; the goal is 0.9 of it.
Each run is followed by one of bare aiohttp posts, which tells how far a busy machine lets one come.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.stub_process import bare_rate, stub
from pipelines.services.budget import Meter
from pipelines.services.llm_cache import CachedTextModel, LlmCache
from pipelines.services.text_model import LlmConfig, OpenAiTextModel
from pipelines.steps.answers import Asked, accept_any, ask
from pipelines.steps.captions import CaptionConfig, clean_request
from pipelines.steps.concurrently import map_bounded
from pipelines.steps.prompts import load_prompt

DELAY_S = 0.2
CONCURRENCY = 64
GOAL = 0.9
_SPOKEN = "Um, so in this picture number {} there's a, there's a ginger cat, looking at us. " * 4


def main() -> int:
    """Print the ratio of each run and their median; 1 when it is below the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--waves", type=int, default=30, help="times that all slots are used")
    options = parser.parse_args()
    ideal = CONCURRENCY / DELAY_S
    ratios = []
    requests = options.waves * CONCURRENCY
    # One cache for all runs, as in a store: its 256 folders are made once.
    with stub(DELAY_S) as base_url, tempfile.TemporaryDirectory() as folder:
        for run in range(options.runs):
            first = 1 + run * (requests + CONCURRENCY)
            rate, cpu_ms = asyncio.run(_measure(base_url, folder, range(first, first + requests)))
            ratios.append(rate / ideal)
            bare = bare_rate(base_url, requests, CONCURRENCY) / ideal
            print(
                f"run {run + 1}: {rate:.0f} requests/s, {rate / ideal:.3f} "
                f"({cpu_ms:.2f} ms CPU each; bare posts {bare:.3f})"
            )
    middle, spread = statistics.median(ratios), max(ratios) - min(ratios)
    print(f"caption: {middle:.3f} of {ideal:.0f} requests/s (spread {spread:.3f}, goal {GOAL})")
    return int(middle < GOAL)


async def _measure(base_url: str, folder: str, numbers: range) -> tuple[float, float]:
    """Requests a second, and milliseconds of this process's CPU time for each."""
    config, meter = LlmConfig(base_url=base_url, concurrency=CONCURRENCY), Meter()
    before = _kept(folder)
    async with OpenAiTextModel(config, meter) as client:
        model = CachedTextModel(client, LlmCache(folder), meter)
        # Connections are opened once a run, not once a request.
        warm = range(numbers.stop, numbers.stop + CONCURRENCY)
        await map_bounded(partial(_one, model), warm, CONCURRENCY)
        began, cpu = time.perf_counter(), time.process_time()
        # Twice the slots, so that the next request is ready when a slot gets free.
        await map_bounded(partial(_one, model), numbers, 2 * CONCURRENCY)
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert _kept(folder) - before == meter.usage().calls == len(numbers) + CONCURRENCY
    return len(numbers) / wall, 1000 * cpu / len(numbers)


def _kept(folder: str) -> int:
    return sum(1 for _ in Path(folder).glob("*/*.json"))


async def _one(model: CachedTextModel, number: int) -> None:
    config = CaptionConfig()
    request = clean_request(_SPOKEN.replace("{}", str(number)), config)
    answer = await ask(model, request, load_prompt(config.clean_prompt), accept_any, 3)
    assert isinstance(answer, Asked), answer


if __name__ == "__main__":
    sys.exit(main())
