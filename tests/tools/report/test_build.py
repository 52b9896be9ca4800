"""A whole report of a small store, read as a browser would: data, escaping, budgets, privacy."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pictures

from schemas.records import Image, Recording
from schemas.store import Store
from tests import toy_store
from tests.tools.in_process import pixmo, refused
from tests.tools.report import toy_release
from tests.tools.report.payloads import payload, postings, rows
from tools.report.build import Budget, build_report, policy_limits
from tools.report.pictures import LARGE


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return toy_release.make_store(tmp_path_factory.mktemp("report") / "store")


@pytest.fixture(scope="module")
def report(store: Store) -> Path:
    done = pixmo("report", "--store", store.url)
    assert done.exit_code == 0
    assert "open " in done.stdout
    return Path(store.url, "report")


def chunks(report: Path, page: str) -> list[dict[str, object]]:
    found = sorted((report / "data" / page).glob("rows-*.js"), key=lambda p: int(p.stem[5:]))
    return [row for path in found for row in rows(path)]


def everything(report: Path) -> str:
    """All that any page can show, as text."""
    texts = [path.read_text(encoding="utf-8") for path in report.glob("*.html")]
    for path in report.glob("data/**/*.js"):
        data = payload(path)
        texts.append(data.decode("utf-8", "replace"))
        if path.name.startswith("rows-"):
            texts.append(json.dumps(rows(path), ensure_ascii=False))
    return "\n".join(texts)


def test_every_subset_has_a_page_and_every_row_is_on_it(report: Path) -> None:
    counts = {page: len(chunks(report, page)) for page in ("cap", "points", "cap-dropped")}
    assert counts == {"cap": 7, "points": 2, "cap-dropped": 2}
    for config in toy_release.subset_rows():
        assert (report / f"{config}.html").is_file()
        assert f'href="{config}.html"' in (report / "index.html").read_text()


def test_hostile_texts_stay_texts(report: Path) -> None:
    for path in report.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "<script>document" not in text, path.name
        assert "onerror=alert(1)>" not in text, path.name
    captions = [row["b"][0][2] for row in chunks(report, "cap")]  # type: ignore[index]
    for text in (toy_release.HOSTILE, toy_release.RTL, toy_release.EMOJI, toy_release.LONG):
        assert text in captions


def test_nothing_names_an_annotator(report: Path) -> None:
    text = everything(report)
    first, last = toy_release.PERSON.split()
    assert first not in text
    assert last not in text
    assert "[annotator] said nothing" in text


def test_no_page_names_an_address_that_it_would_load(report: Path) -> None:
    for path in [*report.glob("*.html"), *report.glob("assets/*")]:
        text = path.read_text(encoding="utf-8")
        for word in ('src="http', "url(http", "@import", "fetch(", "XMLHttpRequest", "import("):
            assert word not in text, f"{path.name}: {word}"


def test_the_index_finds_rows_by_any_text(report: Path) -> None:
    found = postings(report / "data" / "cap")
    assert found["astronaut"] == [0]
    assert found["pagoda"] == [6]
    assert found["lastly"] == [4]
    assert found["لقطة"] == [2]
    assert "caption_short_v1" not in found


def test_recordings_are_beside_their_row(store: Store, report: Path) -> None:
    sounds = json.loads(payload(report / "data" / "cap" / "sounds.js"))
    wanted = toy_store.rows(store, "recordings", Recording)
    assert set(sounds) == {one.recording_id for one in wanted}
    for one in wanted:
        file, _, _, speaker = sounds[one.recording_id]
        assert (report / "sounds" / file).read_bytes() == one.audio
        assert speaker == one.annotator_id
    audible = np.frombuffer(payload(report / "data" / "cap" / "base-2.js"), np.uint8)
    assert audible.tolist() == [1, 0, 0, 0, 0, 0, 0]


def test_text_in_a_picture_is_shown_beside_its_row(report: Path) -> None:
    first, second, *_ = chunks(report, "cap")
    shown = ["text", "Text in the picture", toy_release.READ]
    assert shown in first["b"]  # type: ignore[index]
    assert "Text in the picture" not in str(second)


def test_pictures_are_shared_and_missing_ones_are_said(report: Path) -> None:
    def numbers(page: str) -> list[int]:
        return np.frombuffer(payload(report / "data" / page / "base-0.js"), np.int32).tolist()

    cap, points = numbers("cap"), numbers("points")
    assert cap[5] == -1
    assert points[0] == cap[1]
    assert numbers("clocks")[0] not in cap
    sheet = Pictures.open(report / "sheets" / f"{cap[0] // 100}.webp")
    width = payload(report / "data" / "album-0.js")[cap[0]]
    left, top = cap[0] % 100 % 10 * 160, cap[0] % 100 // 10 * 160
    cell = np.asarray(sheet.convert("L"))[top : top + 160, left : left + width]
    assert cell.std() > 20


def test_the_overview_says_what_to_look_at(report: Path) -> None:
    text = (report / "index.html").read_text(encoding="utf-8")
    assert "1 picture moved out of train" in text
    assert "1 of 1 row near an evaluation set" in text
    assert "Dropped of cap: 2 rows" in text


def test_duplicates_are_shown_turned(report: Path) -> None:
    text = (report / "duplicates.html").read_text(encoding="utf-8")
    assert "transform:scaleX(-1)" in text
    assert "shown turned: mirror horizontal" in text
    assert "transform:rotate(90deg)" in text
    assert "Refused pairs (1)" in text
    assert "ai2d: test/1.png (near)" in text


def test_rules_are_counted_with_links_to_rows(report: Path) -> None:
    text = (report / "cap-dropped.html").read_text(encoding="utf-8")
    assert "refusal_v1" in text
    link = toy_store.id_of("hubble.jpg")[:12]
    assert f'href="#row={link}"' in text
    assert link in [row["id"] for row in chunks(report, "cap-dropped")]


def test_budgets_hold(store: Store, tmp_path: Path) -> None:
    built = build_report(store, str(tmp_path / "r"), 1, Budget(large=3, sound_bytes=120_000))
    assert len(list((tmp_path / "r" / "large").iterdir())) <= 3
    assert sum(path.stat().st_size for path in tmp_path.glob("r/sounds/*")) <= 120_000
    forms = np.frombuffer(payload(tmp_path / "r" / "data" / "album-4.js"), np.uint8)
    assert np.count_nonzero(forms & LARGE) == len(list((tmp_path / "r" / "large").iterdir()))
    assert built.bytes == sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()) - len(
        (tmp_path / "r" / "report.json").read_bytes()
    )


def test_the_same_store_gives_the_same_report(store: Store, report: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert pixmo("report", "--store", store.url, "--output", again, "--workers", 2).exit_code == 0

    def contents(folder: Path) -> dict[str, bytes]:
        files = (path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    assert contents(again) == contents(report)


def test_a_store_is_only_read(store: Store, report: Path, tmp_path: Path) -> None:
    before = toy_store.stamps(Path(store.url))
    assert pixmo("report", "--store", store.url, "--output", tmp_path / "r").exit_code == 0
    assert toy_store.stamps(Path(store.url)) == before


def test_a_store_with_pictures_alone_has_a_report(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    toy_store.put(store, "images", 0, Image, [])
    assert pixmo("report", "--store", store.url).exit_code == 0
    text = (tmp_path / "store" / "report" / "index.html").read_text(encoding="utf-8")
    assert "There is no release yet." in text


def test_a_config_without_rows_says_so(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    toy_store.put_images(store, {"a.png": toy_store.picture(1)})
    toy_release.write_release(store, "cap", [])
    assert pixmo("report", "--store", store.url).exit_code == 0
    text = (tmp_path / "store" / "report" / "cap.html").read_text(encoding="utf-8")
    assert "This config has no rows." in text


def test_a_damaged_picture_is_missing_and_no_failure(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    row = toy_release.subset_rows()["clocks"][0]
    cut = toy_release.sample("coffee.jpg")[:300]
    toy_store.put_images(store, {"a.png": toy_store.picture(1)})
    damaged = [row | {"image": {"bytes": data, "path": "x"}} for data in (cut, b"", None)]
    toy_release.write_release(store, "clocks", damaged)
    assert pixmo("report", "--store", store.url).exit_code == 0
    folder = tmp_path / "store" / "report" / "data" / "clocks"
    assert np.frombuffer(payload(folder / "base-0.js"), np.int32).tolist() == [-1, -1, -1]


def test_a_release_that_is_no_parquet_is_one_line(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    toy_store.put_images(store, {"a.png": toy_store.picture(1)})
    folder = tmp_path / "store" / "release" / "cap"
    folder.mkdir(parents=True)
    (folder / "train-00000-of-00001.parquet").write_text("no")
    assert "not a Parquet file" in refused("report", "--store", store.url)
    assert not (tmp_path / "store" / "report").exists()


def test_a_folder_that_is_no_report_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    assert "no report" in refused("report", "--store", store.url, "--output", tmp_path)
    assert "no store here" in refused("report", "--store", tmp_path)


def test_limits_are_those_of_the_last_selection(store: Store, tmp_path: Path) -> None:
    assert policy_limits(Store(str(tmp_path)), "points") == {}
    assert policy_limits(Store(str(tmp_path)), "cap")["refusal_v1"] > 0
