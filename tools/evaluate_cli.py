"""`pixmo evaluate`: how good a model is; so far by what people preferred."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column

from annotation.ratings.judgments import Judgment, judgments_of_file, judgments_of_store
from annotation.ratings.leaderboard import Leaderboard, Standing, make_leaderboard
from schemas.errors import UsageError
from tools import flags
from tools.console import err, out, plain_errors
from tools.evaluate.files import write_evaluation
from tools.summary import new_table

app = typer.Typer(help="How good a model is.", no_args_is_help=True)
FOLDER = "evaluation-preference"
_FEW = 20


@app.callback()
def group() -> None:
    """How good a model is."""


@app.command("preference")
def preference(
    store: Annotated[
        str, typer.Option("--store", metavar="URL", help="The store with the judgments.")
    ] = "",
    judgments: Annotated[
        str,
        typer.Option(
            "--judgments",
            metavar="FILE",
            help="JSON lines of model_a, model_b, choice (a, b, both_good, both_bad, cannot_tell) "
            "and prompt_id where known, instead of a store.",
        ),
    ] = "",
    output: Annotated[
        str,
        typer.Option(
            "--output",
            metavar="DIR",
            help=f"Where table and plot go. [default: {FOLDER} in the store, else here]",
            show_default=False,
        ),
    ] = "",
    bootstrap: Annotated[
        int, typer.Option("--bootstrap", min=0, help="Resamples behind the intervals; 0: none.")
    ] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the resampling.")] = 0,
) -> None:
    """Bradley-Terry ratings on the Elo scale, with intervals and win rates, from judgments."""
    with plain_errors():
        found = _judgments(store, judgments)
        board = make_leaderboard(found, bootstrap, seed)
        folder = output or (f"{store.rstrip('/')}/{FOLDER}" if store else FOLDER)
        names = write_evaluation(board, flags.usable(folder, "--output"))
        _show(board)
        out.print(f"{', '.join(names)} in {escape(folder)}", highlight=False, soft_wrap=True)


def _judgments(store: str, file: str) -> list[Judgment]:
    if bool(store) == bool(file):
        raise UsageError("give either --store or --judgments")
    if file:
        return judgments_of_file(flags.usable(file, "--judgments"))
    return judgments_of_store(flags.existing(store))


def _show(board: Leaderboard) -> None:
    table = new_table("preference", "", Column("model", overflow="fold"))
    for name in ("rating", "95%", "games", "won", "tied", "lost", "win rate"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in board.standings:
        table.add_row(str(one.rank), escape(one.model), *_cells(one))
    out.print(table)
    for line in _notes(board):
        out.print(line, highlight=False)
    for line in _warnings(board):
        err.print(f"[yellow]note:[/] {line}", highlight=False)


def _cells(one: Standing) -> tuple[str, ...]:
    known = one.low is not None and one.high is not None
    interval = f"{one.low:.0f} to {one.high:.0f}" if known else "-"
    counts = (str(count) for count in (one.games, one.wins, one.ties, one.losses))
    return (f"{one.rating:.0f}", interval, *counts, f"{one.win_rate:.1%}")


def _notes(board: Leaderboard) -> list[str]:
    decided = board.judgments - board.cannot_tell
    return [
        f"{decided:,} judgments; {board.cannot_tell:,} more say cannot_tell and are left out",
        "ratings: Bradley-Terry, mean 1000; a tie is half a win for both",
        f"intervals: the middle 95% of {board.bootstrap:,} resamples of {board.units:,} "
        f"{board.resampled}, seed {board.seed}",
    ]


def _warnings(board: Leaderboard) -> list[str]:
    found = []
    if board.regularised:
        found.append(
            "a model (or a group of them) never lost or never won against the others, so its "
            "rating has no bound: one tie was added to each pair of models that was compared"
        )
    if board.regularised_resamples:
        found.append(f"the same was needed in {board.regularised_resamples:,} resamples")
    if board.units < _FEW and board.bootstrap:
        found.append(f"{board.units} {board.resampled} are few: the intervals are rough")
    return found
