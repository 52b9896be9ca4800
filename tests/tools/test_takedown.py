"""Takedowns on a store that every stage made: nothing is left, nothing else is lost or redone."""

import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.denylist import load_denylist
from pipelines.services.hub.publish import Target, publish_release
from pipelines.steps.phash import hex_to_uint64
from schemas.errors import LockedError, StageError, UsageError
from schemas.ids import image_id_of
from schemas.locks import hold
from schemas.part_writer import PartWriter
from schemas.records import Caption, Image, Recording, Source, Split, Transcript
from schemas.store import Store
from schemas.takedown import Receipt, TakedownRequest, parse_receipt
from tests import toy_store as toy
from tests.hub_server import HubServer, signed_in
from tests.tools.in_process import pixmo, refused
from tests.toy_store import HOST
from tests.whole_store import FAR, SAID, Whole, whole_store
from tools import takedown as module
from tools.release.card_merge import merge_card
from tools.stages import Run
from tools.takedown import take_down

A, B, D = (f"http://{HOST}/{name}.png" for name in "abd")
COPY, SMALL, F = f"http://{FAR}/a-copy.png", f"http://{HOST}/a-small.png", f"http://cdn.{FAR}/f.png"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """A store with everything that may hold a trace, and a report on it."""
    with (
        pytest.MonkeyPatch.context() as patch,
        whole_store(tmp_path_factory.mktemp("whole"), patch) as made,
    ):
        leave_behind(Path(made.store.url))
        yield made


def leave_behind(root: Path) -> None:
    """What killed runs and other verbs leave in a store."""
    files = {
        "report/index.html": f"<img alt='{A}'><img alt='{B}'>",
        "scratch/dedupe/left": image_id_of(A),
        "failures/caption/part-00000.json": json.dumps({"kind": "StageError", "message": A}),
        "cache/llm/00/.tmp-x.json.1.1": SAID[3],
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture
def store(whole: Whole, tmp_path: Path) -> Store:
    """A copy of the store for one test."""
    shutil.copytree(whole.store.url, tmp_path / "store")
    return Store(str(tmp_path / "store"))


def go(store: Store, **selectors: Any) -> Receipt:
    return take_down(Run(store), TakedownRequest("asked by its owner", **selectors))


def traces_of(store: Store, *urls: str) -> set[str]:
    """Everything that the rows of some pictures say of them and of nothing else."""
    ids = {image_id_of(url) for url in urls}
    images = toy.rows(store, "images", Image)
    found = set(urls) | ids
    others = {image.phash for image in images if image.image_id not in ids}
    for image in images:
        if image.image_id in ids:
            found |= {image.image_sha256, image.phash} - others
    for recording in toy.rows(store, "recordings", Recording):
        if recording.image_id in ids:
            found |= {recording.recording_id, recording.audio_sha256}
    found |= {t.text for t in toy.rows(store, "transcripts", Transcript) if t.image_id in ids}
    for caption in toy.rows(store, "captions", Caption):
        if caption.image_id in ids:
            found |= {caption.caption, *caption.cleaned}
    return found


def bytes_of(store: Store, *urls: str) -> set[bytes]:
    ids = {image_id_of(url) for url in urls}
    pictures = {i.bytes for i in toy.rows(store, "images", Image) if i.image_id in ids}
    sounds = {r.audio for r in toy.rows(store, "recordings", Recording) if r.image_id in ids}
    return pictures | sounds


def grep(root: Path, needles: set[str], blobs: Iterable[bytes] = ()) -> list[str]:
    """Files whose bytes or Parquet cells hold one of them; the search knows nothing of ours."""
    words = {needle.lower().encode() for needle in needles}
    found = []
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        data = path.read_bytes()
        cells = _cells(path) if path.suffix == ".parquet" else []
        for text in [data, str(path.relative_to(root)).encode(), *cells]:
            if any(blob in text for blob in blobs) or any(word in text.lower() for word in words):
                found.append(str(path.relative_to(root)))
                break
    return found


def _cells(path: Path) -> list[bytes]:
    def flat(value: Any) -> Iterator[bytes]:
        if isinstance(value, dict):
            for inner in value.values():
                yield from flat(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from flat(inner)
        elif value is not None:
            yield value if isinstance(value, bytes) else str(value).encode()

    return list(flat(pq.read_table(path).to_pylist()))


def test_the_search_finds_what_is_there(store: Store) -> None:
    """Otherwise the tests below would prove nothing."""
    found = set(grep(Path(store.url), traces_of(store, A, COPY), bytes_of(store, A, COPY)))
    tables = ["sources/images", "images", "recordings", "transcripts", "captions", "duplicates"]
    tables += ["duplicate_pairs", "splits", "selected/cap", "release/cap", "release/lineage/cap"]
    tables += ["rejects/sources/images", "rejects/recordings", "report", "scratch", "cache/llm"]
    for table in tables:
        assert any(name.startswith(f"{table}/") for name in found), table


def test_one_picture_leaves_no_trace(store: Store, whole: Whole) -> None:
    needles, blobs = traces_of(store, A, COPY), bytes_of(store, A, COPY)
    assert len(needles) > 12
    receipt = go(store, urls=(A,))
    assert grep(Path(store.url), needles, blobs) == []
    assert grep(Path(store.url, "cache"), {"pelicans", "kettles"}) == []
    assert toy.findings(store) == []
    assert toy.leftovers(Path(store.url)) == []
    assert (receipt.pictures, receipt.recordings) == (2, 2)
    gone = {row.table: (row.records, row.rejects) for row in receipt.tables}
    assert gone["sources/images"] == (2, 1)
    assert gone["sources/recordings"] == (3, 0)
    assert gone["recordings"] == (2, 1)
    assert gone["captions"] == (1, 0)
    assert "report/" in receipt.removed
    assert any(name.startswith("release/cap/") for name in receipt.release)
    assert receipt.warnings == ()


def test_nothing_else_is_lost_and_nothing_is_done_again(store: Store, whole: Whole) -> None:
    before = {row.image_id: row for row in toy.rows(store, "images", Image)}
    captions = {row.image_id: row for row in toy.rows(store, "captions", Caption)}
    splits = {row.image_id: row.split for row in toy.rows(store, "splits", Split)}
    go(store, urls=(A,))
    gone = {image_id_of(url) for url in (A, COPY)}
    assert {row.image_id: row for row in toy.rows(store, "images", Image)} == {
        key: row for key, row in before.items() if key not in gone
    }
    assert {row.image_id: row for row in toy.rows(store, "captions", Caption)} == {
        key: row for key, row in captions.items() if key not in gone
    }
    assert {row.image_id: row.split for row in toy.rows(store, "splits", Split)} == {
        key: split for key, split in splits.items() if key not in gone
    }
    asked, contents = whole.asked, toy.contents(store)
    results = whole.run(store)
    assert whole.asked == asked
    assert [result.ran for result in results] == [0] * len(results)
    assert toy.contents(store) == contents
    assert toy.findings(store) == []


def test_sources_keep_a_digest_and_rows_add_up(store: Store) -> None:
    rows_in = [info.rows_in for info in store.infos("sources/images")]
    go(store, urls=(A,))
    assert [info.rows_in for info in store.infos("sources/images")] == rows_in
    kept = [r for r in toy.rejects(store, "sources/images") if r.reason == "taken_down"]
    assert len(kept) == 3  # the picture, its copy, and the row that named it twice
    assert all(set(json.loads(row.row)) == {"denied"} for row in kept)
    assert toy.reasons(store, "sources/recordings") == {"taken_down": 3}


def test_it_never_comes_back(store: Store, whole: Whole, tmp_path: Path) -> None:
    go(store, urls=(A,))
    listed = tmp_path / "more.jsonl"
    rows = [{"image_url": url} for url in (A, f"{A}#again", B, f"https://{HOST}/a.png")]
    listed.write_text("".join(json.dumps(row) + "\n" for row in rows))
    before = whole.pictures.asked.copy()
    reach = ("--connect-to", f"{HOST}={whole.pictures.endpoint}", "--max-rejects", 1)
    done = pixmo("ingest", "--urls", listed, "--store", store.url, *reach)
    assert done.exit_code == 0, done.output
    assert whole.pictures.asked["/a.png"] == before["/a.png"]
    assert image_id_of(A) not in {row.image_id for row in toy.rows(store, "images", Image)}
    denied = load_denylist(store)
    assert denied.refuses_url(A)
    known = {row.image_url: row.image_sha256 for row in toy.rows(whole.store, "images", Image)}
    assert denied.refuses_sha256(known[A])
    assert grep(Path(store.url), {A, image_id_of(A)}) == []


def test_the_same_command_again_removes_nothing(store: Store) -> None:
    first = go(store, urls=(A,))
    stamps = toy.stamps(Path(store.url))
    again = go(store, urls=(A,))
    assert again.nothing
    assert again.takedown_id == ""
    assert {n: s for n, s in toy.stamps(Path(store.url)).items() if "locks" not in n} == stamps
    assert [path.name for path in (Path(store.url) / "takedowns").iterdir()] == [
        f"{first.takedown_id}.json"
    ]


def test_the_receipt_names_nothing(store: Store) -> None:
    needles = traces_of(store, A, COPY)
    receipt = go(store, urls=(A,))
    path = Path(store.url) / "takedowns" / f"{receipt.takedown_id}.json"
    assert parse_receipt(path.read_text()) == receipt
    assert receipt.reason == "asked by its owner"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", receipt.date)
    (selector,) = receipt.selectors
    assert (selector.kind, selector.digest) == ("url", load_denylist(store).digest("url", A))
    assert not any(needle in path.read_text() for needle in needles)


@pytest.mark.parametrize("form", [f"https://{HOST}/a.png", f"HTTP://{HOST.upper()}:80/a.png#x"])
def test_a_url_in_another_form_is_the_same(form: str, store: Store) -> None:
    needles = traces_of(store, A, COPY)
    assert go(store, urls=(form,)).pictures == 2
    assert grep(Path(store.url), needles) == []


def test_no_answer_is_taken_any_more_to_what_was_sent_as_a_batch(store: Store) -> None:
    sent = Path(store.url, "cache/batch/of-before.jsonl")
    sent.parent.mkdir(parents=True)
    sent.write_text(json.dumps({"format": 1, "stage": "caption", "model": "m"}) + "\n")
    go(store, urls=(A,))
    assert not sent.exists()


def test_a_checksum_means_all_copies(store: Store) -> None:
    needles = traces_of(store, A, COPY)
    sha256 = next(r.image_sha256 for r in toy.rows(store, "images", Image) if r.image_url == A)
    assert go(store, sha256s=(sha256.upper(),)).pictures == 2
    assert grep(Path(store.url), needles) == []


def test_a_hash_takes_what_is_near(store: Store) -> None:
    near = (A, COPY, SMALL)
    needles, blobs = traces_of(store, *near), bytes_of(store, *near)
    hashes = {r.image_url: r.phash for r in toy.rows(store, "images", Image)}
    bits = int((hex_to_uint64([hashes[A]]) ^ hex_to_uint64([hashes[SMALL]]))[0]).bit_count()
    receipt = go(store, phashes=(hashes[A],), radius=max(bits, 1))
    assert receipt.pictures == 3
    assert grep(Path(store.url), needles, blobs) == []
    assert {row.image_id for row in toy.rows(store, "images", Image)} == {
        image_id_of(url) for url in hashes if url not in near
    }
    assert toy.findings(store) == []


def test_a_host_takes_its_subdomains(store: Store) -> None:
    needles = traces_of(store, COPY, F) - traces_of(store, A)
    receipt = go(store, hosts=(FAR,))
    assert receipt.pictures == 2
    assert grep(Path(store.url), needles | {FAR}) == []
    left = {row.image_url for row in toy.rows(store, "images", Image)}
    assert A in left
    assert not any(FAR in url for url in left)
    assert toy.findings(store) == []


def test_a_person_goes_by_name(store: Store, whole: Whole) -> None:
    recordings = toy.rows(store, "recordings", Recording)
    said = {s.key for s in toy.rows(store, "sources/recordings", Source) if "Ann Doe" in s.row}
    pseudonyms = {r.annotator_id for r in recordings if r.recording_id in said}
    own = {r.recording_id for r in recordings if r.recording_id in said}
    blobs = {r.audio for r in recordings if r.recording_id in said}
    assert len(own) == 3
    receipt = go(store, annotators=("Ann Doe",))
    assert (receipt.pictures, receipt.recordings) == (0, 3)
    sentences = {SAID[3], SAID[5], SAID[7]}
    assert grep(Path(store.url), {"Ann Doe"} | pseudonyms | own | sentences, blobs) == []
    assert toy.findings(store) == []
    # Bob spoke about a too: its caption has to be written again, and nothing else has.
    assert receipt.captions == (image_id_of(A),)
    assert toy.reasons(store, "captions") == {"taken_down": 1}
    fetched, heard, calls = whole.asked
    results = whole.run(store)
    assert whole.asked == (fetched, heard, calls + 1)
    assert {r.stage: r.ran for r in results if r.stage != "caption"}["transcribe"] == 0
    caption = {c.image_id: c for c in toy.rows(store, "captions", Caption)}[image_id_of(A)]
    assert caption.transcripts == (SAID[4],)
    assert toy.reasons(store, "captions") == {}


def test_a_person_goes_by_pseudonym(store: Store) -> None:
    rows = toy.rows(store, "recordings", Recording)
    said = {s.key for s in toy.rows(store, "sources/recordings", Source) if "Bob Roe" in s.row}
    pseudonym = next(r.annotator_id for r in rows if r.recording_id in said)
    assert go(store, annotators=(pseudonym,)).recordings == 2
    assert grep(Path(store.url), {"Bob Roe", pseudonym, SAID[4], SAID[6]} | said) == []
    assert load_denylist(store).refuses_annotator("Bob Roe")


def test_what_never_became_a_caption_goes_too(store: Store) -> None:
    """d has a transcript but no caption: what was said stands in a reject, and refused answers in
    the cache."""
    needles = traces_of(store, D) | {"beekeepers"}
    assert any("rejects/captions" in name for name in grep(Path(store.url), needles))
    receipt = go(store, urls=(D,))
    assert receipt.answers == 4  # one cleaned text, three tries at a caption
    assert grep(Path(store.url), needles) == []
    assert toy.findings(store) == []


def test_a_picture_that_was_never_fetched(store: Store) -> None:
    gone = f"http://{HOST}/gone.png"
    receipt = go(store, urls=(gone,))
    assert receipt.pictures == 0
    assert grep(Path(store.url), {gone, image_id_of(gone)}) == []
    assert toy.findings(store) == []


def test_what_is_not_there_is_denied_all_the_same(store: Store) -> None:
    before = toy.contents(store)
    receipt = go(store, urls=("http://elsewhere.test/x.png",))
    assert receipt.nothing
    assert receipt.takedown_id
    assert toy.contents(store) == before
    assert (Path(store.url) / "report").exists()
    assert load_denylist(store).refuses_url("http://elsewhere.test/x.png")


def test_a_dry_run_writes_nothing(store: Store) -> None:
    before = toy.stamps(Path(store.url))
    receipt = take_down(Run(store, dry=True), TakedownRequest("asked", urls=(A,)))
    assert toy.stamps(Path(store.url)) == before
    assert receipt.pictures == 2
    assert {row.table for row in receipt.tables} >= {"images", "captions", "splits"}


# --- killed, refused, disturbed


class Killed(BaseException):
    """As good as kill -9: nothing in the code under test catches it."""


STEPS = [
    *("write_journal", "drop_files", "drop_folders", "clean_small_files", "refresh_summaries"),
    *("drop_release_with", "find_traces", "_write_receipt"),
]


def dying(real: Callable[..., Any], calls: int, done: bool) -> Callable[..., Any]:
    """The function, which ends it all at its call of this number, `done` or not."""
    count = itertools.count(1)

    def called(*args: Any, **named: Any) -> Any:
        last = next(count) == calls
        found = real(*args, **named) if done or not last else None
        if last:
            raise Killed
        return found

    return called


def killed(store: Store, patch: pytest.MonkeyPatch, where: Any, name: str, calls: int = 1) -> None:
    """A takedown that ends in the middle."""
    real: Callable[..., Any] = getattr(where, name)
    with patch.context() as patched:
        patched.setattr(where, name, dying(real, calls, where is module))
        with pytest.raises(Killed):
            go(store, urls=(A,))


def test_killed_at_every_step_the_same_command_completes_it(
    store: Store, whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    needles, blobs = traces_of(store, A, COPY), bytes_of(store, A, COPY)
    for step in STEPS:
        killed(store, monkeypatch, module, step)
    receipt = go(store, urls=(A,))
    assert (receipt.pictures, receipt.recordings, receipt.nothing) == (2, 2, False)
    assert "report/" not in receipt.removed  # an earlier try removed it
    assert grep(Path(store.url), needles, blobs) == []
    assert toy.findings(store) == []
    assert not list(Path(store.url).glob("takedowns/pending-*"))
    asked = whole.asked
    whole.run(store)
    assert whole.asked == asked


def test_killed_before_the_journal_nothing_has_gone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = toy.contents(store)
    with monkeypatch.context() as patched:
        patched.setattr(module, "write_journal", dying(print, 1, False))
        with pytest.raises(Killed):
            go(store, urls=(A,))
    assert toy.contents(store) == before
    assert load_denylist(store).refuses_url(A)
    assert go(store, urls=(A,)).pictures == 2


def test_killed_between_parts_another_takedown_completes_it(
    store: Store, whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    needles, blobs = traces_of(store, A, COPY), bytes_of(store, A, COPY)
    for parts in (2, 2, 3, 2, 4, 2):  # the last of these is not written
        killed(store, monkeypatch, PartWriter, "commit", parts)
    go(store, urls=("http://elsewhere.test/x.png",))
    assert grep(Path(store.url), needles, blobs) == []
    assert toy.findings(store) == []
    asked = whole.asked
    whole.run(store)
    assert whole.asked == asked


def test_what_is_left_fails_the_takedown(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    note = Path(store.url, "cache", "note.txt")
    with monkeypatch.context() as patched:
        patched.setattr(module, "refresh_summaries", lambda store: note.write_text(A))
        with pytest.raises(StageError, match=r"cache/note\.txt still"):
            go(store, urls=(A,))
    assert list(Path(store.url).glob("takedowns/pending-*"))
    note.unlink()
    assert not go(store, urls=(A,)).nothing
    assert not list(Path(store.url).glob("takedowns/pending-*"))


def test_a_stage_at_work_refuses_it(store: Store) -> None:
    # another process' lease, written by hand
    path = Path(store.url, "locks", "caption", "0-of-1-elsewhere-1.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    lease = {"stage": "caption", "index": 0, "count": 1, "host": "elsewhere", "pid": 1}
    path.write_text(json.dumps({**lease, "started": 0.0, "expires": 1e12}))
    before = toy.contents(store)
    with pytest.raises(LockedError, match="stage caption"):
        go(store, urls=(A,))
    assert toy.contents(store) == before
    path.unlink()
    with hold(store, "caption"):
        pass


def test_a_release_that_cannot_be_made_anew_goes(store: Store) -> None:
    Path(store.url, "stages", "export.json").unlink()
    receipt = go(store, urls=(A,))
    assert "release/" in receipt.removed
    assert any("export again" in warning for warning in receipt.warnings)
    assert not Path(store.url, "release").exists()


def test_a_store_in_memory(whole: Whole) -> None:
    root = Path(whole.store.url)
    store = Store("memory://takedown/store")
    for path in root.rglob("*"):
        if path.is_file():
            name = store.path(str(path.relative_to(root)))
            store.fs.makedirs(name.rsplit("/", 1)[0], exist_ok=True)
            store.fs.pipe_file(name, path.read_bytes())
    needles = traces_of(store, A, COPY)
    assert go(store, urls=(A,)).pictures == 2
    for name in store.fs.find(store.path()):
        data = store.fs.cat_file(name).lower()
        assert not any(needle.lower().encode() in data for needle in needles), name
    assert toy.findings(store) == []
    assert toy.rows(store, "images", Image)


# --- the Hub


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """The stand-in, with a token that may write."""
    with signed_in(monkeypatch, tmp_path) as running:
        yield running


def test_the_hub_follows_and_forgets(store: Store, server: HubServer) -> None:
    needles = traces_of(store, A, COPY)
    release = f"{store.url}/release"
    publish_release(release, Target("org/toys", private=True), merge_card)
    repo = server.repos["org/toys"]
    assert any(needle.encode() in data for needle in needles for data in repo.lfs.values())
    receipt = go(store, urls=(A,), repo="org/toys")
    assert receipt.hub_commit == repo.head.oid
    assert len(repo.commits) == 1
    assert repo.private
    kept = [*repo.lfs.values(), *(e.data for e in repo.head.files.values() if e.data)]
    assert not [n for n in needles for data in kept if n.encode() in data]
    assert {n for n in repo.head.files if n.endswith(".parquet")} == {
        str(path.relative_to(release)) for path in Path(release).rglob("*.parquet")
    }
    assert go(store, urls=(A,), repo="org/toys").hub_commit == receipt.hub_commit


def test_a_hub_that_refuses_keeps_the_journal(store: Store, server: HubServer) -> None:
    with pytest.raises(UsageError, match="org/none: there is no such repository"):
        go(store, urls=(A,), repo="org/none")
    assert list(Path(store.url).glob("takedowns/pending-*"))
    assert "org/none" not in server.repos
    publish_release(f"{store.url}/release", Target("org/none", private=True), merge_card)
    assert go(store, urls=(A,), repo="org/none").hub_commit


# --- the command


def test_the_command_tells_what_went_and_what_stays(store: Store) -> None:
    words = ("--store", store.url, "--reason", "asked by its owner", "--url", A)
    dry = pixmo("takedown", *words, "--dry-run")
    assert dry.exit_code == 0
    assert "would go (nothing was done)" in dry.stdout
    done = pixmo("takedown", *words)
    assert done.exit_code == 0, done.output
    assert "2 pictures, 2 recordings" in done.stdout
    assert SMALL in done.stdout
    assert re.search(r"--phash [0-9a-f]{16} --radius \d", done.stdout)
    assert "run `pixmo report` again" in done.stdout
    assert "urls.jsonl" in done.stdout.replace("\n", "")
    again = pixmo("takedown", *words)
    assert again.exit_code == 0
    assert "the store holds nothing of this; it is denied" in again.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give --url, --sha256, --phash, --annotator or --host"),
        (["--url", "a.jpg"], "--url 'a.jpg' is not a URL"),
        (["--url", ""], "--url '' is not a URL"),
        (["--sha256", "abc"], "--sha256 'abc' is not 64 hex digits"),
        (["--phash", "xyz"], "--phash 'xyz' is not 16 hex digits"),
        (["--url", A, "--radius", "3"], "--radius goes with --phash"),
        (["--phash", "0" * 16, "--radius", "40"], "--radius 40 is not from 0 to 32"),
        (["--host", "http://x/"], "--host 'http://x/' is not a name"),
        (["--annotator", " "], "--annotator '' is not the name"),
        (["--url", A, "--repo", "name"], "--repo 'name' is not ORG/NAME"),
        (["--host", "Asked"], "--reason quotes --host Asked"),
    ],
)
def test_wrong_use_is_one_line(words: list[str], said: str, whole: Whole) -> None:
    before = toy.stamps(Path(whole.store.url))
    assert said in refused("takedown", "--store", whole.store.url, "--reason", "asked", *words)
    assert toy.stamps(Path(whole.store.url)) == before


def test_it_needs_a_reason_and_a_store(store: Store, tmp_path: Path) -> None:
    assert "--reason is empty" in refused(
        "takedown", "--store", store.url, "--reason", " ", "--url", A
    )
    said = refused("takedown", "--store", tmp_path / "none", "--reason", "x", "--url", A)
    assert "there is no store here" in said


def test_a_journal_that_cannot_be_read_says_so(store: Store) -> None:
    path = Path(store.url, "takedowns", "pending-x.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}")
    with pytest.raises(UsageError, match=r"pending-x\.json: not the journal"):
        go(store, urls=(A,))
