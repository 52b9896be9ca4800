"""The command `pixmo`: a verb per stage, `run` for a recipe, and verbs to look at a store."""

import sys
from collections.abc import Sequence

from pipelines.services.quick_import import quick_import

with quick_import():
    import typer

    from tools import (
        annotate_cli,
        audit_cli,
        batch_cli,
        cap_qa_cli,
        clocks_cli,
        count_cli,
        decontaminate_cli,
        diff_cli,
        docs_cli,
        eval_set_cli,
        evaluate_cli,
        export_cli,
        inspect_cli,
        models_cli,
        ocr_cli,
        points_cli,
        policy_cli,
        publish_cli,
        report_cli,
        run_cli,
        stage_cli,
        takedown_cli,
    )
    from tools.console import plain_errors

HELP = """Make a PixMo-class dataset: pictures, what people say about them, captions, a release.

Start with [bold]pixmo run recipes/demo.yaml[/], or run the stages one by one on a store:
ingest, recordings, transcribe, caption, dedupe, decontaminate, export all.

The same command again does only what is missing. What follows [bold]--[/] goes to Beam as it is.
Exit status: 0 done, 1 a stage failed or rejected too much, 2 wrong use, 3 the store is in use,
4 a budget is used up.
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    pretty_exceptions_enable=False,
)
stage_cli.register(app)
ocr_cli.register(app)
count_cli.register(app)
points_cli.register(app)
cap_qa_cli.register(app)
clocks_cli.register(app)
docs_cli.register(app)
decontaminate_cli.register(app)
policy_cli.register(app)
export_cli.register(app)
run_cli.register(app)
inspect_cli.register(app)
audit_cli.register(app)
report_cli.register(app)
publish_cli.register(app)
takedown_cli.register(app)
diff_cli.register(app)
app.add_typer(
    annotate_cli.app, name="annotate", help="People: Label Studio and what they do in it."
)
app.add_typer(eval_set_cli.app, name="eval-set", help="Evaluation sets from held-out pictures.")
app.add_typer(batch_cli.app, name="batch", help="Batch files of the text LLM.")
app.add_typer(evaluate_cli.app, name="evaluate", help="How good a model is.")
app.add_typer(models_cli.app, name="models", help="Fetch, list and verify model weights.")


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the console script."""
    with plain_errors():
        app(args=list(argv) if argv is not None else sys.argv[1:])
