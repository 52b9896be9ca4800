"""One verb per stage."""

from typing import Annotated, Literal

import typer

from pipelines.run_stage import StageResult
from pipelines.services.fetch_config import FetchConfig
from pipelines.services.llm_config import LlmConfig
from pipelines.services.speech_models import SpeechConfig
from pipelines.steps.audio import AudioLimits
from schemas.errors import UsageError
from tools import flags, recheck, recipe, stages
from tools.console import out, plain_errors
from tools.run_cli import show_duplicates, show_plan
from tools.summary import show_summary

_FETCH, _AUDIO, _SPEECH, _LLM = FetchConfig(), AudioLimits(), SpeechConfig(), LlmConfig()


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    for verb in (ingest, recordings, transcribe, caption, dedupe):
        flags.beam_command(app)(verb)


def show_result(run: stages.Run, result: StageResult) -> None:
    """Print what a stage did or, in a dry run, would do."""
    if run.dry:
        show_plan([result])
    elif not run.batch:
        show_summary([result])
        if not result.infos:
            out.print(f"nothing to do: the store holds no input of {result.stage} for this run")


def ingest(
    context: typer.Context,
    store: flags.StoreOption,
    urls: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Parquet, CSV or JSONL with `image_url`, or a folder."),
    ] = None,
    recheck_optout: Annotated[
        bool,
        typer.Option(
            "--recheck-optout",
            help="In place of --urls: ask all hosts again; what opts out now is taken down.",
        ),
    ] = False,
    rows_per_part: flags.RowsPerPart = 1000,
    workers: flags.Workers = 0,
    shard: flags.ShardOption = "0/1",
    allow_host: flags.AllowHost = [],  # noqa: B006 (typer copies it)
    connect_to: flags.ConnectTo = [],  # noqa: B006
    contact: Annotated[
        str, typer.Option(metavar="TEXT", help="Mail or page for site owners, in the user agent.")
    ] = "",
    per_host: Annotated[
        int, typer.Option(min=1, metavar="N", help="Requests at once per host, whole run.")
    ] = _FETCH.per_host,
    rate: Annotated[
        float, typer.Option(min=0, metavar="N", help="Requests per second per host; 0: no limit.")
    ] = _FETCH.per_host_rate,
    deadline: Annotated[
        float, typer.Option(min=1, metavar="S", help="Seconds for one URL over everything.")
    ] = _FETCH.deadline_s,
    robots: Annotated[bool, typer.Option(help="Respect robots.txt.")] = True,
    opt_out: Annotated[bool, typer.Option(help="Respect X-Robots-Tag and TDM reservation.")] = True,
    max_rejects: flags.MaxRejects = 0.5,
    dry_run: flags.DryRun = False,
) -> None:
    """Fetch pictures from URLs (or a folder) into the table images."""
    with plain_errors():
        fetch = FetchConfig(
            per_host=per_host,
            per_host_rate=rate,
            deadline_s=deadline,
            contact=contact,
            respect_robots=robots,
            respect_opt_out=opt_out,
            allow_hosts=tuple(allow_host),
            connect_to=flags.parse_connect_to(connect_to),
        )
        if recheck_optout:
            _recheck(flags.make_run(context, store, workers, shard, dry_run), fetch, urls)
            return
        if urls is None:
            context.fail("Missing option '--urls' (or give --recheck-optout).")
        run = flags.make_run(context, store, workers, shard, dry_run, new_store=True)
        listed = flags.usable(urls, "--urls")
        section = recipe.IngestRecipe(listed, rows_per_part, max_rejects, fetch)
        show_result(run, stages.ingest(run, section))


def _recheck(run: stages.Run, fetch: FetchConfig, urls: str | None) -> None:
    if urls is not None:
        raise UsageError("--recheck-optout asks for what the store has; leave out --urls")
    recheck.recheck_optout(run, fetch)


def recordings(
    context: typer.Context,
    manifest: Annotated[
        str, typer.Option(metavar="URL", help="JSONL, CSV or Parquet: audio, image_url, annotator.")
    ],
    store: flags.StoreOption,
    min_seconds: Annotated[
        float, typer.Option(min=0, metavar="S", help="Shorter ones are rejected.")
    ] = _AUDIO.min_duration_s,
    rows_per_part: flags.RowsPerPart = 200,
    workers: flags.Workers = 0,
    shard: flags.ShardOption = "0/1",
    max_rejects: flags.MaxRejects = 0.5,
    dry_run: flags.DryRun = False,
) -> None:
    """Measure spoken descriptions and tie them to pictures."""
    with plain_errors():
        run = flags.make_run(context, store, workers, shard, dry_run)
        limits = AudioLimits(min_duration_s=min_seconds)
        listed = flags.usable(manifest, "--manifest")
        section = recipe.RecordingsRecipe(listed, rows_per_part, max_rejects, limits)
        show_result(run, stages.recordings(run, section))


def transcribe(
    context: typer.Context,
    store: flags.StoreOption,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="Name or path of a faster-whisper model.")
    ] = _SPEECH.model,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="auto: CUDA where there is one.")
    ] = "auto",
    compute_type: Annotated[
        str, typer.Option(metavar="TYPE", help="auto, int8, float16, ...")
    ] = _SPEECH.compute_type,
    language: Annotated[
        str, typer.Option(metavar="CODE", help="For recordings whose manifest names none.")
    ] = "",
    workers: flags.Workers = 0,
    shard: flags.ShardOption = "0/1",
    max_rejects: flags.MaxRejects = 0.5,
    dry_run: flags.DryRun = False,
) -> None:
    """Turn recordings into transcripts with Whisper, and check them."""
    with plain_errors():
        run = flags.make_run(context, store, workers, shard, dry_run)
        speech = SpeechConfig(
            model=model, device=device, compute_type=compute_type, language=language or None
        )
        show_result(run, stages.transcribe(run, recipe.TranscribeRecipe(speech, max_rejects)))


def caption(
    context: typer.Context,
    store: flags.StoreOption,
    llm_base_url: flags.LlmBaseUrl = "",
    llm_model: flags.LlmModel = _LLM.model,
    api_key_env: flags.ApiKeyEnv = _LLM.api_key_env,
    concurrency: flags.Concurrency = _LLM.concurrency,
    budget_tokens: flags.BudgetTokens = 0,
    workers: flags.Workers = 0,
    shard: flags.ShardOption = "0/1",
    max_rejects: flags.MaxRejects = 0.5,
    batch_write: flags.BatchWrite = "",
    dry_run: flags.DryRun = False,
) -> None:
    """Write one dense caption per picture from its transcripts, with a text-only LLM."""
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
        show_result(run, stages.caption(run, recipe.CaptionRecipe(llm, max_rejects=max_rejects)))


def dedupe(
    context: typer.Context,
    store: flags.StoreOption,
    radius: Annotated[
        int, typer.Option(min=0, max=16, metavar="BITS", help="Bits of 64 that may differ.")
    ] = 8,
    orientations: Annotated[
        bool, typer.Option(help="Also find rotated and mirrored copies.")
    ] = True,
    workers: flags.Workers = 0,
    dry_run: flags.DryRun = False,
) -> None:
    """Find exact and near duplicates; the pairs are kept as evidence."""
    with plain_errors():
        run = flags.make_run(context, store, workers, dry=dry_run)
        show_result(run, stages.dedupe(run, recipe.DedupeRecipe(radius, orientations)))
        if not dry_run:
            show_duplicates(run.store)
