"""`pixmo annotate pull`: what people did, into the store's tables."""

from typing import Annotated

import typer

from annotation.campaign import load_campaign
from annotation.home import Home
from annotation.pull.pull import Pulled
from pipelines.recordings import Recordings
from pipelines.run_stage import StageResult
from tools import flags
from tools import pull as pulling
from tools.annotate.flags import HomeFlag, StoreFlag, home_of
from tools.console import out, plain_errors
from tools.recipe import PullRecipe
from tools.stages import Run
from tools.summary import show_summary


def register(app: typer.Typer) -> None:
    """Add the verb to the group."""
    app.command("pull")(pull)


def pull(
    store: StoreFlag = None,
    home: HomeFlag = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on pulling as people submit, until interrupted.")
    ] = False,
    workers: flags.Workers = 0,
) -> None:
    """Bring new and changed annotations into the store; every one ends as rows or a reject."""
    with plain_errors():
        place = home_of(home)
        run = Run(flags.existing(store or load_campaign(place).store), workers)
        section = PullRecipe(home=str(place.root))
        if watch:
            pulling.watch(run, section, _say_new)
            return
        pulled, results = pulling.pull(run, section)
        _show(run, place, pulled, results)


def _say_new(pulled: list[Pulled]) -> None:
    for one, line in zip(pulled, pulling.lines_of(pulled), strict=True):
        if one.rows:
            out.print(line, highlight=False)


def _show(run: Run, home: Home, pulled: list[Pulled], results: list[StageResult]) -> None:
    for line in pulling.lines_of(pulled):
        out.print(line, highlight=False)
    if not pulled:
        out.print("no project yet: `pixmo annotate push KIND` makes one")
    shown = [result for result in results if result.infos]
    if shown:
        show_summary(shown)
    left, unfinished = pulling.left_recordings(run.store, home)
    if left:
        said = f"{left} recordings belong to no annotation ({unfinished} of them were broken off)"
        out.print(f"{said}; they are kept in {home.recordings}", highlight=False, soft_wrap=True)
    spoken = next((r for r in results if r.stage == Recordings.name), None)
    if spoken and spoken.ran:
        out.print(f"Now run `pixmo transcribe --store {run.store.url}`", soft_wrap=True)
