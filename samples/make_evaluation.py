"""Writes `evaluation/`, a benchmark in miniature; two sample pictures and one sentence are in it.

The demo shows with it what decontamination finds: a mirrored and recompressed copy, a crop, sixteen
words in a row; and that a picture of its own, a file cut short and other questions do no harm.
"""

import json
import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

HERE = Path(__file__).parent
OUT = HERE / "evaluation"
QUESTIONS = (
    {
        "question": "Six bars, one a day. Five of them are blue, and the last one, Saturday, is "
        "orange, and it's the highest. Which day has the fewest visitors?",
        "answer": "Tuesday",
        "choices": ["Monday", "Tuesday", "Wednesday", "Thursday"],
    },
    {
        "question": "Which of the two boats is nearer to the island, the one with the sail or the "
        "one with the oars?",
        "answer": "the one with the oars",
        "choices": ["the one with the sail", "the one with the oars"],
    },
    {
        "question": "How many windows are lit?",
        "answer": "nine",
        "choices": ["seven", "eight", "nine", "ten"],
    },
)


def draw_night(width: int = 480, height: int = 320) -> Image.Image:
    """A row of houses at night, drawn: the picture that is in no training set."""
    rng = random.Random(7)
    picture = Image.new("RGB", (width, height), (18, 22, 48))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((370, 30, 430, 90), fill=(240, 234, 200))
    for left in range(0, width, 80):
        top = rng.randint(110, 200)
        draw.rectangle((left, top, left + 76, height - 40), fill=(60 + left // 8, 50, 70))
        for y in range(top + 15, height - 70, 35):
            for x in (left + 14, left + 46):
                lit = rng.random() < 0.4
                draw.rectangle((x, y, x + 16, y + 20), fill=(250, 210, 90) if lit else (30, 28, 40))
    draw.rectangle((0, height - 40, width, height), fill=(30, 34, 30))
    return picture


def main() -> None:
    """Write the files."""
    OUT.mkdir(exist_ok=True)
    with Image.open(HERE / "images" / "photographer.jpg") as picture:
        ImageOps.mirror(picture.convert("RGB")).save(OUT / "mirrored.jpg", quality=60)
    with Image.open(HERE / "images" / "rocket.jpg") as picture:
        width, height = picture.size
        box = (int(0.12 * width), int(0.05 * height), int(0.92 * width), int(0.9 * height))
        picture.convert("RGB").crop(box).save(OUT / "cropped.jpg", quality=80)
    draw_night().save(OUT / "night.png", optimize=True)
    whole = (HERE / "images" / "brick.jpg").read_bytes()
    (OUT / "cut-short.jpg").write_bytes(whole[:4000])
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in QUESTIONS]
    (OUT / "questions.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
