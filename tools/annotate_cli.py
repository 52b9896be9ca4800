"""`pixmo annotate`: everything between a person in a browser and a record in the store."""

import typer

from tools.annotate import pull_cli, push_cli, status_cli, up_cli, users_cli

app = typer.Typer(
    help="People: Label Studio for speaking, pointing, asking, counting and preferring.",
    no_args_is_help=True,
)
for verb in (up_cli, push_cli, status_cli, pull_cli):
    verb.register(app)
app.add_typer(users_cli.app, name="users", help="Accounts of annotators.")
