"""What was denied never comes back: not from a list, not under another name, not by a retry."""

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image as Pictures

from pipelines.denylist import add_denied, denylist_path
from pipelines.ingest import SOURCES, Ingest, image_key
from pipelines.recordings import SOURCES as MANIFEST
from pipelines.recordings import Recordings, recording_key
from pipelines.run_stage import retry_stage
from pipelines.services.fetch_config import FetchConfig
from pipelines.sources import Import, import_source
from pipelines.stage import fingerprint
from pipelines.steps.audio import AudioLimits
from pipelines.steps.pseudonyms import pseudonym
from schemas.errors import UsageError
from schemas.ids import sha256_hex
from schemas.records import Image, Recording
from schemas.store import Store
from tests import toy_store as toy
from tests.picture_host import Page, PictureHost, hosting
from tests.pipelines.toy_stage import options, write_list
from tests.toy_store import HOST, id_of, picture, pixels, sound, url_of

ORIGINAL = toy.encode(pixels(1, 640, 480))
NAME = "denied-zyzzy.png"
URL = url_of(NAME)


def recompressed(turn: Pictures.Transpose | None = None) -> bytes:
    small = Pictures.fromarray(pixels(1, 640, 480)).resize((320, 240))
    out = io.BytesIO()
    (small.transpose(turn) if turn is not None else small).save(out, "JPEG", quality=40)
    return out.getvalue()


PAGES = {
    NAME: Page(ORIGINAL),
    "same-bytes.png": Page(ORIGINAL),
    "recompressed.jpg": Page(recompressed()),
    "turned.jpg": Page(recompressed(Pictures.Transpose.ROTATE_270)),
    "mirrored.jpg": Page(recompressed(Pictures.Transpose.FLIP_LEFT_RIGHT)),
    "moved.png": Page(status=302, headers={"Location": f"http://{HOST}/{NAME}?from=moved"}),
    "moved-exactly.png": Page(status=302, headers={"Location": f"/{NAME}"}),
    "other.png": Page(picture(2)),
    "busy.png": Page(status=503),
}


@pytest.fixture
def host() -> Iterator[PictureHost]:
    with hosting({f"/{name}": page for name, page in PAGES.items()}) as running:
        running.pages[f"/{NAME}?from=moved"] = Page(ORIGINAL)
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def stage_for(host: PictureHost) -> Ingest:
    quick = FetchConfig(
        connect_to=((HOST, host.endpoint), ("elsewhere.test", host.endpoint)),
        per_host_rate=0.0,
        retries=0,
        deadline_s=20.0,
    )
    return Ingest(quick, max_rejects=1.0)


def add(store: Store, path: Path, urls: list[str], **more: Any) -> None:
    rows = [{"image_url": url} | more for url in urls]
    listed = str(write_list(path, rows))
    import_source(store, Import(listed, SOURCES, image_key, 4, "duplicate_url"))


def images(store: Store) -> set[str]:
    return {row.image_url.rsplit("/", 1)[1] for row in toy.rows(store, "images", Image)}


def refused(store: Store) -> dict[str, str]:
    """Reason and detail by the last part of the URL, `?` where the row does not say it."""
    found = [*toy.rejects(store, SOURCES), *toy.rejects(store, "images")]
    names = [json.loads(r.row).get("image_url", "?").rsplit("/", 1)[-1] for r in found]
    return {
        name: f"{r.reason} {r.detail}" if r.reason == "denied" else r.reason
        for name, r in zip(names, found, strict=True)
    }


def traces(store: Store, *texts: str) -> list[str]:
    """Files that hold one of these texts, as bytes or inside Parquet, compressed or not."""
    found = []
    for path in store.fs.find(store.path()):
        data = store.fs.cat_file(path)
        if path.endswith(".parquet"):
            data += repr(pq.read_table(path).to_pylist()).encode()
            data += repr(pq.read_metadata(path).metadata).encode()
        found += [f"{path}: {text}" for text in texts if text.encode() in data]
    return found


def deny(store: Store, radius: int = 8) -> None:
    """What a takedown of the picture denies."""
    facts = toy.image(NAME, ORIGINAL)
    entries = [("url", URL, 0), ("sha256", facts.image_sha256, 0), ("phash", facts.phash, radius)]
    add_denied(store, entries)


def test_a_denied_picture_never_comes_back(store: Store, tmp_path: Path, host: PictureHost) -> None:
    deny(store)
    path = tmp_path / "urls.jsonl"
    for _ in range(2):  # the second time under a list that looks new
        add(store, path, list(map(url_of, PAGES)))
        toy.run(stage_for(host), store)
        os.utime(path, (1, 1))
    assert images(store) == {"other.png"}
    assert refused(store) == {
        "?": "denied url",
        "same-bytes.png": "denied sha256",
        "recompressed.jpg": "denied phash",
        "turned.jpg": "denied phash",
        "mirrored.jpg": "denied phash",
        "moved.png": "denied sha256",
        "moved-exactly.png": "denied url",
        "busy.png": "http_503",
    }
    assert f"/{NAME}" not in [path for _, path in host.pictures_asked], "it is not even asked for"
    facts = toy.image(NAME, ORIGINAL)
    assert not traces(store, "zyzzy", facts.image_sha256, facts.phash, facts.image_id)
    assert not toy.findings(store)


def test_a_retry_brings_nothing_back(store: Store, tmp_path: Path, host: PictureHost) -> None:
    host.pages |= {f"/{name}": Page(status=503) for name in ("same-bytes.png", "turned.jpg")}
    add(store, tmp_path / "urls.jsonl", [url_of(n) for n in ("same-bytes.png", "turned.jpg", NAME)])
    host.pages[f"/{NAME}"] = Page(status=503)
    toy.run(stage_for(host), store)
    assert set(refused(store).values()) == {"http_503"}
    deny(store)
    host.pages |= {f"/{name}": page for name, page in PAGES.items()}
    host.forget()
    assert retry_stage(stage_for(host), store, options(), set()).rows_ran == 3
    assert images(store) == set()
    assert set(refused(store).values()) == {"denied url", "denied sha256", "denied phash"}
    assert ("GET", f"/{NAME}") not in host.pictures_asked
    assert not any(row.retryable for row in toy.rejects(store, "images"))
    assert retry_stage(stage_for(host), store, options(), set()).rows_ran == 0


def test_a_radius_is_kept_to_the_bit(store: Store, tmp_path: Path, host: PictureHost) -> None:
    far = toy.image(NAME, ORIGINAL).phash
    near = f"{int(far, 16) ^ 0b10011:016x}"
    for radius, expected in ((2, {"same-bytes.png"}), (3, set())):
        own = Store(f"{store.url}-{radius}")
        add_denied(own, [("phash", near, radius)])
        add(own, tmp_path / "urls.jsonl", [url_of("same-bytes.png")])
        toy.run(stage_for(host), own)
        assert images(own) == expected


def test_a_denied_host_is_not_asked(store: Store, tmp_path: Path, host: PictureHost) -> None:
    add_denied(store, [("host", "elsewhere.test", 0)])
    host.pages["/away.png"] = Page(status=301, headers={"Location": "http://elsewhere.test/x.png"})
    host.pages["/x.png"] = Page(picture(3))
    add(store, tmp_path / "u.jsonl", ["http://img.elsewhere.test/y", url_of("away.png")])
    toy.run(stage_for(host), store)
    assert refused(store) == {"?": "denied host", "away.png": "denied host"}
    assert {name for _, name, _ in host.asked} == {HOST}
    assert not traces(store, "elsewhere")


def test_a_checksum_that_is_denied_is_quoted_nowhere(
    store: Store, tmp_path: Path, host: PictureHost
) -> None:
    """A list that expects other bytes would have them named in `sha256_mismatch`."""
    sha256 = sha256_hex(ORIGINAL)
    add_denied(store, [("sha256", sha256, 0)])
    add(store, tmp_path / "a.jsonl", [url_of("same-bytes.png")], image_sha256="0" * 64)
    add(store, tmp_path / "b.jsonl", [url_of("other.png")], image_sha256=sha256)
    toy.run(stage_for(host), store)
    assert refused(store) == {"same-bytes.png": "denied sha256", "?": "denied sha256"}
    assert not traces(store, sha256)


def test_pictures_of_a_folder_are_asked_about_too(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("a.png", "b.jpg"):
        (folder / name).write_bytes(recompressed() if name == "b.jpg" else ORIGINAL)
    (folder / "c#.png").write_bytes(picture(5))
    add_denied(store, [("url", f"file://{folder}/c#.png", 0)])
    deny(store)
    import_source(store, Import(str(folder), SOURCES, image_key, 9, "duplicate_url"))
    toy.run(Ingest(max_rejects=1.0), store)
    assert refused(store) == {"?": "denied url", "a.png": "denied sha256", "b.jpg": "denied phash"}


def test_what_is_denied_changes_no_fingerprint(
    store: Store, tmp_path: Path, host: PictureHost
) -> None:
    """A takedown takes things out itself; nothing is fetched again because of it."""
    add(store, tmp_path / "urls.jsonl", [url_of("other.png")])
    (shard,) = stage_for(host).plan(store)
    before = fingerprint(stage_for(host), shard)
    toy.run(stage_for(host), store)
    deny(store)
    assert fingerprint(stage_for(host), shard) == before
    assert toy.run(stage_for(host), store).ran == 0


def test_a_damaged_denylist_stops_the_stage(
    store: Store, tmp_path: Path, host: PictureHost
) -> None:
    add(store, tmp_path / "urls.jsonl", [url_of("other.png")])
    deny(store)
    Path(denylist_path(store)).write_text("[]")
    with pytest.raises(UsageError, match=r"denylist\.json: not a denylist"):
        toy.run(stage_for(host), store)
    assert host.asked == []


# --- recordings

SPOKEN = Recordings(AudioLimits(min_duration_s=2.0), salt="pepper", max_rejects=1.0)


@pytest.fixture
def manifest(store: Store, tmp_path: Path) -> Path:
    """Two people on two pictures; the store has the pictures already."""
    toy.put_images(store, {"a.png": picture(1), "b.png": picture(2)})
    (tmp_path / "one.wav").write_bytes(sound(3))
    rows = [
        {"audio": "one.wav", "annotator": who, "image_url": url_of(name)}
        for who in ("Nadia-zyzzy", "Bo")
        for name in ("a.png", "b.png")
    ]
    rows.append({"audio": "one.wav", "annotator": "Bo", "image_id": id_of("a.png")})
    return write_list(tmp_path / "m.jsonl", rows)


def take_manifest(store: Store, manifest: Path) -> None:
    import_source(store, Import(str(manifest), MANIFEST, recording_key, 9, relative=True))


def kinds(store: Store, table: str) -> list[str]:
    return sorted(f"{row.reason} {row.detail}" for row in toy.rejects(store, table))


def test_a_denied_annotator_is_not_let_in(store: Store, manifest: Path) -> None:
    add_denied(store, [("annotator", "Nadia-zyzzy", 0)])
    take_manifest(store, manifest)
    toy.run(SPOKEN, store)
    assert kinds(store, MANIFEST) == ["denied annotator"] * 2
    assert len(toy.rows(store, "recordings", Recording)) == 3
    assert not traces(store, "zyzzy", pseudonym("Nadia-zyzzy", "pepper"))


def test_recordings_of_a_denied_picture_are_not_let_in(store: Store, manifest: Path) -> None:
    add_denied(store, [("url", url_of("a.png"), 0)])
    take_manifest(store, manifest)
    assert kinds(store, MANIFEST) == ["denied image_id", "denied url", "denied url"]
    toy.run(SPOKEN, store)
    assert {r.image_id for r in toy.rows(store, "recordings", Recording)} == {id_of("b.png")}


@pytest.mark.parametrize("name", ["Nadia-zyzzy", pseudonym("Nadia-zyzzy", "pepper")])
def test_who_was_denied_after_the_import_is_refused_by_the_stage(
    store: Store, manifest: Path, name: str
) -> None:
    take_manifest(store, manifest)
    add_denied(store, [("annotator", name, 0)])
    toy.run(SPOKEN, store)
    assert kinds(store, "recordings") == ["denied annotator"] * 2
    assert not any("Nadia" in row.row for row in toy.rejects(store, "recordings"))
    assert retry_stage(SPOKEN, store, options(), set()).rows_ran == 0
    # A takedown would have purged the name; after a bare denial the audit finds it in the list.
    left = [said for said in toy.findings(store, "images") if "was taken down" not in said]
    assert not left
