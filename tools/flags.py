"""The flags that verbs share, as annotated types: one name and one help text for each."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from schemas.errors import MissingPart, UsageError
from schemas.files import open_fs
from schemas.store import Store
from schemas.tables import TABLES
from tools.stages import Run

StoreOption = Annotated[
    str, typer.Option("--store", metavar="URL", help="The store: a folder, gs:// or s3://.")
]
Workers = Annotated[
    int,
    typer.Option("--workers", min=0, metavar="N", help="Worker processes; 0: the stage chooses."),
]
ShardOption = Annotated[
    str, typer.Option("--shard", help="Do only this share of the parts, e.g. 0/4.", metavar="I/N")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and do nothing.")]
RowsPerPart = Annotated[
    int,
    typer.Option(
        "--rows-per-part", min=1, metavar="N", help="Input rows per part; new parts only."
    ),
]
MaxRejects = Annotated[
    float,
    typer.Option(
        "--max-rejects", min=0, max=1, metavar="SHARE", help="Fail when more than this is rejected."
    ),
]
AllowHost = Annotated[
    list[str],
    typer.Option(
        "--allow-host", metavar="HOST", help="A private host that may be reached; repeatable."
    ),
]
ConnectTo = Annotated[
    list[str],
    typer.Option("--connect-to", metavar="HOST=ADDRESS:PORT", help="Reach HOST there; repeatable."),
]
LlmBaseUrl = Annotated[
    str,
    typer.Option(
        "--llm-base-url",
        metavar="URL",
        help="OpenAI-compatible; empty: the small embedded model.",
    ),
]
LlmModel = Annotated[
    str, typer.Option("--llm-model", metavar="NAME", help="The model's name there.")
]
ApiKeyEnv = Annotated[
    str, typer.Option("--api-key-env", metavar="NAME", help="Environment variable with the key.")
]
Concurrency = Annotated[
    int, typer.Option("--concurrency", min=1, metavar="N", help="Requests at once.")
]
BudgetTokens = Annotated[
    int,
    typer.Option(
        "--budget-tokens",
        min=0,
        metavar="N",
        help="Stop cleanly after so many; 0: no limit.",
    ),
]
BatchWrite = Annotated[
    str,
    typer.Option(
        "--batch-write",
        metavar="FOLDER",
        help="Write requests there as OpenAI Batch files; call nobody.",
    ),
]
Annotations = Annotated[
    list[str],
    typer.Option(
        metavar="FILE",
        help="Rows as `annotate pull` writes them, or a JSON export of Label Studio; repeatable.",
    ),
]
PolicyFile = Annotated[
    str,
    typer.Option("--policy", metavar="FILE", help="Limits on tags; else as last time."),
]
Images = Annotated[
    Literal["embed", "url"] | None,
    typer.Option("--images", help="Embed pictures, or URLs only; embed unless set before."),
]
License = Annotated[
    str | None,
    typer.Option("--license", metavar="TEXT", help="Licence of what people said and wrote."),
]
EmbeddingRight = Annotated[
    str | None,
    typer.Option(
        "--embedding-right",
        metavar="TEXT",
        help="The right to publish the pictures themselves, in words.",
    ),
]
Validation = Annotated[
    float | None,
    typer.Option("--validation", min=0, max=1, metavar="SHARE", help="Drawn once, then kept."),
]
Test = Annotated[
    float | None,
    typer.Option("--test", min=0, max=1, metavar="SHARE", help="Drawn once, then kept."),
]
RowsPerShard = Annotated[
    int | None,
    typer.Option(
        "--rows-per-shard", min=0, metavar="N", help="0: 2000 with pictures, else 100000."
    ),
]
RecipeFile = Annotated[Path, typer.Argument(help="The recipe, a YAML file.", metavar="RECIPE")]


def beam_command(
    app: typer.Typer, name: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The decorator of a verb that hands what follows `--` to Beam; `name` if not its own."""
    beam = {"allow_extra_args": True}
    return app.command(name, context_settings=beam, options_metavar="[OPTIONS] [-- BEAM FLAGS]")


def make_run(
    context: typer.Context,
    store: str,
    workers: int,
    shard: str = "0/1",
    dry: bool = False,
    new_store: bool = False,
) -> Run:
    """A run from the common flags and from what followed `--`; only some verbs make a store."""
    index, count, beam = *parse_shard(shard), beam_flags(context)
    opened = Store(usable(store, "--store")) if new_store else existing(store)
    return Run(opened, workers, beam, index, count, dry)


def with_batch(run: Run, folder: str) -> Run:
    """The run, with batch files in a folder in place of calls where one is named."""
    return replace(run, batch=usable(folder, "--batch-write")) if folder else run


def existing(url: str) -> Store:
    """The store at a URL; UsageError where no table is, so that a typo is not an empty store."""
    store = Store(usable(url, "--store"))
    tables = (name for table in TABLES for name in (table, f"rejects/{table}"))
    if not any(store.part_numbers(name) for name in tables):
        raise UsageError(f"{url}: there is no store here; `pixmo ingest` makes one")
    return store


def usable(url: str, flag: str) -> str:
    """The URL when there is a file system for it; UsageError or MissingPart names the flag."""
    if not url.strip():
        raise UsageError(f"{flag} is empty")
    try:
        open_fs(url)
    except ImportError as error:
        raise MissingPart(f"{flag} {url}: {error} (see the extras gcp and s3 of pixmo)") from error
    except ValueError as error:
        raise UsageError(f"{flag} {url}: {error}") from error
    return url


def beam_flags(context: typer.Context) -> tuple[str, ...]:
    """What followed `--`; UsageError for a stray argument."""
    stray = [word for word in context.args if not word.startswith("--")]
    if stray:
        raise UsageError(
            f"unexpected argument {stray[0]!r}; Beam flags after -- are written --name=value"
        )
    return tuple(context.args)


def parse_shard(text: str) -> tuple[int, int]:
    """`I/N` as numbers with 0 <= I < N."""
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise UsageError(f"--shard {text!r} is not I/N with I from 0 to N-1, e.g. 0/4")
    return int(index), int(count)


def parse_connect_to(pairs: list[str]) -> tuple[tuple[str, str], ...]:
    """`HOST=ADDRESS:PORT` as pairs."""
    split = [pair.partition("=") for pair in pairs]
    if wrong := [pair for pair, (_, sign, _) in zip(pairs, split, strict=True) if not sign]:
        raise UsageError(f"--connect-to {wrong[0]!r} is not HOST=ADDRESS:PORT")
    return tuple((host, address) for host, _, address in split)
