"""Captions by way of batch files: what is written, what is read, and that nothing is paid twice."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.batch import awaited, awaited_files, forget_awaited, write_stage_requests
from pipelines.batch_answers import BatchReport, BatchSettings, read_batch
from pipelines.caption import CaptionStage
from pipelines.services.batch_files import FileLimits
from pipelines.services.llm_config import LlmConfig
from pipelines.services.llm_usage import read_usages, total_usage
from schemas.errors import UsageError
from schemas.records import Caption, Transcript
from schemas.store import Store
from tests import toy_store as toy
from tests.batch_service import BatchService
from tests.pipelines.toy_stage import options
from tests.toy_llm import ToyLlm, asked_text, echo, field_of, serving_llm
from tests.toy_store import picture, transcript

SAID = {
    "a.png": "A red toy stands on a wooden table beside two blue cups.",
    "b.png": "A green frog sits on a grey stone in a small pond.",
    "c.png": "Three white clouds hang over a yellow field with a lonely tree.",
}
DEAD = "http://127.0.0.1:9/v1"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three pictures in two parts; two people described the first."""
    made = Store(str(tmp_path / "store"))
    toy.put_images(made, {"a.png": picture(1), "b.png": picture(2)}, {"c.png": picture(3)})
    toy.put_transcripts(made, [transcript(name, text) for name, text in SAID.items()])
    toy.put(made, "transcripts", 1, Transcript, [transcript("a.png", "A toy and cups.", "other")])
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "batch"


@pytest.fixture
def llm() -> Iterator[ToyLlm]:
    with serving_llm() as served:
        yield served


def stage(**changes: Any) -> CaptionStage:
    quick = {"base_url": DEAD, "timeout_s": 5.0, "deadline_s": 10.0, "retries": 0}
    prices = {"usd_per_1m_prompt": 2.0, "usd_per_1m_completion": 10.0}
    config = LlmConfig(model="m", **{**quick, **prices, **changes})
    return CaptionStage(config, max_rejects=1.0)


def write(store: Store, folder: Path, **more: Any) -> Any:
    return write_stage_requests(stage(), store, options(), str(folder), **more)


def read(store: Store, *paths: Path, **settings: Any) -> BatchReport:
    return read_batch(store, map(str, paths), BatchSettings(**settings))


def lines_of(folder: Path) -> list[Any]:
    paths = sorted(folder.glob("*.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def captions(store: Store) -> dict[str, Caption]:
    found = toy.rows(store, "captions", Caption)
    return {row.image_url.rsplit("/", 1)[1]: row for row in found}


def through(store: Store, folder: Path, service: BatchService) -> list[int]:
    """Write, answer and read until nothing is left; returns how many requests each round had."""
    rounds = []
    while (written := write(store, folder)).requests:
        rounds.append(written.requests)
        assert len(rounds) < 9, "it never ends"
        for path in written.files:
            read(store, *service.run(Path(path)))
    return rounds


def test_captions_come_from_batches_alone(store: Store, folder: Path) -> None:
    assert through(store, folder, BatchService(twice=True)) == [4, 3]
    assert not store.part_numbers("captions"), "writing commits nothing"
    toy.run(stage(), store)
    made = {name: row.caption for name, row in captions(store).items()}
    both = made.pop("a.png")
    assert SAID["a.png"] in both
    assert "A toy and cups." in both
    assert made == {name: SAID[name] for name in made}
    assert len(made) == 2
    assert not toy.findings(store, "images", "transcripts")
    used = total_usage(read_usages(store))
    assert (used.calls, used.batch_calls, used.cached) == (7, 7, 7)
    assert used.usd == pytest.approx(7 * (100 * 2.0 + 20 * 10.0) / 1e6 / 2)
    assert awaited_files(store) == [], "what was answered is awaited no more"


def test_a_batch_brings_what_calls_would_have_brought(
    store: Store, folder: Path, llm: ToyLlm, tmp_path: Path
) -> None:
    through(store, folder, BatchService())
    sent = write(store, folder)
    assert (sent.requests, sent.ready, sent.files) == (0, 2, ())
    toy.run(stage(), store)
    by_batch = toy.contents(store)
    for path in (Path(store.url) / "cache/llm").rglob("*.json"):
        path.unlink()
    for number in store.part_numbers("captions"):
        store.fs.rm(store.part_path("captions", number))
    toy.run(stage(base_url=llm.base_url), store)
    assert toy.contents(store) == by_batch
    assert llm.calls == 7


def test_a_line_holds_what_a_call_would_post(store: Store, folder: Path, llm: ToyLlm) -> None:
    write(store, folder)
    toy.run(stage(base_url=llm.base_url), store)
    called = [body for body in llm.bodies if field_of(body) == "text"]
    key = json.dumps
    assert sorted((line["body"] for line in lines_of(folder)), key=key) == sorted(called, key=key)


def test_calls_and_batches_can_take_turns(store: Store, folder: Path, llm: ToyLlm) -> None:
    (path,) = write(store, folder).files
    read(store, *BatchService().run(Path(path)))
    toy.run(stage(base_url=llm.base_url), store)
    assert set(llm.fields()) == {"caption"}, "what the batch answered is not asked again"
    assert write(store, folder).requests == 0


def test_a_refused_answer_is_asked_for_again_in_the_next_round(store: Store, folder: Path) -> None:
    def first_badly(body: Any) -> str:
        again = "refused" in body["messages"][1]["content"]
        return echo(body) if again or "frog" not in asked_text(body) else "prose"

    assert through(store, folder, BatchService(answer=first_badly)) == [4, 3, 1, 1]
    toy.run(stage(), store)
    assert captions(store)["b.png"].prompt_tokens == 400


def test_what_failed_is_told_by_reason_and_written_again(store: Store, folder: Path) -> None:
    (path,) = write(store, folder).files

    def fails(body: Any) -> str:
        return {"frog": "expired", "clouds": "400"}.get(_word(body), "")

    report = read(store, *BatchService(fails=fails).run(Path(path)))
    assert (report.taken, dict(report.failed)) == (2, {"batch_expired": 1, "http_400": 1})
    assert "window expired" in report.examples["batch_expired"]
    assert "no such thing" in report.examples["http_400"]
    again = write(store, folder)
    assert (again.requests, again.before, again.rows) == (3, 2, 3), "two again, and a's caption"
    assert through(store, folder, BatchService()) == [3, 2]


def _word(body: Any) -> str:
    return next((word for word in ("frog", "clouds") if word in asked_text(body)), "")


def test_what_another_model_answered_is_not_taken(store: Store, folder: Path) -> None:
    (path,) = write(store, folder).files
    report = read(store, *BatchService(served_as="other").run(Path(path)))
    assert (report.taken, dict(report.failed)) == (0, {"another_model": 4})
    assert "other in place of m" in report.examples["another_model"]
    read(store, *BatchService(served_as="m-mini").run(Path(path)))
    assert write(store, folder).requests == 4
    dated = read(store, *BatchService(served_as="m-2026-01-31").run(Path(path)))
    assert dated.taken == 4


def test_a_service_may_know_the_model_by_another_name(store: Store, folder: Path) -> None:
    (path,) = write(store, folder).files
    files = BatchService(served_as="deployment-7").run(Path(path))
    assert read(store, *files, served_as="deployment-7").taken == 4


def test_answers_to_nothing_asked_are_not_taken(store: Store, folder: Path, tmp_path: Path) -> None:
    (path,) = write(store, folder).files
    output, _ = BatchService().run(Path(path))
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    lines[0]["custom_id"] = "0" * 32
    lines[1]["custom_id"] = "../../stages/caption"
    output.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = read(store, output)
    assert (report.taken, dict(report.passed_over)) == (2, {"unknown_id": 2})


def test_after_a_takedown_nothing_that_was_sent_comes_in(store: Store, folder: Path) -> None:
    (path,) = write(store, folder).files
    forget_awaited(store)
    report = read(store, *BatchService().run(Path(path)))
    assert (report.taken, report.passed_over["unknown_id"]) == (0, 4)
    assert not (Path(store.url) / "cache/llm").exists()


def test_reading_twice_takes_and_counts_once(store: Store, folder: Path) -> None:
    (path,) = write(store, folder).files
    files = BatchService(twice=True).run(Path(path))
    first, again = read(store, *files), read(store, *files, *files)
    assert (first.taken, dict(first.passed_over)) == (4, {"doubled": 2})
    assert (again.taken, dict(again.passed_over)) == (0, {"answered_before": 12})
    assert total_usage(read_usages(store)).calls == 4


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"custom_id": "x", "resp', "bad_line"),
        (b"[1, 2]", "bad_line"),
        (b'{"id": "b"}', "bad_line"),
        (b"\xff\xfe", "bad_line"),
        (b'{"custom_id": 7}', "bad_line"),
        (b"[" * 100_000, "bad_line"),
    ],
)
def test_half_a_line_costs_itself_alone(
    store: Store, folder: Path, bad: bytes, reason: str
) -> None:
    (path,) = write(store, folder).files
    output, _ = BatchService().run(Path(path))
    output.write_bytes(output.read_bytes() + bad)
    report = read(store, output)
    assert (report.taken, dict(report.failed)) == (4, {reason: 1})
    assert f"{output}:5" in report.examples[reason]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"response": None}, "no_response"),
        ({"response": {"status_code": 200, "body": None}}, "no_completion"),
        ({"response": {"status_code": 200, "body": {"choices": []}}}, "no_completion"),
        ({"response": {"status_code": 500, "body": "oh"}}, "http_500"),
        ({"response": None, "error": "late"}, "error"),
        ({"response": None, "error": {"code": "token_limit/exceeded"}}, "token_limit_exceeded"),
    ],
)
def test_a_line_without_an_answer_has_a_reason(
    store: Store, folder: Path, change: Any, reason: str
) -> None:
    (path,) = write(store, folder).files
    output, _ = BatchService().run(Path(path))
    lines = [json.loads(line) | change for line in output.read_text().splitlines()]
    output.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert dict(read(store, output).failed) == {reason: 4}


def test_wrong_files_are_told(store: Store, folder: Path, tmp_path: Path) -> None:
    (path,) = write(store, folder).files
    with pytest.raises(UsageError, match="a file of requests"):
        read(store, Path(path))
    with pytest.raises(UsageError, match="no such file"):
        read(store, tmp_path / "none.jsonl")


def test_files_are_the_same_again_and_of_bounded_size(store: Store, folder: Path) -> None:
    first = write(store, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write(store, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert list(before) == ["requests-caption-00000.jsonl"]
    assert len(awaited_files(store)) == 1
    assert first.requests == len(awaited(store)) == 4

    small = write(store, folder, limits=FileLimits(requests=3))
    assert [Path(path).name[-11:-6] for path in small.files] == ["00000", "00001"]
    assert [len(Path(path).read_text().splitlines()) for path in small.files] == [3, 1]
    size = max(map(len, before["requests-caption-00000.jsonl"].splitlines(keepends=True)))
    tiny = write(store, folder, limits=FileLimits(bytes=size))
    assert len(tiny.files) == 4
    assert all(Path(path).stat().st_size <= size for path in tiny.files)
    write(store, folder)
    assert [path.name for path in folder.iterdir()] == list(before), "those of before are gone"


def test_other_files_in_the_folder_stay(store: Store, folder: Path) -> None:
    folder.mkdir()
    names = ["requests-cap-qa-00000.jsonl", "requests-caption-00000.output", "notes.txt"]
    for name in names:
        (folder / name).write_text("x")
    write(store, folder)
    assert all((folder / name).read_text() == "x" for name in names)


def test_a_run_that_dies_leaves_no_file(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.batch._remember", _die)
    with pytest.raises(OSError, match="gone"):
        write(store, folder)
    assert not any(folder.iterdir())


def _die(*arguments: Any) -> None:
    raise OSError("gone")


def test_a_shard_writes_files_of_its_own(store: Store, folder: Path) -> None:
    names = []
    for index in range(2):
        share = replace(options(), index=index, count=2)
        written = write_stage_requests(stage(), store, share, str(folder))
        names += [Path(path).name for path in written.files]
    assert names == [f"requests-caption-{n}-of-2-00000.jsonl" for n in range(2)]
    assert len(lines_of(folder)) == 4


def test_the_embedded_model_is_not_started(store: Store, folder: Path) -> None:
    embedded = CaptionStage(LlmConfig(model="no-such-model"))
    written = write_stage_requests(embedded, store, options(), str(folder))
    assert written.requests == 4
