"""Writes `urls.parquet`, the input of the demo: good pictures first, then the planned failures.

The host is a name that no port hangs on: the run connects it to wherever the server listens, so
that the rows, and what is made of them, are the same in every run.
"""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
HOST = "http://samples.pixmo.test"
WITHOUT_SHA256 = {"grass.jpg", "page.webp"}
TOPICS = {
    "astronaut.jpg": "people",
    "astronaut-small.jpg": "people",
    "brick.jpg": "textures",
    "cell.png": "science",
    "chart.png": "graphics",
    "chelsea.jpg": "animals",
    "chelsea-mirrored.jpg": "animals",
    "coffee.jpg": "things",
    "coins.png": "things",
    "dahlia.webp": "plants",
    "grass.jpg": "textures",
    "gravel.jpg": "textures",
    "handwriting.jpg": "documents",
    "hopper.jpg": "people",
    "horse.png": "graphics",
    "hubble.jpg": "science",
    "page.webp": "documents",
    "pagoda.jpg": "places",
    "photographer.jpg": "people",
    "raccoon.jpg": "animals",
    "retina.jpg": "science",
    "rocket.jpg": "places",
    "sign.png": "graphics",
    "stairs.jpg": "places",
    "tissue.jpg": "science",
    # Several objects of one class each, for counting.
    "citrus.jpg": "food",
    "oranges.jpg": "food",
    "gate.jpg": "places",
    "louvre.jpg": "places",
}
# URL path -> the file whose hash the list promises, or None where it promises nothing.
FAILURES = {
    "missing.jpg": None,
    "busy.jpg": None,
    "login.jpg": None,
    "broken-off.jpg": "raccoon.jpg",
    "cut.jpg": None,
    "swapped.jpg": "gravel.jpg",
    "reserved.jpg": None,
}


def sha256_of(name: str) -> str:
    """The hex digest of one sample picture."""
    return hashlib.sha256((HERE / "images" / name).read_bytes()).hexdigest()


def rows() -> list[dict[str, str | None]]:
    """All rows, in the order of the file."""
    good = [
        {
            "image_url": f"{HOST}/{name}",
            "image_sha256": None if name in WITHOUT_SHA256 else sha256_of(name),
            "topic": topic,
        }
        for name, topic in TOPICS.items()
    ]
    planned = [
        {
            "image_url": f"{HOST}/{name}",
            "image_sha256": sha256_of(promised) if promised else None,
            "topic": "planned failure",
        }
        for name, promised in FAILURES.items()
    ]
    return good + planned


def main() -> None:
    """Write the file; string columns in a fixed order, so that it is the same bytes each time."""
    schema = pa.schema([(name, pa.string()) for name in ("image_url", "image_sha256", "topic")])
    pq.write_table(pa.Table.from_pylist(rows(), schema=schema), HERE / "urls.parquet")


if __name__ == "__main__":
    main()
