"""The command as it is typed: help, options, and everything that can be typed wrongly."""

from pathlib import Path
from typing import Any

import pytest
import typer

from pipelines.subsets.registry import EXPORTS
from schemas.errors import StopRun
from schemas.store import Store
from tests import toy_store
from tests.tools.in_process import pixmo, refused, refused_options
from tools import cli
from tools.console import plain_errors
from tools.flags import parse_connect_to, parse_shard

ROOT = Path(__file__).parents[2]
URLS = ROOT / "samples" / "urls.parquet"

# A flag is a promise: adding or dropping one is done here too, in the docs and in the changelog.
OPTIONS = {
    "ingest": "--urls --store --recheck-optout --rows-per-part --workers --shard --allow-host"
    " --connect-to --contact --per-host --rate --deadline --robots --no-robots --opt-out"
    " --no-opt-out --max-rejects --dry-run",
    "recordings": "--manifest --store --min-seconds --rows-per-part --workers --shard --max-rejects"
    " --dry-run",
    "transcribe": "--store --model --device --compute-type --language --workers --shard"
    " --max-rejects --dry-run",
    "caption": "--store --llm-base-url --llm-model --api-key-env --concurrency --budget-tokens"
    " --workers --shard --max-rejects --batch-write --dry-run",
    "cap-qa": "--store --questions --styles --llm-base-url --llm-model --api-key-env --concurrency"
    " --budget-tokens --workers --shard --max-rejects --batch-write --dry-run",
    "ocr": "--store --min-score --workers --shard --max-rejects --dry-run",
    "points": "--store --annotations --published --rows-per-part --workers --shard --max-rejects"
    " --dry-run",
    "point-explanations": "--store --annotations --published --rows-per-part --workers --shard"
    " --max-rejects --dry-run",
    "ask-model-anything": "--store --annotations --published --rows-per-part --workers --shard"
    " --max-rejects --dry-run",
    "eval-set points": "--store --output --split --masks --images",
    "count": "--store --annotations --detector --threshold --per-count --most --workers --shard"
    " --max-rejects --dry-run",
    "docs": "--store --personas --tools --per-persona --seed --max-side --scale"
    " --run-untrusted-code-without-sandbox --llm-base-url --llm-model --api-key-env --concurrency"
    " --budget-tokens --rows-per-part --workers --shard --max-rejects --batch-write --dry-run",
    "clocks": "--store --count --seed --size --augment --no-augment --wording --rows-per-part"
    " --workers --shard --dry-run",
    "dedupe": "--store --radius --orientations --no-orientations --workers --dry-run",
    **{
        f"export {name}": "--store --images --license --embedding-right --validation --test"
        " --rows-per-shard --policy --workers --dry-run"
        for name in ("all", *EXPORTS)
    },
    "decontaminate": "--store --against --radius --crops --no-crops --ngram --workers --dry-run",
    "policy": "--store --policy --workers --dry-run",
    "report": "--store --output --workers",
    "publish": "--release --repo --private --dry-run",
    "takedown": "--store --reason --url --sha256 --phash --radius --annotator --host --repo"
    " --workers --dry-run",
    "diff": "--json --limit",
    "run": "--stage --workers --shard --batch-write --dry-run",
    "status": "--store",
    "rejects": "--store --stage --reason --limit --json",
    "retry": "--store --stage --reason --workers --allow-host --connect-to",
    "audit": "--store --release --workers --json",
    "annotate up": "--store --home --port --database --public-url --llm-base-url --llm-model"
    " --api-key-env",
    "annotate down": "--home",
    "annotate push": "--store --home --overlap --limit --gold --min-seconds --collection-method"
    " --candidates --ocr --answers",
    "annotate pull": "--store --home --watch --workers",
    "annotate status": "--store --home --json",
    "annotate users add": "--home",
    "annotate users disable": "--home",
    "annotate users list": "--home",
    "evaluate preference": "--store --judgments --output --bootstrap --seed",
    "batch read": "--store --price --served-as",
    "eval-set captions": "--store --output --split --transcripts --images --llm-base-url"
    " --llm-model --api-key-env --concurrency --budget-tokens --batch-write",
    "models fetch": "--force --no-force",
    "models list": "",
    "models verify": "",
}
WITH_BEAM = (
    "ingest",
    "recordings",
    "transcribe",
    "caption",
    "cap-qa",
    "ocr",
    "count",
    "points",
    "point-explanations",
    "ask-model-anything",
    "docs",
    "clocks",
    "dedupe",
    *(f"export {name}" for name in ("all", *EXPORTS)),
    "decontaminate",
    "policy",
    "takedown",
    "run",
    "retry",
)


def commands(group: Any, prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        inner = commands(command, f"{prefix}{name} ") if hasattr(command, "commands") else {}
        found |= inner or {f"{prefix}{name}": command}
    return found


COMMANDS = commands(typer.main.get_command(cli.app))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with one picture."""
    url = str(tmp_path_factory.mktemp("store"))
    toy_store.put_images(Store(url), {"a.png": toy_store.picture(1)})
    return url


def test_the_options_of_each_verb_are_these() -> None:
    found = {}
    for name, command in COMMANDS.items():
        options = [p for p in command.params if p.opts[0].startswith("--")]
        found[name] = [word for p in options for word in (*p.opts, *p.secondary_opts)]
    assert {n: sorted(set(words) - {"--help"}) for n, words in found.items()} == {
        name: sorted(words.split()) for name, words in OPTIONS.items()
    }


@pytest.mark.parametrize("verb", OPTIONS)
def test_help_of_each_verb_names_its_options(verb: str) -> None:
    done = pixmo(*verb.split(), "--help")
    assert done.exit_code == 0
    for option in OPTIONS[verb].split():
        assert option in done.output
    words = " ".join(done.output.split())
    told = "BEAM FLAGS" in words or "goes to Beam" in words
    assert told == (verb in WITH_BEAM)


@pytest.mark.parametrize("verb", OPTIONS)
def test_every_option_has_a_help_text(verb: str) -> None:
    for param in COMMANDS[verb].params:
        assert param.help, f"{verb} {param.opts}"


def test_help_tells_of_exit_status_and_verbs() -> None:
    done = pixmo("--help")
    assert done.exit_code == 0
    assert "Exit status: 0 done, 1 a stage failed" in done.output
    for verb in OPTIONS:
        assert f" {verb.split()[0]} " in done.output


def test_without_a_verb_the_help_is_shown() -> None:
    done = pixmo()
    assert done.exit_code == 2
    assert "Usage: " in done.output


@pytest.mark.parametrize("verb", OPTIONS)
def test_unknown_options_are_errors(verb: str) -> None:
    assert "No such option: --bogus" in refused_options(*verb.split(), "--bogus", "3")


def test_an_option_that_is_close_is_named() -> None:
    assert "--store" in refused_options("status", "--stroe", "x")


def test_unknown_verbs_are_errors() -> None:
    assert "Did you mean 'ingest'?" in refused_options("ingset")
    assert "No such command 'pictures'" in refused_options("export", "pictures")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ingest", "--store", "x"], "Missing option '--urls'"),
        (["ingest", "--urls", URLS], "Missing option '--store'"),
        (["ingest", "--urls", URLS, "--store", "x", "--workers", "-1"], "'--workers'"),
        (["ingest", "--urls", URLS, "--store", "x", "--deadline", "soon"], "'--deadline'"),
        (["ingest", "--urls", URLS, "--store", "x", "--rows-per-part", "0"], "'--rows-per-part'"),
        (["ingest", "--urls", URLS, "--store", "x", "--max-rejects", "7"], "'--max-rejects'"),
        (["recordings", "--manifest", "m", "--store", "x", "--min-seconds", "-4"], "min-seconds"),
        (["transcribe", "--store", "x", "--device", "gpu"], "'gpu' is not one of"),
        (["caption", "--store", "x", "--concurrency", "0"], "'--concurrency'"),
        (["dedupe", "--store", "x", "--radius", "99"], "'--radius'"),
        (["export", "cap", "--store", "x", "--images", "png"], "'png' is not one of"),
        (["models", "fetch"], "Missing argument"),
    ],
)
def test_wrong_values_are_refused_by_name(words: list[object], said: str) -> None:
    assert said in refused_options(*words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--urls", "nope.parquet"], "nope.parquet: no such file or folder"),
        (["--urls", ROOT / "README.md"], "give a .parquet, .csv or .jsonl file"),
        (["--urls", ""], "--urls is empty"),
        (["--urls", "foo://x/y.parquet"], "--urls foo://x/y.parquet: Protocol not known: foo"),
        (["--urls", URLS, "--shard", "4/4"], "--shard '4/4' is not I/N"),
        (["--urls", URLS, "--connect-to", "a.test"], "is not HOST=ADDRESS:PORT"),
        (["--urls", URLS, "--connect-to", "a.test=b.test:80"], "'b.test:80' is not ADDRESS:PORT"),
        (["--urls", URLS, "--connect-to", "a.test=127.0.0.1:99999"], "port 99999"),
        (["--urls", URLS, "--allow-host", "http://x/"], "write the name or the address alone"),
        (["--urls", URLS, "--per-host", "1", "--shard", "0/4"], "4 processes divide it"),
        (["--urls", URLS, "stray"], "unexpected argument 'stray'"),
        (["--urls", URLS, "--", "stray"], "Beam flags after -- are written --name=value"),
        (["--urls", URLS, "--contact", "a\nb"], "contact: a control character"),
    ],
)
def test_wrong_use_of_ingest_is_one_line(words: list[object], said: str, tmp_path: Path) -> None:
    assert said in refused("ingest", "--store", tmp_path / "s", *words)
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize("url", ["", "  ", "foo://bucket/store"])
def test_a_store_that_cannot_be(url: str) -> None:
    assert "--store" in refused("ingest", "--urls", URLS, "--store", url)
    assert "--store" in refused("status", "--store", url)


def test_a_url_whose_file_system_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(url: str) -> Any:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("tools.flags.open_fs", not_installed)
    said = refused("ingest", "--urls", "s3://b/x.parquet", "--store", "s3://b/store")
    assert "Install s3fs to access S3 (see the extras gcp and s3 of pixmo)" in said


@pytest.mark.parametrize(
    "verb",
    [
        *("status", "rejects", "audit", "retry", "transcribe", "caption", "dedupe", "export cap"),
        *("transcribe --dry-run", "recordings --manifest samples/recordings.jsonl"),
    ],
)
@pytest.mark.parametrize("folder", ["none", "empty", "other"])
def test_verbs_that_need_a_store_make_none(verb: str, folder: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("no store")
    before = sorted(tmp_path.rglob("*"))
    said = refused(*verb.split(), "--store", tmp_path / folder)
    assert said.endswith(f"{folder}: there is no store here; `pixmo ingest` makes one")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["recordings", "--manifest", "nope.jsonl"], "nope.jsonl: no such file or folder"),
        (["recordings", "--manifest", ""], "--manifest is empty"),
        (["caption", "--llm-base-url", "llm.test"], "base_url 'llm.test' is no http(s) URL"),
        (["caption", "--budget-tokens", "5", "--shard", "1"], "--shard '1' is not I/N"),
        (["export", "cap", "--validation", "0.7", "--test", "0.6"], "together they are at most 1"),
        (["rejects", "--stage", "ingset"], "no stage is called ingset; stages: sources-images"),
        (["retry", "--stage", "ingset"], "no stage is called ingset; stages: ingest"),
        (["retry", "--stage", "caption"], "stage caption has not been run on"),
        (["retry", "--connect-to", "x"], "is not HOST=ADDRESS:PORT"),
    ],
)
def test_wrong_use_on_a_store_is_one_line(words: list[str], said: str, store: str) -> None:
    assert said in refused(*words, "--store", store)


def test_models_of_no_such_name_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["models", "verify", "tinny.en"])
    assert ended.value.code == 2
    assert "no model named 'tinny.en'" in capsys.readouterr().err


def test_errors_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, plain_errors():
        raise StopRun(r"[bold]not markup[/] a[0] \[x]")
    assert ended.value.code == StopRun.exit_status
    assert capsys.readouterr().err == "error: [bold]not markup[/] a[0] \\[x]\n"


def test_ctrl_c_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, plain_errors():
        raise KeyboardInterrupt
    assert ended.value.code == 130
    assert "run the same command again" in capsys.readouterr().err


def test_flags_that_are_read_by_hand() -> None:
    assert parse_shard("3/4") == (3, 4)
    assert parse_connect_to(["a.test=[::1]:80", "b=1.2.3.4:5"]) == (
        ("a.test", "[::1]:80"),
        ("b", "1.2.3.4:5"),
    )
