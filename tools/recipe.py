"""A recipe: one YAML file that describes a whole run. Parsed strictly; paths start from where the
command is run."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from annotation.pull.checks import CheckRules
from pipelines.release_plan import ExportConfig
from pipelines.services.fetch_config import FetchConfig
from pipelines.services.llm_config import LlmConfig
from pipelines.services.speech_models import SpeechConfig
from pipelines.steps.audio import AudioLimits
from pipelines.steps.captions import CaptionConfig
from pipelines.steps.decode import DecodeLimits
from pipelines.steps.prompts import load_prompt
from pipelines.steps.speech_checks import DEFAULT_LIMITS as SPEECH_LIMITS
from pipelines.steps.splits import keep_or_draw
from schemas.errors import UsageError
from tools.policy import load_policy
from tools.strict import build, read_yaml

Limits = tuple[tuple[str, float | None], ...]


def _within(where: str, value: float, least: float, most: float = float("inf")) -> None:
    if not least <= value <= most:
        upper = "" if most == float("inf") else f" and at most {most:g}"
        raise UsageError(f"{where} is {value:g}; it must be at least {least:g}{upper}")


def _known_tags(where: str, policy: Limits, known: Iterable[str]) -> None:
    """A limit on a tag that nothing carries would never drop anything."""
    names = sorted(known)
    for name, _ in policy:
        if name not in names:
            raise UsageError(f"{where}.policy: no tag {name!r}; tags: {', '.join(names)}")


@dataclass(frozen=True)
class ServeRecipe:
    """A folder served over local HTTP during the run, reached under the name `host`."""

    folder: str
    host: str
    faults: str | None = None


@dataclass(frozen=True)
class IngestRecipe:
    """Stage ingest: the list of URLs or folder of pictures, and how to fetch."""

    urls: str
    rows_per_part: int = 1000
    max_rejects: float = 0.5
    fetch: FetchConfig = field(default_factory=FetchConfig)
    limits: DecodeLimits = field(default_factory=DecodeLimits)

    def __post_init__(self) -> None:
        _within("ingest.rows_per_part", self.rows_per_part, 1)
        _within("ingest.max_rejects", self.max_rejects, 0, 1)
        _within("ingest.limits.max_pixels", self.limits.max_pixels, 1)
        _within("ingest.limits.max_frames", self.limits.max_frames, 1)


@dataclass(frozen=True)
class RecordingsRecipe:
    """Stage recordings: the manifest, and what a recording must hold to."""

    manifest: str
    rows_per_part: int = 200
    max_rejects: float = 0.5
    limits: AudioLimits = field(default_factory=AudioLimits)

    def __post_init__(self) -> None:
        limits = self.limits
        _within("recordings.rows_per_part", self.rows_per_part, 1)
        _within("recordings.max_rejects", self.max_rejects, 0, 1)
        _within("recordings.limits.min_duration_s", limits.min_duration_s, 0, limits.max_duration_s)


@dataclass(frozen=True)
class PullRecipe:
    """Step pull: what people did in Label Studio; `home` is the campaign's folder."""

    home: str = ""
    optional: bool = False
    wait_s: float = 0.0
    rows_per_part: int = 1000
    max_rejects: float = 1.0
    rules: CheckRules = field(default_factory=CheckRules)

    def __post_init__(self) -> None:
        _within("pull.wait_s", self.wait_s, 0)
        _within("pull.rows_per_part", self.rows_per_part, 1)
        _within("pull.max_rejects", self.max_rejects, 0, 1)


@dataclass(frozen=True)
class TranscribeRecipe:
    """Stage transcribe: the speech model."""

    speech: SpeechConfig = field(default_factory=SpeechConfig)
    max_rejects: float = 0.5

    def __post_init__(self) -> None:
        _within("transcribe.max_rejects", self.max_rejects, 0, 1)
        _within("transcribe.speech.batch_size", self.speech.batch_size, 1)
        _within("transcribe.speech.beam_size", self.speech.beam_size, 1)
        if self.speech.device not in ("auto", "cpu", "cuda"):
            device = self.speech.device
            raise UsageError(f"transcribe.speech.device {device!r} is not auto, cpu or cuda")


@dataclass(frozen=True)
class CaptionRecipe:
    """Stage caption: the text LLM, and the policy on transcripts."""

    llm: LlmConfig = field(default_factory=LlmConfig)
    captions: CaptionConfig = field(default_factory=CaptionConfig)
    policy: Limits = ()
    max_rejects: float = 0.5

    def __post_init__(self) -> None:
        _within("caption.max_rejects", self.max_rejects, 0, 1)
        _known_tags("caption", self.policy, SPEECH_LIMITS)
        load_prompt(self.captions.clean_prompt)
        load_prompt(self.captions.caption_prompt)


@dataclass(frozen=True)
class DedupeRecipe:
    """Stage dedupe: what counts as a near-duplicate."""

    radius: int = 8
    orientations: bool = True
    max_grey_difference: float = 0.15
    alarm_size: int = 1000

    def __post_init__(self) -> None:
        _within("dedupe.radius", self.radius, 0, 16)
        _within("dedupe.max_grey_difference", self.max_grey_difference, 0, 2)
        _within("dedupe.alarm_size", self.alarm_size, 1)


@dataclass(frozen=True)
class SplitsRecipe:
    """Stage splits: shares by name, which add up to 1."""

    shares: tuple[tuple[str, float], ...] = (("train", 1.0),)
    salt: str = ""

    def __post_init__(self) -> None:
        keep_or_draw({}, {}, self.shares, self.salt)  # refuses shares that do not add up


@dataclass(frozen=True)
class DecontaminateRecipe:
    """Stages evaluation and decontaminate: the benchmarks, and what counts as near them."""

    against: tuple[str, ...] = ()
    rows_per_part: int = 1000
    max_rejects: float = 0.5
    radius: int = 8
    max_grey_difference: float = 0.15
    crops: bool = True
    max_crop_difference: float = 0.1
    ngram: int = 13
    short_text: int = 8
    common_texts: int = 10

    def __post_init__(self) -> None:
        _within("decontaminate.rows_per_part", self.rows_per_part, 1)
        _within("decontaminate.max_rejects", self.max_rejects, 0, 1)
        _within("decontaminate.radius", self.radius, 0, 16)
        _within("decontaminate.max_grey_difference", self.max_grey_difference, 0, 2)
        _within("decontaminate.max_crop_difference", self.max_crop_difference, 0, 2)
        _within("decontaminate.ngram", self.ngram, 1, 100)
        _within("decontaminate.short_text", self.short_text, 1, 100)
        _within("decontaminate.common_texts", self.common_texts, 1)
        if not all(name.strip() for name in self.against):
            raise UsageError("decontaminate.against: an empty name of an evaluation set")


@dataclass(frozen=True)
class Recipe:
    """A whole run. A stage without its section is run with defaults, or left out without input.

    `policy` is the file with the limits of all subsets.
    """

    store: str
    workers: int = 0
    contact: str = ""
    ingest: IngestRecipe | None = None
    pull: PullRecipe | None = None
    recordings: RecordingsRecipe | None = None
    transcribe: TranscribeRecipe = field(default_factory=TranscribeRecipe)
    caption: CaptionRecipe = field(default_factory=CaptionRecipe)
    dedupe: DedupeRecipe = field(default_factory=DedupeRecipe)
    splits: SplitsRecipe = field(default_factory=SplitsRecipe)
    decontaminate: DecontaminateRecipe | None = None
    policy: str = ""
    release: ExportConfig = field(default_factory=ExportConfig)
    serve: ServeRecipe | None = None

    def __post_init__(self) -> None:
        _within("workers", self.workers, 0)
        _within("release.rows_per_shard", self.release.rows_per_shard, 0)
        if self.policy:
            load_policy(Path(self.policy))  # before hours of work end at a typing error


def load_recipe(path: Path) -> Recipe:
    """Parse a recipe file; UsageError names the file, the key and the remedy."""
    try:
        recipe = build(Recipe, read_yaml(path), str(path))
    except UsageError as error:
        # What a section itself refuses does not know the file.
        known = str(error).startswith(str(path))
        raise error if known else UsageError(f"{path}: {error}") from error
    if recipe.ingest and recipe.contact:
        fetch = replace(recipe.ingest.fetch, contact=recipe.contact)
        recipe = replace(recipe, ingest=replace(recipe.ingest, fetch=fetch))
    return recipe
