"""`pixmo eval-set`: evaluation sets from the held-out pictures of a store."""

from typing import Annotated, Literal

import typer

from pipelines.eval_sets.captions import CaptionSet
from pipelines.services.llm_config import LlmConfig
from tools import flags
from tools.console import plain_errors
from tools.making.eval_captions import build_caption_set, write_caption_batch
from tools.making.eval_points import build_point_set

app = typer.Typer(help="Evaluation sets from held-out pictures.", no_args_is_help=True)
_LLM, _CAPTIONS = LlmConfig(), CaptionSet()


@app.callback()
def group() -> None:
    """Evaluation sets from held-out pictures."""


@app.command("captions")
def captions(
    store: flags.StoreOption,
    output: Annotated[
        str, typer.Option("--output", metavar="DIR", help="Where the set goes: a new folder.")
    ],
    split: Annotated[
        list[str], typer.Option("--split", metavar="NAME", help="Of these splits; repeatable.")
    ] = list(_CAPTIONS.splits),  # noqa: B006 (typer copies it)
    transcripts: Annotated[
        int, typer.Option("--transcripts", min=1, metavar="N", help="So many or more of a picture.")
    ] = _CAPTIONS.least_transcripts,
    images: Annotated[
        Literal["embed", "url"], typer.Option("--images", help="Embed pictures, or URLs only.")
    ] = "embed",
    llm_base_url: flags.LlmBaseUrl = "",
    llm_model: flags.LlmModel = _LLM.model,
    api_key_env: flags.ApiKeyEnv = _LLM.api_key_env,
    concurrency: flags.Concurrency = _LLM.concurrency,
    budget_tokens: flags.BudgetTokens = 0,
    batch_write: flags.BatchWrite = "",
) -> None:
    """Transcripts of held-out pictures and their atomic statements, with prompts for judging."""
    with plain_errors():
        llm = LlmConfig(
            base_url=llm_base_url,
            model=llm_model,
            api_key_env=api_key_env,
            concurrency=concurrency,
            budget_tokens=budget_tokens,
        )
        stage = CaptionSet(llm, splits=tuple(split), least_transcripts=transcripts)
        opened, folder = flags.existing(store), flags.usable(output, "--output")
        if batch_write:
            write_caption_batch(opened, stage, flags.usable(batch_write, "--batch-write"))
        else:
            build_caption_set(opened, stage, folder, images == "embed")


@app.command("points")
def points(
    store: flags.StoreOption,
    output: Annotated[
        str, typer.Option("--output", metavar="DIR", help="Where the set goes: a new folder.")
    ],
    split: Annotated[
        list[str], typer.Option("--split", metavar="NAME", help="Of these splits; repeatable.")
    ] = list(_CAPTIONS.splits),  # noqa: B006 (typer copies it)
    masks: Annotated[
        str,
        typer.Option(
            "--masks", metavar="SOURCE", help="A folder or file with a mask per object, see docs."
        ),
    ] = "",
    images: Annotated[
        Literal["embed", "url"], typer.Option("--images", help="Embed pictures, or URLs only.")
    ] = "embed",
) -> None:
    """Phrases about held-out pictures with points and masks, and phrases that are not in them."""
    with plain_errors():
        opened, folder = flags.existing(store), flags.usable(output, "--output")
        source = flags.usable(masks, "--masks") if masks else ""
        build_point_set(opened, folder, tuple(split), source, images == "embed")
