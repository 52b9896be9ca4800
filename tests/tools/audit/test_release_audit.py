"""Each promise of a release, broken on purpose: exactly that one fails, and names the file."""

import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem
from PIL import Image as Pictures
from PIL.PngImagePlugin import PngInfo

from pipelines.steps.strip_metadata import Stripped, strip_metadata
from schemas.errors import UsageError
from schemas.ids import sha256_hex
from schemas.manifest import (
    CARD,
    CROISSANT,
    MANIFEST,
    ModelUse,
    ReleaseFile,
    ReleaseManifest,
    read_manifest,
    write_manifest,
)
from schemas.release import LINEAGE, release_schema, shard_name
from schemas.store import Store
from schemas.subsets import SUBSETS, TEXT_LLM
from tests import toy_store as toy
from tests.sound_store import export_release, sound_rows, write_store
from tools.audit import Finding, audit_release
from tools.audit.promises import RELEASE

FS = LocalFileSystem()
TRAIN, LAST = "cap/train-00000-of-00002.parquet", "cap/train-00001-of-00002.parquet"
HELD = "cap/validation-00000-of-00001.parquet"
PLANTED: dict[str, list[Callable[..., Any]]] = {}


def plants(promise: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marks a function that breaks a promise; it returns what the first finding says."""

    def keep(function: Callable[..., Any]) -> Callable[..., Any]:
        PLANTED.setdefault(promise, []).append(function)
        return function

    return keep


def failed(release: Path) -> dict[str, list[Finding]]:
    """The promises that do not hold, with what was found."""
    report = audit_release(str(release), 1)
    return {o.promise.name: list(o.findings) for o in report.outcomes if o.failed}


def said(found: Finding) -> str:
    row = "" if found.row is None else f" row {found.row}"
    return f"{found.place}{row}: {found.message}"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release whose promises hold, with pictures."""
    url = str(tmp_path_factory.mktemp("audit") / "store")
    return export_release(write_store(url, sound_rows()))


@pytest.fixture(scope="module")
def pointed(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release with two subsets more, of points in percent and in pixels."""
    folder = tmp_path_factory.mktemp("pointed") / "release"
    shutil.copytree(sound, folder)
    url = {"image_url": "http://pics.test/p", "image_sha256": "1" * 64}
    inside = [{"x": 0.0, "y": 100.0}, {"x": 50.0, "y": 50.0}]
    row = url | {"points": inside, "count": 2, "label": "toy", "collection_method": "pointing"}
    add_subset(folder, "points", [row, row | {"count": None, "points": []}])
    texts = {"question": "q", "response": "r", "parsed_response": "r"}
    more = {"points": [[[1.0, 2.0], [3.0, 4.0]], []], "inline_text": ["a"], "alt_text": ["b"]}
    add_subset(folder, "point_explanations", [url | texts | more])
    picture = {"bytes": toy.picture(9), "path": "p.png"}  # 96 x 72 pixels
    row = url | {"count": 1, "points": {"x": [96.0], "y": [72.0]}, "label": "toy", "image": picture}
    add_subset(folder, "count", [row])
    return folder


def add_subset(release: Path, config: str, rows: list[dict[str, Any]]) -> None:
    """Add a config of one file to all that a release says of itself."""
    name = f"{config}/{shard_name('train', 0, 1)}"
    schema = release_schema(SUBSETS[config].columns, "image" in rows[0])
    own, traces = ("image_url", "image_sha256"), LINEAGE[config]
    empty = {field.name: "" if field.type == pa.string() else None for field in traces}
    empty |= {field.name: [] for field in traces if pa.types.is_list(field.type)}
    made = empty | {"image_id": "8" * 32, "component_id": "9" * 32}
    made |= {"image_bytes": "url", "code_version": "1"}
    lineage = [made | {column: row[column] for column in own} for row in rows]
    for path, values, kind in ((name, rows, schema), (f"lineage/{name}", lineage, traces)):
        (release / path).parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(values, kind), release / path)
    manifest = read_manifest(FS, str(release))
    counts = {**manifest.rows, config: {"train": len(rows)}}
    images = {**manifest.images, config: "embed" if "image" in rows[0] else "url"}
    write_manifest(FS, str(release), replace(manifest, rows=counts, images=images))
    first = "| cap | train |"
    edit_text(release / CARD, f"| {config} | train | {len(rows)} |\n{first}", first)
    files = f"- config_name: {config}\n  data_files:\n  - split: train\n    path: {config}/*\n"
    edit_text(release / CARD, f"configs:\n{files}", "configs:\n")
    croissant = json.loads((release / CROISSANT).read_text())
    croissant["distribution"].append({"contentUrl": name})
    fields = [{"name": column} for column in schema.names]
    croissant["recordSet"].append({"name": config, "field": fields})
    (release / CROISSANT).write_text(json.dumps(croissant))
    list_anew(release)


def edit_text(path: Path, new: str, old: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def list_anew(release: Path) -> None:
    """Make checksums and sizes true again, in the manifest and in the Croissant metadata."""
    if (release / CROISSANT).exists():
        values = json.loads((release / CROISSANT).read_text())
        for file in values["distribution"]:
            path = release / file.get("contentUrl", "-")
            if path.is_file():
                file["sha256"] = sha256_hex(path.read_bytes())
        (release / CROISSANT).write_text(json.dumps(values))
    paths = sorted(p for p in release.rglob("*") if p.is_file() and p.name != MANIFEST)
    files = tuple(
        ReleaseFile(
            str(p.relative_to(release)),
            sha256_hex(p.read_bytes()),
            p.stat().st_size,
            pq.read_metadata(p).num_rows if p.suffix == ".parquet" else 0,
        )
        for p in paths
    )
    manifest = read_manifest(FS, str(release))
    write_manifest(FS, str(release), replace(manifest, files=files))


def change_manifest(release: Path, **fields: Any) -> None:
    manifest: ReleaseManifest = read_manifest(FS, str(release))
    write_manifest(FS, str(release), replace(manifest, **fields))


def change_rows(release: Path, path: str, edit: Callable[[list[Any]], Any]) -> None:
    """Edit the rows of a table and make the checksums true again."""
    found = pq.read_table(release / path)
    rows = found.to_pylist()
    edit(rows)
    pq.write_table(pa.Table.from_pylist(rows, found.schema), release / path)
    list_anew(release)


def change_value(release: Path, path: str, **fields: Any) -> None:
    """Change the first row of a table."""
    change_rows(release, path, lambda rows: rows[0].update(fields))


def put_picture(release: Path, data: bytes) -> None:
    change_value(release, TRAIN, image={"bytes": data, "path": "x"})


# --- faults


@plants("readable")
def no_manifest(release: Path) -> str:
    (release / MANIFEST).unlink()
    return "manifest.json: "


@plants("readable")
def manifest_of_another_shape(release: Path) -> str:
    values = json.loads((release / MANIFEST).read_text())
    values["rows"] = [1]
    (release / MANIFEST).write_text(json.dumps(values))
    return "manifest.json: "


@plants("readable")
def table_that_is_none(release: Path) -> str:
    (release / "lineage" / TRAIN).write_bytes(b"no Parquet")
    list_anew_without_rows(release)
    return f"lineage/{TRAIN}: cannot be read: "


def list_anew_without_rows(release: Path) -> None:
    manifest = read_manifest(FS, str(release))
    files = tuple(
        replace(f, sha256=sha256_hex(data), bytes=len(data))
        for f in manifest.files
        for data in [(release / f.path).read_bytes()]
    )
    change_manifest(release, files=files)


@plants("files")
def shard_missing(release: Path) -> str:
    (release / LAST).unlink()
    return f"{LAST}: is in the manifest, but is not there"


@plants("files")
def shard_missing_from_the_manifest_too(release: Path) -> str:
    for path in (LAST, f"lineage/{LAST}"):
        (release / path).unlink()
    manifest = read_manifest(FS, str(release))
    rows = {"cap": {**manifest.rows["cap"], "train": 2}}
    change_manifest(release, rows=rows)
    edit_text(release / CARD, "| cap | train | 2 |", "| cap | train | 3 |")
    values = json.loads((release / CROISSANT).read_text())
    own = values["distribution"]
    values["distribution"] = [file for file in own if file.get("contentUrl") != LAST]
    values["description"] = values["description"].replace("4 rows", "3 rows")
    (release / CROISSANT).write_text(json.dumps(values))
    list_anew(release)
    return f"{LAST}: is missing: the others of its split count it"


@plants("files")
def file_that_is_not_listed(release: Path) -> str:
    (release / "cap" / "notes.txt").write_text("mine")
    return "cap/notes.txt: is there, but not in the manifest"


@plants("checksums")
def byte_flipped_in_a_picture(release: Path) -> str:
    path = release / TRAIN
    data = bytearray(path.read_bytes())
    picture = pq.read_table(path)["image"][0]["bytes"].as_py()
    at = bytes(data).index(picture) + picture.index(b"IDAT") + 30
    data[at] ^= 1
    path.write_bytes(bytes(data))
    return f"{TRAIN}: does not have the SHA-256 of the manifest"


@plants("checksums")
def card_that_was_edited(release: Path) -> str:
    with (release / CARD).open("a") as file:
        file.write("\nMore.\n")
    return "README.md: has "


@plants("schema")
def column_too_many(release: Path) -> str:
    found = pq.read_table(release / TRAIN)
    more = found.append_column("secret", pa.array(["x"] * len(found)))
    pq.write_table(more, release / TRAIN)
    values = json.loads((release / CROISSANT).read_text())
    for record in values["recordSet"]:
        if record["name"] == "cap":
            record["field"].append({"name": "secret"})
    for path in (LAST, HELD):  # Croissant names the columns of a config once
        found = pq.read_table(release / path)
        more = found.append_column("secret", pa.array(["x"] * len(found)))
        pq.write_table(more, release / path)
    (release / CROISSANT).write_text(json.dumps(values))
    list_anew(release)
    return f"{TRAIN}: has a column secret"


@plants("schema")
def no_features(release: Path) -> str:
    found = pq.read_table(release / TRAIN)
    pq.write_table(found.replace_schema_metadata(None), release / TRAIN)
    list_anew(release)
    return f"{TRAIN}: has no `huggingface` metadata"


@plants("lineage_rows")
def lineage_in_another_order(release: Path) -> str:
    change_rows(release, f"lineage/{TRAIN}", lambda rows: rows.reverse())
    return f"lineage/{TRAIN} row 0: has another image_url"


@plants("lineage_rows")
def lineage_with_a_row_less(release: Path) -> str:
    change_rows(release, f"lineage/{TRAIN}", lambda rows: rows.pop())
    return f"lineage/{TRAIN}: has 1 rows, but {TRAIN} has 2"


@plants("lineage_rows")
def no_lineage(release: Path) -> str:
    (release / "lineage" / LAST).unlink()
    (release / "lineage" / LAST.replace("00001-of", "00000-of")).unlink()
    list_anew(release)
    return f"{TRAIN}: has no lineage"


@plants("splits")
def component_in_two_splits(release: Path) -> str:
    lineage = pq.read_table(release / "lineage" / TRAIN).to_pylist()
    change_value(release, f"lineage/{HELD}", component_id=lineage[0]["component_id"])
    return f"{TRAIN} row 0: its component_id lies in another split"


@plants("splits")
def picture_in_two_splits(release: Path) -> str:
    lineage = pq.read_table(release / "lineage" / TRAIN).to_pylist()
    change_value(release, f"lineage/{HELD}", image_sha256=lineage[1]["image_sha256"])
    return f"{TRAIN} row 1: its image_sha256 lies in another split"


@plants("metadata")
def exif_in_a_jpeg(release: Path) -> str:
    exif = Pictures.Exif()
    exif[0x8825] = {1: "N", 2: (1.0, 2.0, 3.0)}
    exif[0x010F] = "a camera"
    put_picture(release, saved("JPEG", exif=exif))
    return f"{TRAIN} row 0: the jpeg holds EXIF"


@plants("metadata")
def comment_in_a_jpeg(release: Path) -> str:
    put_picture(release, saved("JPEG", comment=b"taken at home"))
    return f"{TRAIN} row 0: the jpeg holds metadata"


@plants("metadata")
def text_in_a_png(release: Path) -> str:
    notes = PngInfo()
    notes.add_text("Author", "somebody")
    put_picture(release, saved("PNG", pnginfo=notes))
    return f"{TRAIN} row 0: the png holds text"


@plants("metadata")
def xmp_in_a_webp(release: Path) -> str:
    put_picture(release, saved("WEBP", xmp=b"<x:xmpmeta/>"))
    return f"{TRAIN} row 0: the webp holds XMP"


def saved(kind: str, **settings: Any) -> bytes:
    file = io.BytesIO()
    Pictures.fromarray(toy.pixels(50)).save(file, kind, **settings)
    return file.getvalue()


@plants("pictures")
def text_in_place_of_a_picture(release: Path) -> str:
    put_picture(release, b"not found")
    return f"{TRAIN} row 0: the picture is text"


@plants("pictures")
def picture_cut_short(release: Path) -> str:
    put_picture(release, toy.picture(0, "JPEG")[:-200])
    return f"{TRAIN} row 0: the jpeg is "


@plants("no_vlm")
def model_of_another_role(release: Path) -> str:
    manifest = read_manifest(FS, str(release))
    extra = ModelUse("cap", "eye-1", "vision_language_model")
    change_manifest(release, models=(*manifest.models, extra))
    return "manifest.json: model eye-1 had the role 'vision_language_model'"


@plants("no_vlm")
def model_that_sees(release: Path) -> str:
    manifest = read_manifest(FS, str(release))
    extra = ModelUse("cap", "Qwen2.5-VL-7B", TEXT_LLM)
    change_manifest(release, models=(*manifest.models, extra))
    return "manifest.json: model Qwen2.5-VL-7B is named like one that sees pictures (VL)"


@plants("no_vlm")
def model_that_is_not_listed(release: Path) -> str:
    change_value(release, f"lineage/{TRAIN}", model="another")
    return f"lineage/{TRAIN} row 0: model 'another' is not in the manifest as text_llm"


@plants("traceable")
def recording_without_a_checksum(release: Path) -> str:
    change_value(release, f"lineage/{TRAIN}", audio_sha256=[])
    return f"lineage/{TRAIN} row 0: audio_sha256 is empty"


@plants("traceable")
def fewer_cleaned_texts(release: Path) -> str:
    names = ("recording_ids", "review_ids", "audio_sha256", "cleaned")
    lists = {name: ["1", "2"] for name in names}
    change_value(release, f"lineage/{TRAIN}", **lists)
    return f"lineage/{TRAIN} row 0: has not as many cleaned texts as the row has transcripts"


@plants("prompts")
def prompt_that_is_not_listed(release: Path) -> str:
    change_value(release, f"lineage/{TRAIN}", clean_prompt="clean_v9")
    return f"lineage/{TRAIN} row 0: clean_prompt 'clean_v9' is not in the manifest"


@plants("prompts")
def prompt_with_another_text(release: Path) -> str:
    manifest = read_manifest(FS, str(release))
    change_manifest(release, prompts={**manifest.prompts, "clean_v1": "0" * 64})
    return "manifest.json: prompt clean_v1 has another text here"


@plants("prompts")
def prompt_without_a_checksum(release: Path) -> str:
    manifest = read_manifest(FS, str(release))
    change_manifest(release, prompts={**manifest.prompts, "old_v1": ""})
    return "manifest.json: prompt old_v1 has no SHA-256"


@plants("annotators")
def address_in_the_lineage(release: Path) -> str:
    change_value(release, f"lineage/{TRAIN}", code_version="by ann@example.org")
    return f"lineage/{TRAIN} row 0: code_version holds an e-mail address"


@plants("annotators")
def pseudonym_in_the_lineage(release: Path) -> str:
    change_value(release, f"lineage/{TRAIN}", code_version="a0123456789ab")
    return f"lineage/{TRAIN} row 0: code_version holds an annotator's pseudonym"


@plants("manifest")
def wrong_count_in_the_manifest(release: Path) -> str:
    change_manifest(release, rows={"cap": {"train": 3, "validation": 2}})
    return "manifest.json: says 2 rows of cap/validation, but there are 1"


@plants("manifest")
def url_where_pictures_are(release: Path) -> str:
    change_manifest(release, images={"cap": "url"})
    return "manifest.json: says images 'url' of cap, but they are embedded"


@plants("card")
def wrong_count_in_the_card(release: Path) -> str:
    edit_text(release / CARD, "| cap | train | 1,000 |", "| cap | train | 3 |")
    list_anew(release)
    return "README.md: says 1000 rows of cap/train, but there are 3"


@plants("card")
def header_leads_elsewhere(release: Path) -> str:
    edit_text(release / CARD, "path: other/train-*", "path: cap/train-*")
    list_anew(release)
    return "README.md: its header leads cap/train to 0 of the split's files: 2 are there"


@plants("croissant")
def wrong_checksum_in_croissant(release: Path) -> str:
    text = (release / CROISSANT).read_text()
    digest = sha256_hex((release / TRAIN).read_bytes())
    (release / CROISSANT).write_text(text.replace(digest, "0" * 64))
    list_anew_without_rows(release)
    return f"croissant.json: {TRAIN} has another sha256 than in the manifest"


@plants("croissant")
def wrong_count_in_croissant(release: Path) -> str:
    edit_text(release / CROISSANT, "cap (9 rows)", "cap (4 rows)")
    list_anew(release)
    return "croissant.json: says 9 rows of cap, but there are 4"


@plants("croissant")
def croissant_of_another_shape(release: Path) -> str:
    (release / CROISSANT).write_text('{"distribution": 1, "recordSet": []}')
    list_anew_without_rows(release)
    return "croissant.json: cannot be read: "


@plants("licence")
def no_licence(release: Path) -> str:
    text = (release / CARD).read_text()
    (release / CARD).write_text(re.sub(r"(?m)^license:.*\n", "", text))
    list_anew(release)
    return "README.md: its header names no licence"


@plants("licence")
def another_licence(release: Path) -> str:
    change_manifest(release, license="mit")
    return "README.md: names 'cc0-1.0', the manifest 'mit'"


FAULTS = [(name, fault) for name, faults in PLANTED.items() for fault in faults]


@pytest.mark.parametrize(("promise", "fault"), FAULTS, ids=[f.__name__ for _, f in FAULTS])
def test_a_fault(promise: str, fault: Callable[[Path], str], sound: Path, tmp_path: Path) -> None:
    release = tmp_path / "release"
    shutil.copytree(sound, release)
    expected = fault(release)
    found = failed(release)
    assert list(found) == [promise], found
    assert said(found[promise][0]).startswith(expected)


POINTS = {
    "points": (
        ({"points": [{"x": 100.5, "y": 1.0}], "count": 1}, "the point (100.5, 1) is not within 0"),
        ({"points": [{"x": float("nan"), "y": 1.0}], "count": 1}, "the point (nan, 1) is not"),
        ({"points": [{"x": None, "y": 1.0}], "count": 1}, "the point (nan, 1) is not"),
        ({"points": [{"x": 1.0, "y": -0.1}], "count": 1}, "the point (1, -0.1) is not"),
        ({"count": 7}, "count is 7, but there are 2 points"),
    ),
    "point_explanations": (
        ({"points": [[[1.0, 2.0], [3.0, 104.0]]]}, "the point (3, 104) is not within 0 to 100"),
        ({"points": [[[1.0]]]}, "the point (nan, nan) is not"),
    ),
    "count": (
        ({"points": {"x": [97.0], "y": [1.0]}}, "the point (97, 1) is not within 96 x 72 pixels"),
        ({"points": {"x": [9.0], "y": []}}, "points have 1 x, but 0 y"),
        ({"points": {"x": [], "y": []}}, "count is 1, but there are 0 points"),
    ),
}
CASES = [(config, *case) for config, cases in POINTS.items() for case in cases]


@pytest.mark.parametrize(("config", "fields", "expected"), CASES)
def test_points_that_cannot_be(
    config: str, fields: dict[str, Any], expected: str, pointed: Path, tmp_path: Path
) -> None:
    release = tmp_path / "release"
    shutil.copytree(pointed, release)
    path = f"{config}/{shard_name('train', 0, 1)}"
    change_value(release, path, **fields)
    found = failed(release)
    assert list(found) == ["points"], found
    assert said(found["points"][0]).startswith(f"{path} row 0: {expected}")


def test_every_promise_is_broken_by_some_fault() -> None:
    assert {*PLANTED, "points"} == {promise.name for promise in RELEASE}


# --- what is no fault, and what is wrong use


def test_a_sound_release_has_no_findings(sound: Path, pointed: Path) -> None:
    for release in (sound, pointed):
        report = audit_release(f"{release}/", 1)
        assert not report.findings, report.findings
    assert all(outcome.checked for outcome in report.outcomes)
    assert report.rows == 8


def test_a_release_of_urls(tmp_path: Path) -> None:
    release = export_release(write_store(str(tmp_path / "store"), sound_rows()), "url")
    assert not failed(release)


def test_the_same_picture_in_two_subsets(pointed: Path, tmp_path: Path) -> None:
    """Splits are the same for every subset: train of one is not validation of another."""
    release = tmp_path / "release"
    shutil.copytree(pointed, release)
    lineage = pq.read_table(release / "lineage" / HELD).to_pylist()
    url = lineage[0]["image_url"]
    for path in ("points/train-00000-of-00001.parquet",):
        change_value(release, path, image_url=url)
        change_value(release, f"lineage/{path}", image_url=url)
    assert {f.message for f in failed(release)["splits"]} == {
        "its image_url lies in another split as well"
    }


def test_a_lineage_that_names_annotators(sound: Path, tmp_path: Path) -> None:
    release = tmp_path / "release"
    shutil.copytree(sound, release)
    path = release / "lineage" / TRAIN
    found = pq.read_table(path)
    pq.write_table(found.append_column("annotator_id", pa.array(["x"] * len(found))), path)
    list_anew(release)
    told = failed(release)
    assert list(told) == ["schema", "annotators"]
    assert said(told["annotators"][0]).endswith("column annotator_id tells who an annotator is")


def test_an_orientation_may_stay(sound: Path, tmp_path: Path) -> None:
    release = tmp_path / "release"
    shutil.copytree(sound, release)
    exif = Pictures.Exif()
    exif[0x0112] = 6
    stripped = strip_metadata(saved("JPEG", exif=exif), "jpeg")
    assert isinstance(stripped, Stripped)
    put_picture(release, stripped.data)
    assert not failed(release)


@pytest.mark.parametrize("place", [0.01, 0.2, 0.4, 0.6, 0.8, 0.99])
@pytest.mark.parametrize("path", [TRAIN, f"lineage/{TRAIN}", CARD, CROISSANT])
def test_bytes_flipped_anywhere_name_the_file(
    path: str, place: float, sound: Path, tmp_path: Path
) -> None:
    release = tmp_path / "release"
    shutil.copytree(sound, release)
    data = bytearray((release / path).read_bytes())
    at = int(len(data) * place)
    data[at : at + 16] = bytes(byte ^ 0xA5 for byte in data[at : at + 16])
    (release / path).write_bytes(bytes(data))
    found = failed(release)
    assert [f.place for f in found["checksums"]] == [path]


def test_several_processes_find_the_same(sound: Path, tmp_path: Path) -> None:
    release = tmp_path / "release"
    shutil.copytree(sound, release)
    for number in range(3):  # few files are looked at in one process
        shutil.copy(release / HELD, release / f"cap/test-{number:05d}-of-00003.parquet")
    assert failed(release)
    assert audit_release(str(release), 2) == audit_release(str(release), 1)


@pytest.fixture
def memory(sound: Path) -> Iterator[str]:
    store = Store("memory://audited-release")
    store.fs.put(str(sound), store.path(), recursive=True)
    yield store.url
    store.fs.rm(store.path(), recursive=True)


def test_a_release_in_memory(memory: str) -> None:
    assert not audit_release(memory, 2).findings


def test_no_release_is_wrong_use(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UsageError, match="there is no release here"):
            audit_release(str(folder), 1)
