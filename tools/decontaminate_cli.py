"""`pixmo decontaminate`: rows that come near an evaluation set are tagged, with the evidence."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column

from pipelines.run_stage import StageResult
from pipelines.steps.evaluation_rows import PICTURE
from schemas.errors import UsageError
from schemas.records import Contamination, EvaluationMatch
from schemas.store import Store
from tools import flags, recipe, stages
from tools.console import out, plain_errors
from tools.run_cli import show_plan
from tools.summary import new_table, show_summary

EXAMPLES = 3  # of a benchmark and table
_DEFAULT = recipe.DecontaminateRecipe()


@dataclass
class Benchmark:
    """What a store holds of one benchmark, and the rows that come near it, by table."""

    pictures: int = 0
    texts: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[tuple[str, EvaluationMatch]]] = field(default_factory=dict)

    def all_examples(self) -> list[tuple[str, EvaluationMatch]]:
        """The examples of all tables."""
        return [example for found in self.examples.values() for example in found]


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    flags.beam_command(app)(decontaminate)


def decontaminate(
    context: typer.Context,
    store: flags.StoreOption,
    against: Annotated[
        list[str],
        typer.Option(
            metavar="SET",
            help="A folder, a Parquet, CSV or JSONL file, or org/name on the Hub; repeatable. "
            "Without: the sets that the store knows.",
        ),
    ] = [],  # noqa: B006 (typer copies it)
    radius: Annotated[
        int, typer.Option(min=0, max=16, metavar="BITS", help="Bits of 64 that may differ.")
    ] = _DEFAULT.radius,
    crops: Annotated[bool, typer.Option(help="Also find crops, both ways round.")] = _DEFAULT.crops,
    ngram: Annotated[
        int, typer.Option(min=1, max=100, metavar="N", help="Words in a row that are an overlap.")
    ] = _DEFAULT.ngram,
    workers: flags.Workers = 0,
    dry_run: flags.DryRun = False,
) -> None:
    """Tag rows that come near an evaluation set: pictures, turned or cropped, and texts."""
    with plain_errors():
        run = flags.make_run(context, store, workers, dry=dry_run)
        for name in against:
            if not name.strip():
                raise UsageError("--against is empty")
        section = recipe.DecontaminateRecipe(
            tuple(against), radius=radius, crops=crops, ngram=ngram
        )
        results = [stages.evaluation(run, section)]
        compared = [stages.compare(run, stage) for stage in stages.comparisons(section)]
        results += [result for result in compared if result.infos or result.ran]
        if dry_run:
            show_plan(results)
        else:
            show_summary(results)
            show_benchmarks(run.store, results[1:])


def show_benchmarks(store: Store, results: list[StageResult]) -> None:
    """Print per benchmark how many rows come near it, and a few of them with the evidence."""
    found = benchmarks_of(store, [result.table for result in results])
    right = [Column(name, justify="right") for name in ("pictures", "texts")]
    near = [Column(_rows_of(result.table), justify="right") for result in results]
    table = new_table("near an evaluation set", Column("benchmark", overflow="fold"), *right, *near)
    for name, one in sorted(found.items()):
        counts = (one.pictures, one.texts, *(one.rows[result.table] for result in results))
        table.add_row(escape(name), *map(str, counts))
    out.print(table)
    urls = _urls(store, found)
    for name, one in sorted(found.items()):
        if not one.pictures:
            out.print(f"{name}: texts only; addresses of pictures are not fetched", highlight=False)
        for row_id, match in one.all_examples():
            _print_plain(f"{urls.get(row_id, row_id)} {_evidence(match)}")
    _print_plain("tagged rows stay in the store; the policy keeps them out of a release")


def benchmarks_of(store: Store, tables: list[str]) -> dict[str, Benchmark]:
    """What is known of each benchmark; a row counts once for each that it comes near."""
    found: dict[str, Benchmark] = {}
    for name, kind in _items(store):
        one = found.setdefault(name, Benchmark())
        one.pictures += kind == PICTURE
        one.texts += kind != PICTURE
    for table in tables:
        for row in _tagged(store, table):
            for name, match in _nearest(row).items():
                one = found.setdefault(name, Benchmark())
                one.rows[table] += 1
                examples = one.examples.setdefault(table, [])
                if len(examples) < EXAMPLES:
                    examples.append((row.row_id, match))
    return found


def _urls(store: Store, found: dict[str, Benchmark]) -> dict[str, str]:
    """The URLs of the pictures among the examples, which people know them by."""
    wanted = {row_id for one in found.values() for row_id, _ in one.all_examples()}
    urls: dict[str, str] = {}
    for number in store.part_numbers("images") if wanted else []:
        own = store.read_map("images", number, "image_id", "image_url")
        urls |= {key: own[key] for key in wanted & own.keys()}
    return urls


def _items(store: Store) -> Iterator[tuple[str, str]]:
    for number in store.part_numbers("evaluation"):
        rows = store.read("evaluation", number, ["benchmark", "kind"])
        yield from zip(*(column.to_pylist() for column in rows.columns), strict=True)


def _tagged(store: Store, table: str) -> Iterator[Any]:
    for info in store.infos(table):
        for row in store.records(table, info.number, Contamination):
            if row.tags:
                yield row


def _nearest(row: Contamination) -> dict[str, EvaluationMatch]:
    """The first match of a row in each benchmark."""
    nearest: dict[str, EvaluationMatch] = {}
    for match in row.matches:
        nearest.setdefault(match.benchmark, match)
    return nearest


def _rows_of(table: str) -> str:
    return f"{table.split('/', 1)[1]} near it"


def _evidence(match: EvaluationMatch) -> str:
    """What was found, for people."""
    where = f"{match.benchmark}, {match.place}"
    if match.kind == "text":
        return f'shares words with {where}: "{match.detail}"'
    words = {"exact": "has the bytes of", "near": "looks like", "crop": _crop_words(match)}
    turned = f", turned (orientation {match.orientation})" if match.orientation else ""
    detail = f", {match.detail}" if match.detail else ""
    return f"{words[match.kind]} {where}{turned}{detail}, difference {match.grey_difference:.3f}"


def _crop_words(match: EvaluationMatch) -> str:
    """Which of the two pictures is the crop; the detail tells the rectangle."""
    return "is a crop of" if match.detail.startswith("this is") else "holds"


def _print_plain(text: str) -> None:
    out.print(escape(text), highlight=False, soft_wrap=True)
