"""The subsets of PixMo: the columns of each, in the order and types in which PixMo publishes them.

Facts are those of the dataset cards and of the public loaders. Embedding pictures adds `image`
(struct of bytes and path, the Hugging Face Image feature) and nothing else. Points are percent of
width and height everywhere but in `count`, where they are pixels.
"""

from dataclasses import dataclass, field

import pyarrow as pa

IMAGE_TYPE = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
SPEECH, TEXT_LLM, OCR, DETECTOR = "speech_recogniser", "text_llm", "ocr", "detector"

_TEXT = pa.string()
_XY = pa.struct([pa.field("x", pa.float64()), pa.field("y", pa.float64())])
# Two lists, as the public loader of count indexes them; other subsets have a list of points.
_XY32 = pa.struct([pa.field(name, pa.list_(pa.float32())) for name in ("x", "y")])
_QA = pa.struct([pa.field("question", pa.list_(_TEXT)), pa.field("answer", pa.list_(_TEXT))])


def _texts(*names: str) -> list[pa.Field]:
    return [pa.field(name, _TEXT) for name in names]


@dataclass(frozen=True)
class Subset:
    """One data set of PixMo.

    `configs` are its configs on the Hub; `task` is the Hub's task category; `points` is the unit of
    its points, empty when it has none; `texts` are the columns that hold what was said or written;
    `models` names the columns of its lineage that name models, and what each model is; `optional`
    are those of its lineage that may be empty, as when a person wrote a row alone.
    """

    name: str
    columns: pa.Schema
    task: str
    texts: tuple[str, ...]
    points: str = ""
    configs: tuple[str, ...] = ()
    models: dict[str, str] = field(default_factory=dict)
    optional: tuple[str, ...] = ()

    @property
    def config_names(self) -> tuple[str, ...]:
        """The configs of a release: one of the subset's own name, unless it has several."""
        return self.configs or (self.name,)


_ALL = (
    Subset(
        name="cap",
        columns=pa.schema([*_texts("image_url", "caption"), ("transcripts", pa.list_(_TEXT))]),
        task="image-to-text",
        texts=("caption", "transcripts"),
        models={"speech_model": SPEECH, "model": TEXT_LLM},
    ),
    Subset(
        name="ask_model_anything",
        columns=pa.schema(_texts("image_url", "image_sha256", "question", "answer")),
        task="visual-question-answering",
        texts=("question", "answer"),
        models={"model": TEXT_LLM},
        optional=("model", "prompt"),
    ),
    Subset(
        name="points",
        columns=pa.schema(
            [
                *_texts("image_url", "image_sha256"),
                ("points", pa.list_(_XY)),
                ("count", pa.int64()),
                *_texts("label", "collection_method"),
            ]
        ),
        task="object-detection",
        texts=("label",),
        points="percent",
    ),
    Subset(
        name="point_explanations",
        columns=pa.schema(
            [
                *_texts("image_url", "image_sha256", "question", "response", "parsed_response"),
                ("points", pa.list_(pa.list_(pa.list_(pa.float64())))),
                ("inline_text", pa.list_(_TEXT)),
                ("alt_text", pa.list_(_TEXT)),
            ]
        ),
        task="visual-question-answering",
        texts=("question", "response"),
        points="percent",
        models={"model": TEXT_LLM},
        optional=("model", "prompt"),
    ),
    Subset(
        name="cap_qa",
        columns=pa.schema(
            [
                *_texts("image_url", "question", "answer"),
                ("messages", pa.list_(_TEXT)),
            ]
        ),
        task="visual-question-answering",
        texts=("question", "answer"),
        models={"model": TEXT_LLM},
    ),
    Subset(
        name="docs",
        columns=pa.schema([("image", IMAGE_TYPE), ("image_id", _TEXT), ("questions", _QA)]),
        task="visual-question-answering",
        texts=("questions",),
        models={"model": TEXT_LLM},
        optional=("repair_prompt",),
        configs=("docs_charts", "docs_tables", "docs_diagrams", "docs_other"),
    ),
    Subset(
        name="clocks",
        columns=pa.schema(
            [
                *_texts("example_id", "watchface_id", "watchface_name", "watch_time"),
                *_texts("time_format"),
                ("shows_seconds", pa.bool_()),
                ("hour_visible", pa.int32()),
                ("minute_visible", pa.int32()),
                ("second_visible", pa.int32()),
                *_texts("text"),
            ]
        ),
        task="image-to-text",
        texts=("text",),
    ),
    Subset(
        name="count",
        columns=pa.schema(
            [
                *_texts("image_url", "image_sha256"),
                ("count", pa.int32()),
                ("points", _XY32),
                *_texts("label"),
            ]
        ),
        task="object-detection",
        texts=("label",),
        points="pixels",
        models={"detector": DETECTOR},
        optional=("detector",),
    ),
)
SUBSETS = {subset.name: subset for subset in _ALL}
SUBSET_OF_CONFIG = {config: subset for subset in _ALL for config in subset.config_names}
