"""`pixmo docs`: personas to rendered documents with questions and answers."""

from typing import Annotated

import typer

from pipelines.services.llm_config import LlmConfig
from pipelines.services.rendering.renderer import RenderConfig
from pipelines.steps.doc_kinds import doc_tools
from tools import flags
from tools.console import plain_errors
from tools.docs_recipe import DocsRecipe
from tools.making.docs import make_docs
from tools.stage_cli import show_result

_LLM, _RENDERING = LlmConfig(), RenderConfig()

Unprotected = Annotated[
    bool,
    typer.Option(
        "--run-untrusted-code-without-sandbox",
        help="Run what a model wrote with all your rights.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    flags.beam_command(app)(docs)


def docs(
    context: typer.Context,
    store: flags.StoreOption,
    personas: Annotated[
        str, typer.Option(metavar="FILE", help="JSONL, CSV or Parquet with a column `persona`.")
    ],
    tools: Annotated[
        str, typer.Option(metavar="NAMES", help="Tools with commas between; all unless given.")
    ] = "",
    per_persona: Annotated[
        int, typer.Option(min=1, metavar="N", help="Documents per persona and tool.")
    ] = 1,
    seed: Annotated[int, typer.Option(metavar="N", help="Another one makes others.")] = 0,
    max_side: Annotated[
        int, typer.Option(min=1, metavar="PX", help="The longest side of a picture.")
    ] = _RENDERING.max_side,
    scale: Annotated[
        float, typer.Option(min=0.1, max=8, metavar="X", help="Pixels per CSS pixel.")
    ] = _RENDERING.scale,
    run_untrusted_code_without_sandbox: Unprotected = False,
    llm_base_url: flags.LlmBaseUrl = "",
    llm_model: flags.LlmModel = _LLM.model,
    api_key_env: flags.ApiKeyEnv = _LLM.api_key_env,
    concurrency: flags.Concurrency = _LLM.concurrency,
    budget_tokens: flags.BudgetTokens = 0,
    rows_per_part: flags.RowsPerPart = 100,
    workers: flags.Workers = 0,
    shard: flags.ShardOption = "0/1",
    max_rejects: flags.MaxRejects = 0.8,
    batch_write: flags.BatchWrite = "",
    dry_run: flags.DryRun = False,
) -> None:
    """Make documents for personas: topic, data, source, picture, questions and answers.

    What the model writes runs in a sandbox, and nowhere without one, unless you say
    --run-untrusted-code-without-sandbox.
    """
    with plain_errors():
        run = flags.make_run(context, store, workers, shard, dry_run, new_store=True)
        run = flags.with_batch(run, batch_write)
        endpoint = (llm_base_url, llm_model, api_key_env, concurrency)
        llm = LlmConfig(*endpoint, budget_tokens=budget_tokens)
        section = DocsRecipe(
            personas=flags.usable(personas, "--personas"),
            tools=tuple(name.strip() for name in tools.split(",")) if tools else tuple(doc_tools()),
            per_persona=per_persona,
            seed=seed,
            rows_per_part=rows_per_part,
            max_rejects=max_rejects,
            llm=llm,
            rendering=RenderConfig(
                max_side=max_side,
                scale=scale,
                run_untrusted_code_without_sandbox=run_untrusted_code_without_sandbox,
            ),
        )
        show_result(run, make_docs(run, section))
