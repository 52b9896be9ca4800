"""A recipe: one YAML file that describes a whole run. Parsed strictly; paths start from where the
command is run."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from annotation.pull.checks import CheckRules
from pipelines.release_plan import ExportConfig
from pipelines.services.detector import DetectorConfig, detector_name
from pipelines.services.fetch_config import FetchConfig
from pipelines.services.llm_config import LlmConfig
from pipelines.services.ocr import OcrConfig
from pipelines.services.speech_models import SpeechConfig
from pipelines.steps.audio import AudioLimits
from pipelines.steps.cap_qa import CapQaConfig
from pipelines.steps.caption_checks import check_caption
from pipelines.steps.captions import CaptionConfig
from pipelines.steps.clocks.examples import ClockRules
from pipelines.steps.count_rules import CountConfig
from pipelines.steps.decode import DecodeLimits
from pipelines.steps.point_sets import PointRules
from pipelines.steps.prompts import load_prompt
from pipelines.steps.speech_checks import DEFAULT_LIMITS as SPEECH_LIMITS
from pipelines.steps.splits import keep_or_draw
from schemas.errors import UsageError
from tools.docs_recipe import DocsRecipe
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
class JudgedRecipe:
    """Sections point_explanations and ask_model_anything: files of people's work, and merging.

    `annotations` are rows as `annotate pull` writes them or exports of Label Studio, `published`
    the files of PixMo; what the store has of both already is taken in as well.
    """

    annotations: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    rows_per_part: int = 10_000
    max_rejects: float = 0.9

    def __post_init__(self) -> None:
        _within("rows_per_part", self.rows_per_part, 1)
        _within("max_rejects", self.max_rejects, 0, 1)


@dataclass(frozen=True)
class PointsRecipe(JudgedRecipe):
    """Section points: the same, with distances between points."""

    rules: PointRules = field(default_factory=PointRules)


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
class OcrRecipe:
    """Stage ocr: what counts as text in a picture."""

    ocr: OcrConfig = field(default_factory=OcrConfig)
    max_rejects: float = 0.1

    def __post_init__(self) -> None:
        _within("ocr.max_rejects", self.max_rejects, 0, 1)
        _within("ocr.ocr.min_score", self.ocr.min_score, 0, 1)


@dataclass(frozen=True)
class CountRecipe:
    """Stages detect and count: the detector, which detections count, and what people checked.

    `annotations` are rows as `annotate pull` writes them or exports of Label Studio.
    """

    annotations: tuple[str, ...] = ()
    rows_per_part: int = 10_000
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    counts: CountConfig = field(default_factory=CountConfig)
    max_rejects: float = 0.5

    def __post_init__(self) -> None:
        _within("count.rows_per_part", self.rows_per_part, 1)
        _within("count.max_rejects", self.max_rejects, 0, 1)
        detector_name(self.detector)  # refuses what is no detector


@dataclass(frozen=True)
class CapQaRecipe:
    """Stage cap-qa: the text LLM, what it is asked for, and the policy on captions."""

    llm: LlmConfig = field(default_factory=LlmConfig)
    asking: CapQaConfig = field(default_factory=CapQaConfig)
    policy: Limits = ()
    max_rejects: float = 0.7

    def __post_init__(self) -> None:
        _within("cap_qa.max_rejects", self.max_rejects, 0, 1)
        _known_tags("cap_qa", self.policy, [tag.name for tag in check_caption("", [], [])])
        for name in (self.asking.write_prompt, self.asking.talk_prompt, self.asking.verify_prompt):
            load_prompt(name)


@dataclass(frozen=True)
class ClocksRecipe:
    """Stage clocks: how many examples, and what they are like."""

    count: int = 1000
    rows_per_part: int = 1000
    rules: ClockRules = field(default_factory=ClockRules)

    def __post_init__(self) -> None:
        rules = self.rules
        _within("clocks.count", self.count, 1, 2**32)
        _within("clocks.rows_per_part", self.rows_per_part, 1)
        _within("clocks.rules.seed", rules.seed, 0, 2**31 - 1)
        _within("clocks.rules.size", rules.size, 64, 4096)
        _within("clocks.rules.per_face", rules.per_face, 1, 1000)
        _within("clocks.rules.hidden_share", rules.hidden_share, 0, 1)
        _within("clocks.rules.no_seconds_share", rules.no_seconds_share, 0, 1)
        _within("clocks.rules.jpeg_quality", rules.jpeg_quality, 1, 95)


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
    ocr: OcrRecipe | None = None
    count: CountRecipe | None = None
    points: PointsRecipe | None = None
    point_explanations: JudgedRecipe | None = None
    ask_model_anything: JudgedRecipe | None = None
    cap_qa: CapQaRecipe | None = None
    clocks: ClocksRecipe | None = None
    docs: DocsRecipe | None = None
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
