"""Pictures per second and core of stage clocks: planned, drawn, augmented and encoded.

At 400x400 at least 200 per second of CPU time, faces and their layers included, on one core. CPU
time counts, since other work on the machine does not make drawing slower by itself; wall time is
shown beside it. It is the code of stage clocks without the writing of Parquet.

Every tenth file is decoded again and checked: its size, and that it is no plain white.
Run: `python -m benchmarks.clocks [--n 2000]`; the exit status is 1 when a check fails or the rate
is below the goal.
"""

import argparse
import io
import sys
import time

from PIL import Image

from pipelines.clocks import load_drawing
from pipelines.steps.clocks.examples import ClockRules, plan_clock

WARM_UP = 50  # fonts are read, glyphs are traced


def draw_all(rules: ClockRules, indices: range) -> list[bytes]:
    """The files of some examples."""
    draw = load_drawing()
    return [draw(plan_clock(rules, index), rules)[0] for index in indices]


def is_a_picture(data: bytes, size: int) -> bool:
    """Whether a file is a JPEG of this size with something on it."""
    with Image.open(io.BytesIO(data)) as picture:
        darkest, _ = picture.convert("L").getextrema()
        return picture.format == "JPEG" and picture.size == (size, size) and int(darkest) < 200


def main() -> int:
    """Run, print the figures, check them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n", type=int, default=2000, help="pictures")
    parser.add_argument("--size", type=int, default=400, help="pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--min-rate", type=float, default=200.0, help="pictures per CPU second")
    options = parser.parse_args()
    rules = ClockRules(seed=options.seed, size=options.size)
    draw_all(rules, range(options.n, options.n + WARM_UP))
    cpu, began = time.process_time(), time.perf_counter()
    files = draw_all(rules, range(options.n))
    cpu, seconds = time.process_time() - cpu, time.perf_counter() - began
    rate, kilobytes = len(files) / cpu, sum(map(len, files)) / len(files) / 1000
    what = f"{len(files)} pictures of {options.size}x{options.size}, {kilobytes:.1f} kB each"
    print(
        f"clocks: {what}: {rate:.0f} per second of CPU time on one core (goal "
        f"{options.min_rate:g}), {len(files) / seconds:.0f} per second of wall time"
    )
    wrong = sum(not is_a_picture(data, options.size) for data in files[::10])
    print(f"checked: {len(files[::10])} files, {wrong} wrong")
    return 0 if rate >= options.min_rate and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
