"""Stage recordings: a manifest to measured recordings tied to pictures."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine import BeamEngine
from pipelines.recordings import MAX_AUDIO_BYTES, SOURCES, Recordings, recording_key
from pipelines.run_stage import RunOptions, retry_stage, run_stage
from pipelines.sources import Import, import_source
from pipelines.stage import fingerprint
from pipelines.steps.audio import AudioLimits
from pipelines.steps.pseudonyms import pseudonym
from schemas.errors import UsageError
from schemas.ids import sha256_hex
from schemas.judgment import Reject
from schemas.records import Image, Recording
from schemas.store import Store
from tests import toy_store as toy
from tests.pipelines.toy_stage import options, write_list
from tests.toy_store import id_of, picture, sound, url_of

STAGE = Recordings(AudioLimits(min_duration_s=2.0), max_rejects=1.0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    toy.put_images(made, {"a.png": picture(1)}, {"b.png": picture(2)})
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the manifest and the sounds lie."""
    (tmp_path / "spoken" / "deep").mkdir(parents=True)
    return tmp_path / "spoken"


def add(
    store: Store, folder: Path, rows: Sequence[Mapping[str, Any]], rows_per_part: int = 50
) -> None:
    manifest = write_list(folder / "manifest.jsonl", [dict(row) for row in rows])
    what = Import(str(manifest), SOURCES, recording_key, rows_per_part, relative=True)
    import_source(store, what)


def row(audio: str, name: str = "a.png", annotator: str = "ann", **more: Any) -> dict[str, Any]:
    return {"audio": audio, "image_url": url_of(name), "annotator": annotator, **more}


def made(store: Store) -> list[Recording]:
    return toy.rows(store, "recordings", Recording)


def refused(store: Store) -> dict[str, str]:
    """Reasons by the audio that a row named."""
    found = [*toy.rejects(store, SOURCES), *toy.rejects(store, "recordings")]
    return {str(json.loads(r.row).get("audio")): r.reason for r in found}


def test_each_row_is_a_record_or_a_reject(store: Store, folder: Path) -> None:
    files = {
        "good.wav": sound(3),
        "deep/good.wav": sound(4, seed=1),
        "short.wav": sound(1),
        "silent.wav": sound(3, loud=0.0),
        "text.wav": b"RIFF is how this text begins, and nothing more",
        "empty.wav": b"",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    add(store, folder, [*(row(name) for name in files), row("none.wav"), {"audio": "good.wav"}])
    toy.run(STAGE, store)
    assert sorted(r.audio_sha256 for r in made(store)) == sorted(
        sha256_hex(files[name]) for name in ("good.wav", "deep/good.wav")
    )
    assert refused(store) == {
        "short.wav": "too_short",
        "silent.wav": "silent",
        "text.wav": "undecodable_audio",
        "empty.wav": "empty",
        "none.wav": "missing_audio",
        "good.wav": "incomplete_row",
    }
    assert not toy.findings(store, "images")


def test_what_a_recording_holds(store: Store, folder: Path) -> None:
    (folder / "a.wav").write_bytes(sound(3))
    add(store, folder, [row("a.wav", language="en-GB", take=2, note=None)])
    toy.run(STAGE, store)
    (found,) = made(store)
    assert found.image_id == id_of("a.png")
    assert found.audio == sound(3)
    assert found.duration_s == pytest.approx(3.0)
    assert found.sample_rate_hz == toy.RATE_HZ
    assert found.audio_format == "wav"
    assert -40 < found.loudness_dbfs < -15
    assert found.language == "en-GB"
    assert json.loads(found.carried) == {"take": 2, "note": None}
    assert found.annotator_id == pseudonym("ann", "")


def test_annotators_are_pseudonyms_and_nothing_else_names_them(store: Store, folder: Path) -> None:
    (folder / "a.wav").write_bytes(sound(3))
    (folder / "b.wav").write_bytes(sound(4))
    rows = [row("a.wav", annotator="Ada Example"), row("b.wav", annotator="Ada Example")]
    add(store, folder, rows)
    toy.run(replace(STAGE, salt="pepper"), store)
    one, two = made(store)
    assert one.annotator_id == two.annotator_id == pseudonym("Ada Example", "pepper")
    assert one.annotator_id != pseudonym("Ada Example", ""), "not to be guessed without the salt"
    assert "Ada" not in repr(made(store))
    footer = repr(store.infos("recordings"))
    assert "Ada" not in footer
    assert "pepper" not in footer


@pytest.mark.parametrize("key", ["image_url", "image_id", "image_sha256"])
def test_a_picture_is_named_in_three_ways(store: Store, folder: Path, key: str) -> None:
    names = {
        "image_url": f" {url_of('b.png')} ",
        "image_id": id_of("b.png"),
        "image_sha256": sha256_hex(picture(2)).upper(),
    }
    (folder / "a.wav").write_bytes(sound(3))
    add(store, folder, [{"audio": "a.wav", key: names[key]}])
    toy.run(STAGE, store)
    assert [recording.image_id for recording in made(store)] == [id_of("b.png")]


@pytest.mark.parametrize(
    "audio",
    [
        "../secret.wav",
        "deep/../../secret.wav",
        "{parent}/secret.wav",
        "file://{parent}/secret.wav",
        "local://{parent}/secret.wav",
        "simplecache::file://{parent}/secret.wav",
        "s3://x/y::file://{parent}/secret.wav",
        "http://127.0.0.1:9/secret.wav",
        "https://169.254.169.254/secret.wav",
        "ftp://127.0.0.1/secret.wav",
        "memory://secret.wav",
        "python://secret.wav",
    ],
)
def test_nothing_outside_the_manifests_folder_is_read(
    store: Store, folder: Path, audio: str
) -> None:
    (folder.parent / "secret.wav").write_bytes(sound(3))
    add(store, folder, [row(audio.format(parent=folder.parent))])
    toy.run(STAGE, store)
    assert list(refused(store).values()) == ["outside_manifest"]


def test_a_link_in_the_folder_may_lead_to_another_disk(store: Store, folder: Path) -> None:
    (folder.parent / "disk.wav").write_bytes(sound(3))
    (folder / "link.wav").symlink_to(folder.parent / "disk.wav")
    add(store, folder, [row("link.wav")])
    toy.run(STAGE, store)
    assert len(made(store)) == 1


def test_a_huge_file_is_refused_unread(store: Store, folder: Path) -> None:
    with (folder / "huge.wav").open("wb") as file:
        file.truncate(MAX_AUDIO_BYTES + 1)
    add(store, folder, [row("huge.wav")])
    toy.run(STAGE, store)
    assert refused(store) == {"huge.wav": "too_large"}


@pytest.mark.parametrize(
    "audio",
    ["deep", ".", "", "a\0b.wav", "x" * 400, "a.wav/b.wav", 7, ["a.wav"], {"path": "a.wav"}],
)
def test_odd_names_are_rejects_and_no_crash(store: Store, folder: Path, audio: Any) -> None:
    (folder / "a.wav").write_bytes(sound(3))
    add(store, folder, [row(audio), row("a.wav")])
    toy.run(STAGE, store)
    assert len(made(store)) == 1
    assert set(refused(store).values()) <= {"missing_audio", "incomplete_row"}


@pytest.mark.parametrize("name", ["a b.wav", "a#b.wav", "a%20b.wav", "ä::b.wav", "[x]*.wav"])
def test_odd_file_names_are_found(store: Store, folder: Path, name: str) -> None:
    (folder / name).write_bytes(sound(3))
    add(store, folder, [row(name)])
    toy.run(STAGE, store)
    assert len(made(store)) == 1, toy.rejects(store, "recordings")


def test_a_file_that_may_not_be_read(store: Store, folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (folder / "a.wav").write_bytes(sound(3))
    (folder / "a.wav").chmod(0)
    add(store, folder, [row("a.wav")])
    toy.run(STAGE, store)
    assert refused(store) == {"a.wav": "unreadable_audio"}


@pytest.mark.parametrize("value", [5, ["en"], {"a": 1}, True])
def test_other_columns_may_hold_anything(store: Store, folder: Path, value: Any) -> None:
    (folder / "a.wav").write_bytes(sound(3))
    rows = [row("a.wav", annotator=value, language=value), row("a.wav", name="z", image_id=value)]
    add(store, folder, rows)
    toy.run(STAGE, store)
    assert len(made(store)) == 1
    assert list(refused(store).values()) == ["unknown_image"]


def test_a_recording_waits_for_its_picture(store: Store, folder: Path) -> None:
    (folder / "a.wav").write_bytes(sound(3))
    (folder / "c.wav").write_bytes(sound(4))
    add(store, folder, [row("a.wav"), row("c.wav", "c.png")], rows_per_part=1)
    toy.run(STAGE, store)
    assert refused(store) == {"c.wav": "unknown_image"}
    assert [r.retryable for r in toy.rejects(store, "recordings")] == [True]
    kept = store.info("recordings", 0)
    toy.put(store, "images", 2, Image, [toy.image("c.png", picture(3))])
    result = toy.run(STAGE, store)
    assert result.ran == 1, "only the part whose pictures have changed"
    assert {r.image_id for r in made(store)} == {id_of("a.png"), id_of("c.png")}
    assert store.info("recordings", 0) == kept
    assert toy.run(STAGE, store).ran == 0


def test_a_missing_file_is_found_by_a_retry(store: Store, folder: Path) -> None:
    (folder / "a.wav").write_bytes(sound(3))
    add(store, folder, [row("a.wav"), row("late.wav"), row("short.wav")])
    (folder / "short.wav").write_bytes(sound(1))
    toy.run(STAGE, store)
    assert refused(store) == {"late.wav": "missing_audio", "short.wav": "too_short"}
    assert toy.run(STAGE, store).ran == 0
    (folder / "late.wav").write_bytes(sound(5))
    result = retry_stage(STAGE, store, options(), set())
    assert (result.ran, result.rows_ran) == (1, 1)
    assert len(made(store)) == 2
    assert refused(store) == {"short.wav": "too_short"}
    assert not toy.findings(store, "images")


def test_a_growing_manifest_adds_parts(store: Store, folder: Path) -> None:
    for name in ("a", "b", "c"):
        (folder / f"{name}.wav").write_bytes(sound(3, seed=ord(name)))
    add(store, folder, [row("a.wav"), row("b.wav")], 2)
    toy.run(STAGE, store)
    before = toy.contents(store)
    add(store, folder, [row("a.wav"), row("b.wav"), row("c.wav")], 2)
    result = toy.run(STAGE, store)
    assert (result.ran, len(result.infos)) == (1, 2)
    assert before.items() <= toy.contents(store).items()


def test_the_same_audio_may_describe_two_pictures(store: Store, folder: Path) -> None:
    (folder / "a.wav").write_bytes(sound(3))
    add(store, folder, [row("a.wav", "a.png"), row("a.wav", "b.png"), row("a.wav", "b.png")])
    toy.run(STAGE, store)
    assert len({r.recording_id for r in made(store)}) == 2
    assert toy.reasons(store, SOURCES) == {"duplicate_row": 1}


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (replace(STAGE, max_rejects=0.1), True),
        (replace(STAGE, limits=AudioLimits(min_duration_s=2.5)), False),
        (replace(STAGE, salt="pepper"), False),
    ],
)
def test_what_the_fingerprint_holds(
    store: Store, folder: Path, other: Recordings, same: bool
) -> None:
    add(store, folder, [row("a.wav")])
    (shard,) = STAGE.plan(store)
    assert (fingerprint(STAGE, shard) == fingerprint(other, shard)) is same


def test_the_same_through_beam(store: Store, folder: Path) -> None:
    (folder / "a.wav").write_bytes(sound(3))
    add(store, folder, [row("a.wav"), row("none.wav")])
    run_stage(STAGE, store, RunOptions(BeamEngine(1)))
    beam = toy.contents(store)
    other = Store(str(folder.parent / "other"))
    toy.put_images(other, {"a.png": picture(1)}, {"b.png": picture(2)})
    add(other, folder, [row("a.wav"), row("none.wav")])
    toy.run(STAGE, other)
    assert toy.contents(other) == beam


def test_a_manifest_without_audio_is_the_users_error(store: Store, folder: Path) -> None:
    with pytest.raises(UsageError, match="audio"):
        add(store, folder, [{"image_url": "http://a"}])
    assert isinstance(recording_key({"audio": "a.wav"}), Reject)


# --- foreign recordings

NO_SOUND = {".json", ".jsonl", ".gz", ".csv", ".txt", "", ".sph"}


def test_every_foreign_recording_is_a_record_or_a_reject(
    store: Store, test_data: Path, folder: Path
) -> None:
    speech = test_data / "speech"
    names = sorted(str(p.relative_to(speech)) for p in speech.rglob("*") if p.is_file())
    (folder / "speech").symlink_to(speech)
    add(store, folder, [row(f"speech/{name}") for name in names], 500)
    toy.run(replace(STAGE, limits=AudioLimits(min_duration_s=1.0)), store)
    other = {f"speech/{name}" for name in names if Path(name).suffix in NO_SOUND}
    assert refused(store) == dict.fromkeys(other, "undecodable_audio")
    assert len(made(store)) == len(names) - len(other)
    assert {r.audio_format for r in made(store)} == {"wav", "mp3", "webm", "flac"}
    assert all(1 < r.duration_s < 60 for r in made(store))
    assert not toy.findings(store, "images")
