"""`pixmo annotate up` and `down`: Label Studio with our settings, started and stopped."""

from typing import Annotated

import typer

from annotation.annotators import write_accounts
from annotation.credentials import load_credentials
from annotation.home import Home, default_home, read_json
from annotation.servers import up as servers
from annotation.servers.launch import ADMIN
from annotation.servers.up_settings import Asked
from annotation.servers.users import list_users
from tools.annotate.flags import HomeFlag, home_of
from tools.console import err, out, plain_errors


def register(app: typer.Typer) -> None:
    """Add the verbs to the group."""
    app.command("up")(up)
    app.command("down")(down)


def up(
    store: Annotated[str, typer.Option("--store", metavar="URL", help="The store to work on.")],
    home: HomeFlag = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=1, max=65535, help="Where Label Studio listens; 8080 at first."),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            metavar="URL",
            help="postgresql://USER@HOST:PORT/NAME; the password comes from "
            "PIXMO_STUDIO_DATABASE_PASSWORD. Without it, SQLite.",
        ),
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option("--public-url", metavar="URL", help="https:// address of a proxy in front."),
    ] = None,
    llm_base_url: Annotated[
        str | None, typer.Option("--llm-base-url", help="The text model behind the ask loop.")
    ] = None,
    llm_model: Annotated[str | None, typer.Option("--llm-model", help="Its name.")] = None,
    api_key_env: Annotated[
        str | None, typer.Option("--api-key-env", help="The variable that holds its key.")
    ] = None,
) -> None:
    """Start Label Studio for a store, installed on first use; prints its URL and accounts.

    A flag that is not given keeps what it was given before; an empty text drops it. The same
    command again starts what does not run, and starts anew what runs with other settings.
    """
    with plain_errors():
        place = home_of(home)
        texts = (database, public_url, llm_base_url, llm_model, api_key_env)
        standing = servers.up(place, Asked(store, port, *texts), say=_say)
        _show(place, standing)


def _say(line: str) -> None:
    err.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)


def _show(home: Home, standing: servers.Standing) -> None:
    campaign = standing.campaign
    url = campaign.studio.public_url or campaign.studio.url
    write_accounts(home, url, load_credentials(home)["PIXMO_STUDIO_PASSWORD"])
    people = [one.email for one in list_users(home) if one.active]
    began = standing.began
    _line("Label Studio is up" if began else "Label Studio was up already; nothing was changed")
    _line(f"  open       {url}/")
    _line(f"  log in as  {ADMIN}, who sees everything")
    _line(f"  or as      {', '.join(people) or 'nobody yet: add annotators'}")
    _line(f"  passwords  {home.accounts}, which only you can read")
    _line(f"  store      {campaign.store}")
    _line(f"  model      {campaign.llm.model}, {campaign.llm.base_url or 'embedded'}")
    _line(f"  logs       {home.logs}")
    _line(_next(home, people))


def _next(home: Home, people: list[str]) -> str:
    flag = _home_flag(home)
    if not people:
        return f"Next: pixmo annotate users add NAME{flag}"
    if not read_json(home.projects):
        return f"Next: pixmo annotate push cap{flag}"
    return (
        f"Next: open the address, log in with a line of the passwords, do a task, then\n"
        f"      pixmo annotate pull{flag}"
    )


def _home_flag(home: Home) -> str:
    return "" if home.root == home_of(default_home()).root else f" --home {home.root}"


def _line(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def down(home: HomeFlag = None) -> None:
    """Stop Label Studio; nothing that people did is lost."""
    with plain_errors():
        ended = servers.down(home_of(home))
        _line("Label Studio is down" if ended else "Label Studio was not up")
