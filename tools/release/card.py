"""The dataset card of a release: YAML header and the order of its sections.

Everything in it is counted when it is written; nothing is typed by hand. What is generated lies
between two markers, so that publishing replaces only that and leaves people's own text alone.
"""

from typing import Any

import yaml

from schemas.manifest import ReleaseManifest
from tools.release import card_sections as sections
from tools.release.contents import ConfigContents
from tools.release.hub_licences import licence_header
from tools.release.origins import Origins

START = "<!-- pixmo: generated; write above or below, what lies between is replaced -->"
END = "<!-- pixmo: end of generated -->"
TAGS = ("pixmo", "croissant")
# https://github.com/huggingface/hub-docs/blob/main/datasetcard.md
_SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
)


def card_text(
    release: ReleaseManifest, configs: tuple[ConfigContents, ...], origins: Origins
) -> str:
    """The card as Markdown with its YAML header, ending in a newline."""
    values = card_header(release, configs, origins)
    header = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=1000)
    parts = (
        sections.about(configs),
        sections.contents(configs),
        sections.loading(configs),
        sections.splits(origins),
        sections.survival(origins),
        sections.dropped(release, origins),
        sections.decontamination(origins),
        sections.made_with(release),
        sections.licences(release, origins),
        sections.REMOVAL,
    )
    body = "\n\n".join(part for part in parts if part)
    title = sections.plain(release.title)
    return f"---\n{header}---\n\n# {title}\n\n{START}\n\n{body}\n\n{END}\n"


def card_header(
    release: ReleaseManifest, configs: tuple[ConfigContents, ...], origins: Origins
) -> dict[str, Any]:
    """The header: licence, tasks, languages, size, and the files of each config."""
    languages = sorted(origins.languages)
    return {
        **licence_header(release.license),
        "task_categories": sorted({config.subset.task for config in configs}),
        **({"language": languages} if languages else {}),
        "size_categories": [_size(sum(config.total for config in configs))],
        "pretty_name": " ".join(release.title.split()),
        "tags": list(TAGS),
        "configs": [_config(config, n == 0) for n, config in enumerate(configs)],
    }


def _config(config: ConfigContents, first: bool) -> dict[str, Any]:
    files = [{"split": s, "path": f"{config.name}/{s}-*.parquet"} for s in config.rows]
    default = {"default": True} if first else {}
    return {"config_name": config.name, **default, "data_files": files}


def _size(rows: int) -> str:
    return next((name for limit, name in _SIZES if rows < limit), "100M<n<1B")
