"""The sections of a card, each a function from counts to Markdown; an empty text leaves one out."""

from collections import Counter

from pipelines.steps.rule_counts import POLICY
from schemas.manifest import ReleaseManifest
from tools.release.contents import LINEAGE, ConfigContents
from tools.release.hub_licences import licence_url
from tools.release.origins import CONTAMINATION, Origins

_ABOUT = {
    "cap": "dense captions of pictures that people described aloud, with the transcripts of what "
    "they said",
    "ask_model_anything": "questions that people asked about pictures, with answers they approved",
    "points": "things that people pointed at in pictures, and how many there are",
    "point_explanations": "answers to questions about pictures that point at what they speak of",
    "cap_qa": "questions and answers that a text-only model wrote from dense captions",
    "docs": "rendered documents, with questions and answers made from what they were drawn from",
    "clocks": "rendered watch faces, with the time they show",
    "count": "how many of a thing there are in pictures, with a point on each",
}
_UNITS = {"percent": " Points are percent of width and height.", "pixels": " Points are pixels."}
REMOVAL = (
    "## Removal\n\nIf a picture, a recording or a text of yours is in here and should not be, open "
    "a discussion on this page and name its `image_url` or `image_sha256`. Its rows are taken out "
    "of the tables and of the next release, and it is kept from coming back."
)


def table(heads: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """A Markdown table; what would end a cell or a line is escaped."""
    lines: list[tuple[object, ...]] = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: object) -> str:
    return plain(str(value)).replace("|", "\\|")


def plain(text: str) -> str:
    """Text of others on one line, which cannot pass for a marker or another tag."""
    return " ".join(text.split()).replace("<", "&lt;")


def _counts(head: str, unit: str, found: Counter[str]) -> str:
    rows = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return table((head, unit), [(name, count) for name, count in rows])


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"


def about(configs: tuple[ConfigContents, ...]) -> str:
    """What the subsets are."""
    names = dict.fromkeys(config.subset.name for config in configs)
    lines = "\n".join(f"- **{name}**: {_ABOUT[name]}." for name in names)
    return f"{lines}\n\nMade with pixmo: no picture was shown to a vision-language model."


def contents(configs: tuple[ConfigContents, ...]) -> str:
    """Rows by config and split, and the columns of each config."""
    rows: list[tuple[object, ...]] = [
        (config.name, split, count) for config in configs for split, count in config.rows.items()
    ]
    lines = "\n".join(f"- {config.name}: {_columns(config)}" for config in configs)
    return (
        f"## What is in it\n\n{table(('config', 'split', 'rows'), rows)}\n\nColumns:\n\n{lines}\n\n"
        f"The lineage of each row is in `{LINEAGE}/`, in the same order. `manifest.json` lists "
        "every file with its checksum, and the settings of every stage."
    )


def _columns(config: ConfigContents) -> str:
    names = ", ".join(f"`{name}`" for name in config.schema.names)
    return f"{names}.{_UNITS.get(config.subset.points, '')}"


def loading(configs: tuple[ConfigContents, ...]) -> str:
    """How to load the first config."""
    if not configs:
        return ""
    split = next(iter(configs[0].rows))
    return (
        "## How to load it\n\n```python\nimport datasets\n\n"
        'where = "ORGANISATION/NAME"  # of this page, or a folder that holds these files\n'
        f'rows = datasets.load_dataset(where, "{configs[0].name}", split="{split}")\n```'
    )


def splits(origins: Origins) -> str:
    """How splits are drawn, and what left one."""
    if not origins.splits:
        return ""
    shares = ", ".join(f"{name} {share:.4g}" for name, share in origins.splits if share)
    text = (
        "## Splits\n\nEach connected component of near-duplicates is drawn as a whole, by a stable "
        "hash, so that no picture is in one split and its near-duplicate in another. A split once "
        f"drawn is kept. Shares of the draw: {shares}."
    )
    moves = [(before, now, count) for (before, now), count in sorted(origins.moved.items())]
    if not moves:
        return text
    said = "Newer pictures joined components of different splits; the evaluation side won, and"
    return f"{text}\n\n{said} these moved:\n\n{table(('from', 'to', 'pictures'), list(moves))}"


def survival(origins: Origins) -> str:
    """How many URLs became pictures, and why the others did not."""
    tried, kept = origins.tried, origins.fetched
    if not tried:
        return ""
    text = (
        f"## Survival of URLs\n\n{kept} of {tried} pictures were fetched and passed all checks "
        f"({_share(kept, tried)})."
    )
    return f"{text}\n\n{_counts('reason', 'URLs', origins.lost)}" if origins.lost else text


def dropped(release: ReleaseManifest, origins: Origins) -> str:
    """Rows that the selection left out, by reason and by rule of the policy."""
    parts = []
    for subset, reasons in origins.dropped.items():
        if reasons:
            parts.append(f"{subset}:\n\n{_counts('reason', 'rows', reasons)}")
        limits = release.policy.get(subset, {})
        rows: list[tuple[object, ...]] = [
            (count.rule, limits.get(count.rule, ""), count.rows, count.alone)
            for count in origins.rules.get(subset, [])
        ]
        if rows and reasons[POLICY]:
            parts.append(table(("rule", "limit", "rows", "alone"), rows))
    if not parts:
        return ""
    return (
        "## What was left out\n\nA row goes when a tag reaches its limit. `alone` counts rows that "
        "no other rule would have dropped.\n\n" + "\n\n".join(parts)
    )


def decontamination(origins: Origins) -> str:
    """What rows were compared with, and how many came near it."""
    if not origins.evaluation:
        return ""
    rows: list[tuple[object, ...]] = [
        (name, count, _near(origins, name)) for name, count in sorted(origins.evaluation.items())
    ]
    listed = table(("benchmark", "items", "rows that come near"), rows)
    return (
        "## Decontamination\n\nRows were compared with these evaluation sets: pictures also turned "
        "and cropped, texts by runs of words. What comes near is tagged, and dropped where "
        f"a limit of the policy says so.\n\n{listed}"
    )


def _near(origins: Origins, benchmark: str) -> str:
    found = [
        f"{count} {kind} ({where.removeprefix(CONTAMINATION)})"
        for (where, name, kind), count in sorted(origins.contaminated.items())
        if name == benchmark
    ]
    return ", ".join(found) or "none"


def made_with(release: ReleaseManifest) -> str:
    """Models by role, and prompts."""
    lines = [
        f"- {use.subset}, {use.role.replace('_', ' ')}: {plain(use.name)}" for use in release.models
    ]
    lines += [f"- prompt: {plain(name)}" for name in release.prompts]
    return "## Models and prompts\n\n" + "\n".join(lines) if lines else ""


def licences(release: ReleaseManifest, origins: Origins) -> str:
    """The licence of what was made, and those of the pictures."""
    url = licence_url(release.license)
    name = plain(release.license)
    named = f"[{name}]({url})" if url.startswith("https://") and " " not in url else name
    text = (
        f"## Licences\n\nWhat was made (texts, points, answers): {named}. Each picture stays under "
        "the licence of its source, found at its `image_url`."
    )
    if "embed" in release.images.values():
        text += " EXIF, GPS and other metadata were removed from embedded pictures."
    if release.embedding_right:
        text += f"\n\nThe right to embed the pictures, as stated: {plain(release.embedding_right)}"
    if not origins.licences:
        return text
    named_by = Counter({name or "not said": n for name, n in origins.licences.items()})
    rows = sorted(named_by.items(), key=lambda pair: (-pair[1], pair[0]))[:50]
    listed = table(("licence", "pictures"), list(rows))
    return f"{text}\n\nPictures by the licence that their list gives:\n\n{listed}"
