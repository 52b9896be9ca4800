"""`pixmo annotate users`: accounts of annotators."""

from typing import Annotated

import typer

from annotation.servers import users
from tools.annotate.flags import HomeFlag, home_of
from tools.console import out, plain_errors
from tools.summary import new_table

app = typer.Typer(help="Accounts of annotators.", no_args_is_help=True)
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="What they log in with.")]


@app.command("add")
def add(names: Names, home: HomeFlag = None) -> None:
    """Create accounts, or let disabled ones in again; passwords go to a file of mode 600."""
    with plain_errors():
        place = home_of(home)
        for added in users.add_users(place, names):
            _line(f"{added.annotator.email}: {added.what}")
        _line(f"passwords: {place.accounts}, which only you can read")


@app.command("disable")
def disable(names: Names, home: HomeFlag = None) -> None:
    """Lock accounts out, at once; what they did stays."""
    with plain_errors():
        for ended in users.disable_users(home_of(home), names):
            _line(f"{ended.email}: locked out")


@app.command("list")
def list_users(home: HomeFlag = None) -> None:
    """Show accounts with their pseudonyms."""
    with plain_errors():
        table = new_table("accounts", "login", "pseudonym", "state")
        for one in users.list_users(home_of(home)):
            table.add_row(one.email, one.pseudonym, "active" if one.active else "locked out")
        out.print(table)


def _line(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)
