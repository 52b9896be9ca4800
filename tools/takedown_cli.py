"""`pixmo takedown`: what goes, what stays near it, and the receipt, for a person to read."""

import json
from typing import Annotated

import typer
from rich.markup import escape

from pipelines.takedown.plan import Plan
from schemas.errors import UsageError
from schemas.store import Store
from schemas.takedown import FOLDER, Receipt, TakedownRequest
from tools import flags
from tools.console import out, plain_errors
from tools.summary import new_table
from tools.takedown import take_down

MOST_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    flags.beam_command(app)(takedown)


def takedown(
    context: typer.Context,
    store: flags.StoreOption,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; the receipt keeps it, so quote no URL.")
    ],
    url: Annotated[
        list[str], typer.Option(metavar="URL", help="A picture and its copies; repeatable.")
    ] = [],  # noqa: B006
    sha256: Annotated[
        list[str], typer.Option(metavar="HEX", help="All pictures of these bytes; repeatable.")
    ] = [],  # noqa: B006
    phash: Annotated[
        list[str],
        typer.Option(metavar="HEX", help="Pictures like this, turned or not; repeatable."),
    ] = [],  # noqa: B006
    radius: Annotated[
        int | None, typer.Option(metavar="N", help="Bits that --phash may differ by; 0: none.")
    ] = None,
    annotator: Annotated[
        list[str],
        typer.Option(metavar="NAME", help="Their recordings, by name or pseudonym; repeatable."),
    ] = [],  # noqa: B006
    host: Annotated[
        list[str],
        typer.Option(metavar="HOST", help="All pictures of a host and below it; repeatable."),
    ] = [],  # noqa: B006
    repo: Annotated[
        str,
        typer.Option(metavar="ORG/NAME", help="Publish the new release there, without history."),
    ] = "",
    workers: flags.Workers = 0,
    dry_run: flags.DryRun = False,
) -> None:
    """Remove pictures, a person or a host from everything, and keep them out."""
    with plain_errors():
        if radius is not None and not phash:
            raise UsageError("--radius goes with --phash: a URL or a checksum has no distance")
        selectors = (url, sha256, phash, annotator, host)
        urls, sha256s, phashes, annotators, hosts = (_stripped(values) for values in selectors)
        request = TakedownRequest(
            reason, urls, sha256s, phashes, radius or 0, annotators, hosts, repo.strip()
        )
        run = flags.make_run(context, store, workers, dry=dry_run)
        show_receipt(run.store, take_down(run, request, _tell), dry_run)


def _stripped(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.strip() for value in values))


def _tell(plan: Plan) -> None:
    """Say what goes, and what stays although it looks the same."""
    out.print(
        f"takedown {plan.takedown_id}: {plan.pictures} pictures, {plan.recordings} recordings, "
        f"{len(plan.answers)} cached answers",
        highlight=False,
    )
    if not plan.near:
        return
    out.print(f"\n{len(plan.near)} near-duplicates stay; look at them:")
    for picture in plan.near[:MOST_SHOWN]:
        text = f"  {picture.distance:2} bits  {picture.image_url}"
        out.print(text, highlight=False, markup=False, soft_wrap=True)
    if len(plan.near) > MOST_SHOWN:
        out.print(f"  and {len(plan.near) - MOST_SHOWN} more")
    farthest = max(picture.distance for picture in plan.near)
    for phash in sorted({picture.phash for picture in plan.near}):
        out.print(f"to take them down too: --phash {phash} --radius {farthest}", highlight=False)


def show_receipt(store: Store, receipt: Receipt, dry: bool = False) -> None:
    """Print a receipt as a table, and what is left for the person to do."""
    if receipt.tables:
        table = new_table("would go (nothing was done)" if dry else "taken down", "table")
        for name in ("records", "rejects"):
            table.add_column(name, justify="right")
        for gone in receipt.tables:
            table.add_row(gone.table, str(gone.records), str(gone.rejects))
        out.print(table)
    for line in _lines(store, receipt, dry):
        out.print(escape(line), highlight=False, soft_wrap=True)


def _lines(store: Store, receipt: Receipt, dry: bool) -> list[str]:
    lines = [f"warning: {warning}" for warning in receipt.warnings]
    if receipt.nothing:
        kept = "would be denied" if dry else "is denied, so that it never comes in"
        lines.append(f"the store holds nothing of this; it {kept}")
    elif dry:
        lines.append(f"{receipt.answers} cached answers would go; the release would be made anew")
    else:
        lines += _done(receipt)
    if receipt.captions:
        lines.append(
            f"{len(receipt.captions)} pictures lost their caption and have other transcripts: run "
            "`pixmo caption` again"
        )
    if receipt.hub_commit:
        lines.append(f"the Hub follows at commit {receipt.hub_commit}")
    if lists := _lists(store):
        lines.append(f"your own lists may still name it: {', '.join(lists)}")
    if receipt.takedown_id and not dry:
        lines.append(f"receipt: {store.url}/{FOLDER}/{receipt.takedown_id}.json")
    return lines


def _done(receipt: Receipt) -> list[str]:
    lines = [
        f"{receipt.answers} cached answers went, {len(receipt.rewritten)} files were rewritten, "
        f"{len(receipt.release)} files of the release changed"
    ]
    if "report/" in receipt.removed:
        lines.append("the report showed it and was removed: run `pixmo report` again")
    return lines


def _lists(store: Store) -> list[str]:
    """What was imported into the store, as it was named."""
    found: dict[str, str] = {}
    for table in ("sources/images", "sources/recordings"):
        path = store.path(table, "_imports.json")
        if store.fs.exists(path):
            found |= json.loads(store.fs.cat_file(path))
    return sorted(found)
