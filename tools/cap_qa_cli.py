"""`pixmo cap-qa`: questions and answers about pictures, written from their captions."""

from typing import Annotated

import typer

from pipelines.services.llm_config import LlmConfig
from pipelines.steps.cap_qa import CapQaConfig
from tools import flags
from tools.console import plain_errors
from tools.making.cap_qa import write_questions
from tools.recipe import CapQaRecipe
from tools.stage_cli import show_result

_LLM, _ASKING = LlmConfig(), CapQaConfig()


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    flags.beam_command(app, "cap-qa")(cap_qa)


def cap_qa(
    context: typer.Context,
    store: flags.StoreOption,
    questions: Annotated[
        int, typer.Option(min=1, metavar="N", help="Questions to plan for each caption.")
    ] = _ASKING.questions,
    styles: Annotated[
        list[str],
        typer.Option(metavar="NAME", help="A style of questions; repeatable. Without it, all."),
    ] = [],  # noqa: B006 (typer copies it)
    llm_base_url: flags.LlmBaseUrl = "",
    llm_model: flags.LlmModel = _LLM.model,
    api_key_env: flags.ApiKeyEnv = _LLM.api_key_env,
    concurrency: flags.Concurrency = _LLM.concurrency,
    budget_tokens: flags.BudgetTokens = 0,
    workers: flags.Workers = 0,
    shard: flags.ShardOption = "0/1",
    max_rejects: flags.MaxRejects = 0.7,
    batch_write: flags.BatchWrite = "",
    dry_run: flags.DryRun = False,
) -> None:
    """Write questions and answers from captions alone, with a text-only LLM, and check them."""
    with plain_errors():
        run = flags.make_run(context, store, workers, shard, dry_run)
        run = flags.with_batch(run, batch_write)
        llm = LlmConfig(
            base_url=llm_base_url,
            model=llm_model,
            api_key_env=api_key_env,
            concurrency=concurrency,
            budget_tokens=budget_tokens,
        )
        section = CapQaRecipe(llm, CapQaConfig(questions, tuple(styles)), max_rejects=max_rejects)
        show_result(run, write_questions(run, section))
