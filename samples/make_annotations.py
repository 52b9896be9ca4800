"""Writes `annotations/*.jsonl`: rows as `pixmo annotate pull` writes them, on the sample pictures.

Points were placed by eye on a grid over each picture, in percent from its upper left corner, and
questions were answered by looking; no model drafted anything, so there are no turns. Each file ends
with rows that are wrong on purpose, one fault each.
"""

import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from pipelines.steps.pseudonyms import pseudonym
from schemas.ids import content_id, image_id_of

HERE = Path(__file__).parent
HOST = "http://samples.pixmo.test"
MADE_AT = "2026-11-02T08:00:00.000000Z"
PROJECTS = {"points": 1, "ask_model_anything": 2, "point_explanations": 3, "count": 4}
Place = tuple[Any, Any]

COINS: list[Place] = [
    *((11.6, 17.9), (26.2, 18.5), (40.5, 16.9), (56.2, 16.9), (71.9, 17.4), (87.2, 14.4)),
    *((11.9, 40.9), (26.8, 41.6), (40.1, 42.1), (53.7, 40.9), (70.6, 39.4), (87.7, 41.3)),
    *((11.5, 64.9), (26.6, 64.6), (40.2, 65.3), (55.4, 63.8), (71.4, 64.0), (90.4, 61.7)),
    *((12.1, 85.8), (29.8, 87.7), (45.0, 86.3), (63.6, 86.9), (78.4, 86.9), (93.4, 88.3)),
]
BARS: list[Place] = [(18.8, 70), (32.5, 74), (46.3, 65), (60.0, 72), (73.8, 67.5), (87.6, 57)]
LIGHTS: list[Place] = [
    *((13.0, 81.9), (17.4, 97.5), (23.6, 88.2), (30.2, 93.0)),
    *((56.9, 93.1), (67.8, 92.2), (70.4, 98.2)),
]
TOWERS: list[Place] = [(10, 30), (29.3, 70), (71.5, 70), (91.5, 30)]
LEGS: list[Place] = [(13.3, 80), (26.0, 78), (62.8, 80), (67.2, 80)]
BUTTONS: list[Place] = [(31.6, 57.6), (32.8, 57.0), (34.0, 56.4), (35.3, 55.9)]
CAT_EYES: list[Place] = [(37.8, 37.6), (70.2, 45.1)]
RACCOON_EYES: list[Place] = [(56.5, 39.5), (70.5, 42.4)]
ARROWS: list[Place] = [(23.5, 30.0), (23.0, 49.9)]
FLOWERS: list[Place] = [(48.0, 52.0), (59.0, 96.0)]

# Picture, phrase, points (none: it is not there), how it was collected, who did it.
POINTS: list[tuple[str, str, list[Place], str, int]] = [
    ("coins.png", "coins", COINS, "counting", 1),
    ("chart.png", "bars", BARS, "counting", 2),
    ("chart.png", "the orange bar", [(87.6, 57)], "pointing", 2),
    ("rocket.jpg", "bright lights", LIGHTS, "counting", 1),
    ("rocket.jpg", "Bright lights", [(x + 0.4, y - 0.3) for x, y in LIGHTS], "counting", 3),
    ("rocket.jpg", "rocket", [(50.3, 60)], "pointing", 1),
    ("rocket.jpg", "lattice towers", TOWERS, "pointing", 3),
    ("horse.png", "legs of the horse", LEGS, "pointing", 2),
    ("horse.png", "rider", [], "pointing", 2),
    ("photographer.jpg", "buttons on the sleeve", BUTTONS, "pointing", 1),
    ("photographer.jpg", "camera", [(57.5, 31.5)], "pointing", 1),
    ("chelsea.jpg", "the cat's eyes", CAT_EYES, "pointing", 3),
    ("chelsea.jpg", "dog", [], "pointing", 3),
    ("raccoon.jpg", "eyes", RACCOON_EYES, "pointing", 2),
    ("raccoon.jpg", "nose", [(60.5, 58.7)], "pointing", 2),
    ("raccoon.jpg", "nose", [(60.2, 58.2)], "pointing", 1),
    ("sign.png", "arrows", ARROWS, "pointing", 1),
    ("sign.png", "sun", [(85.6, 15.0)], "pointing", 3),
    ("coffee.jpg", "spoon", [(61.0, 70.5)], "pointing", 2),
    ("coffee.jpg", "fork", [], "pointing", 2),
    ("astronaut.jpg", "helmet", [(76, 84)], "pointing", 1),
    ("astronaut.jpg", "mission patch", [(33.3, 75.3)], "pointing", 1),
    ("dahlia.webp", "orange flowers", FLOWERS, "counting", 3),
    ("hopper.jpg", "glasses", [(51, 31.8)], "pointing", 3),
    ("stairs.jpg", "backpack", [(93, 57)], "pointing", 1),
]

ASKED: list[tuple[str, str, str, int]] = [
    ("coins.png", "How many coins are there?", "There are 24 coins, in four rows of six.", 1),
    ("chart.png", "On which day did most people come?", "On Saturday, with 210 visitors.", 2),
    (
        "chart.png",
        "What does the chart show?",
        "Visitors to the town library, Monday to Saturday.",
        2,
    ),
    (
        "sign.png",
        "How far is it to Old Bridge?",
        "5 km, in the direction of the arrow to the right.",
        1,
    ),
    ("sign.png", "Which way do I go for Mill Lake?", "To the left; it is 3 km away.", 3),
    ("chelsea.jpg", "What colour are the cat's eyes?", "Yellow-green, with dark slit pupils.", 3),
    (
        "coffee.jpg",
        "Is the cup full?",
        "No. It holds an espresso that fills less than half of it.",
        2,
    ),
    (
        "coffee.jpg",
        "What is the saucer made to match?",
        "The outside of the cup: both are dark red.",
        1,
    ),
    (
        "horse.png",
        "Is anybody riding the horse?",
        "No, it is the black outline of a horse alone.",
        2,
    ),
    (
        "photographer.jpg",
        "What stands on the tripod?",
        "A video camera, which a man looks into.",
        1,
    ),
    ("raccoon.jpg", "What animal is this?", "A raccoon: it has the black mask around its eyes.", 3),
    (
        "astronaut.jpg",
        "What is behind her on the right?",
        "A model of a space shuttle on its tank.",
        2,
    ),
    (
        "rocket.jpg",
        "Is it day or night?",
        "Neither quite: the sky is dark blue and the lamps are lit.",
        1,
    ),
    ("raccoon.jpg", "What animal is this?", "A raccoon: it has the black mask around its eyes.", 1),
]

Named = tuple[str, list[Place]]  # a phrase and its points
# Picture, question, what is pointed at, an answer that cites the points by their numbers.
EXPLAINED: list[tuple[str, str, list[Named], str, int]] = [
    (
        "coins.png",
        "Which coin is the largest?",
        [("largest coin", [(90.4, 61.7)])],
        "The [coin at the right end of the third row](1) is the largest.",
        1,
    ),
    (
        "chart.png",
        "Which bar stands out?",
        [("orange bar", [(87.6, 57)])],
        "[Saturday's bar](1): it is orange, and the tallest.",
        2,
    ),
    (
        "rocket.jpg",
        "What lights up the launch pad?",
        [("lamps", LIGHTS)],
        "[Seven lamps](1,2,3,4,5,6,7) shine around the pad.",
        1,
    ),
    (
        "rocket.jpg",
        "What protects the rocket from lightning?",
        [("lattice towers", TOWERS), ("rocket", [(50.3, 60)])],
        "The [four lattice towers](1,2,3,4) that stand around the [rocket](5).",
        3,
    ),
    (
        "horse.png",
        "Does the horse stand on all its legs?",
        [("legs", LEGS)],
        "Yes, all [four legs](1,2,3,4) are on the ground.",
        2,
    ),
    (
        "photographer.jpg",
        "What does the man look into?",
        [("camera", [(57.5, 31.5)]), ("tripod", [(57.3, 80)])],
        "He looks into a [camera](1) on a [tripod](2).",
        1,
    ),
    (
        "chelsea.jpg",
        "Are both eyes of the cat open?",
        [("eyes", CAT_EYES)],
        "Yes, [both eyes](1,2) are wide open.",
        3,
    ),
    (
        "raccoon.jpg",
        "How can I tell that it looks at me?",
        [("eyes", RACCOON_EYES), ("nose", [(60.5, 58.7)])],
        "Its [left eye](1), its [right eye](2) and its [nose](3) all face the camera.",
        2,
    ),
    (
        "sign.png",
        "Which arrow leads to Mill Lake?",
        [("arrows", ARROWS)],
        "The [upper one](1), to the left; the [lower one](2) leads to Old Bridge.",
        1,
    ),
    (
        "coffee.jpg",
        "What would I stir with?",
        [("spoon", [(61.0, 70.5)])],
        "With the [spoon](1) on the saucer.",
        2,
    ),
    (
        "astronaut.jpg",
        "Where is the mission patch?",
        [("mission patch", [(33.3, 75.3)]), ("helmet", [(76, 84)])],
        "On the [chest, to the left in the picture](1), across from the [helmet](2).",
        1,
    ),
    (
        "dahlia.webp",
        "Are there more flowers?",
        [("orange flowers", FLOWERS)],
        "Yes: below the [large one](1) there is the top of [another](2).",
        3,
    ),
]

# Picture, what is counted, how many there are, where they are, what a detector might have said.
COUNTED: list[tuple[str, str, int, list[Place], int]] = [
    ("coins.png", "coin", 24, COINS, 22),
    ("chart.png", "bar", 6, BARS, 6),
    ("rocket.jpg", "light", 7, LIGHTS, 5),
    ("rocket.jpg", "tower", 4, TOWERS, 4),
    ("horse.png", "leg", 4, LEGS, 4),
    ("photographer.jpg", "button", 4, BUTTONS, 3),
    ("chelsea.jpg", "eye", 2, CAT_EYES, 2),
    ("raccoon.jpg", "eye", 2, RACCOON_EYES, 2),
    ("sign.png", "arrow", 2, ARROWS, 2),
    ("dahlia.webp", "flower", 2, FLOWERS, 1),
    ("coffee.jpg", "spoon", 1, [(61.0, 70.5)], 1),
    ("astronaut.jpg", "person", 1, [(45, 25)], 1),
]


def shown_size(name: str) -> list[int]:
    """Width, height and turn of a picture as a browser shows it."""
    with Image.open(HERE / "images" / name) as picture:
        return [*ImageOps.exif_transpose(picture).size, 0]


def item(kind: str, number: int, name: str, person: int, seconds: float) -> dict[str, Any]:
    """What every row says: which annotation it is, of whom, about what, and when."""
    at = f"2026-11-03T09:{number:02d}:00.000000Z"
    return {
        "annotation": f"{PROJECTS[kind]}:{number}",
        "project_created_at": MADE_AT,
        "revision": at,
        "annotator_id": pseudonym(f"sample-annotator-{person}", "samples"),
        "task_key": content_id("sample-task", kind, name),
        "image_id": image_id_of(f"{HOST}/{name}"),
        "guideline": f"{kind}_v1",
        "seconds": seconds,
        "submitted_at": at,
        "skipped": False,
        "deleted": False,
        "item": 0,
    }


def points_row(
    number: int, name: str, label: str, places: list[Place], method: str, person: int
) -> dict[str, Any]:
    """A phrase with its points."""
    base = item("points", number, name, person, 4.0 + 2.0 * len(places))
    shown = [shown_size(name)] if places else []
    points = [list(place) for place in places]
    judged = {"label": label, "points": points, "absent": not places, "shown": shown}
    return {**base, "collection_method": method, **judged}


def points_rows() -> list[dict[str, Any]]:
    """All phrases, then the faults."""
    good = [points_row(n, *row) for n, row in enumerate(POINTS, 1)]
    n = len(good)
    wrong: list[tuple[str, list[Place], dict[str, Any]]] = [
        ("point outside of the picture", [(120, 40)], {}),
        ("text for a number", [("45.6", 20)], {}),
        ("no number at all", [(45.6, None)], {}),
        ("one click twice", [(45.6, 20), (45.7, 20)], {}),
        ("absent, with points", [(45.6, 20)], {"absent": True}),
        ("of no picture that is here", [(45.6, 20)], {"image_id": image_id_of(f"{HOST}/none.jpg")}),
        ("shown on its side", [(45.6, 20)], {"shown": [[512, 512, 90]]}),
        ("of a task that nobody pushed", [(45.6, 20)], {"task_key": ""}),
        ("", [(45.6, 20)], {}),
    ]
    faults = [
        points_row(n + at, "astronaut.jpg", label, places, "pointing", 2) | more
        for at, (label, places, more) in enumerate(wrong, 1)
    ]
    older = points_row(1, "coins.png", "coins", COINS[:-1], "counting", 1)
    older["revision"] = older["submitted_at"] = "2026-11-03T08:00:00.000000Z"
    return [*good, *faults, older]


def asked_row(number: int, name: str, question: str, answer: str, person: int) -> dict[str, Any]:
    """A question with its answer, written by hand."""
    seconds = 5.0 + (len(question) + len(answer)) / 4
    base = item("ask_model_anything", number, name, person, seconds)
    judged = {"question": question, "answer": answer, "verdict": "", "explanations": []}
    return {**base, **judged, "turns": []}


def asked_rows() -> list[dict[str, Any]]:
    """All questions, then the faults."""
    good = [asked_row(n, *row) for n, row in enumerate(ASKED, 1)]
    n = len(good)
    empty = asked_row(n + 1, "coins.png", "Who made the coins?", "", 1)
    pasted = asked_row(n + 2, "coffee.jpg", "What is this?", "A cup of coffee. " * 10, 2)
    notice = asked_row(n + 3, "chart.png", "", "On Monday.", 3)
    skipped = asked_row(n + 4, "retina.jpg", "", "", 3)
    return [*good, empty, pasted | {"seconds": 2.0}, notice, skipped | {"skipped": True}]


def explained_row(
    number: int, name: str, question: str, named: list[Named], answer: str, person: int
) -> dict[str, Any]:
    """A question whose answer cites points."""
    asked = asked_row(number, name, question, answer, person)
    base = item("point_explanations", number, name, person, asked["seconds"])
    points = [list(place) for _, places in named for place in places]
    labels = [phrase for phrase, places in named for _ in places]
    return {**asked, **base, "points": points, "labels": labels, "shown": [shown_size(name)]}


def explained_rows() -> list[dict[str, Any]]:
    """All explanations, then the faults."""
    good = [explained_row(n, *row) for n, row in enumerate(EXPLAINED, 1)]
    n, eyes = len(good), [("eyes", CAT_EYES)]
    question = "Is the cat awake?"
    uncited = explained_row(n + 1, "chelsea.jpg", question, eyes, "Its [eye](1) is open.", 1)
    unknown = explained_row(n + 2, "chelsea.jpg", question, eyes, "Its [eyes](1,2,3) are open.", 1)
    without = explained_row(n + 3, "chelsea.jpg", question, [], "It is.", 1)
    return [*good, uncited, unknown, without]


def count_row(
    number: int, name: str, label: str, count: int, places: list[Place], predicted: int
) -> dict[str, Any]:
    """A count that a person checked."""
    base = item("count", number, name, 1 + number % 3, 6.0 + len(places))
    points = [list(place) for place in places]
    shown = {"points": points, "shown": [shown_size(name)]}
    split = ("validation", "test")[number % 2]
    return {
        **base,
        "label": label,
        "predicted_count": predicted,
        "split": split,
        "count": count,
    } | (shown)


def count_rows() -> list[dict[str, Any]]:
    """All counts, then the faults."""
    good = [count_row(n, *row) for n, row in enumerate(COUNTED, 1)]
    n = len(good)
    fewer = count_row(n + 1, "hopper.jpg", "eye", 3, [(43.3, 31.5), (59.5, 31.0)], 2)
    half = count_row(n + 2, "hopper.jpg", "person", 1, [(50, 30)], 1)
    return [*good, fewer, half | {"count": 1.5}]


def main() -> None:
    """Write the files, one JSON object a line with sorted keys: the same bytes each time."""
    folder = HERE / "annotations"
    folder.mkdir(exist_ok=True)
    tables = {
        "points": points_rows(),
        "ask_model_anything": asked_rows(),
        "point_explanations": explained_rows(),
        "count": count_rows(),
    }
    for kind, rows in tables.items():
        lines = [json.dumps(row, sort_keys=True, allow_nan=False) + "\n" for row in rows]
        (folder / f"{kind}.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
