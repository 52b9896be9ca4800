"""What a release says of itself in words: the card, the manifest's counts, Croissant metadata.

Counts come from the tables that were read; where one is missing, from the manifest, so that a
missing shard is said once and not four times.
"""

import fnmatch
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from schemas.manifest import CARD, CROISSANT, MANIFEST, ReleaseManifest
from tools.audit.findings import UNREADABLE, Notes, reason_of
from tools.audit.release_files import Shard

_HEADER = re.compile(r"---\r?\n(.*?\n)---\r?\n", re.DOTALL)
_MISSHAPEN = (TypeError, AttributeError, RecursionError)  # JSON of another shape than expected
_COUNTS = ("config", "split", "rows")
Rows = dict[tuple[str, str], int]


@dataclass(frozen=True)
class Contents:
    """What the tables of a release hold: shards, rows by config and split, columns and whether
    pictures are embedded by config."""

    shards: tuple[Shard, ...]
    rows: Rows
    columns: Mapping[str, tuple[str, ...]]
    embedded: Mapping[str, bool]

    @property
    def configs(self) -> list[str]:
        """The configs that have tables."""
        return list(dict.fromkeys(config for config, _ in self.rows))

    def files(self, config: str, split: str) -> list[str]:
        """The tables of one split."""
        return [s.path for s in self.shards if (s.config, s.split) == (config, split)]


def check_manifest(notes: Notes, contents: Contents, manifest: ReleaseManifest) -> None:
    """Rows by config and split, and where the pictures are."""
    said = {(c, s): rows for c, own in manifest.rows.items() for s, rows in own.items()}
    notes.check("manifest", len(said))
    _compare(notes, "manifest", MANIFEST, contents.rows, said)
    for config, embedded in contents.embedded.items():
        if manifest.images.get(config) != ("embed" if embedded else "url"):
            now = "are embedded" if embedded else "are left to their URLs"
            message = f"says images {manifest.images.get(config)!r} of {config}, but they {now}"
            notes.fail("manifest", MANIFEST, message)


def _compare(notes: Notes, promise: str, place: str, found: Rows, said: Mapping[Any, Any]) -> None:
    for key in sorted(set(found) | set(said)):
        if found.get(key, 0) != said.get(key):
            rows = "nothing" if key not in said else f"{said[key]} rows"
            message = f"says {rows} of {key[0]}/{key[1]}, but there are {found.get(key, 0)}"
            notes.fail(promise, place, message)


def check_card(notes: Notes, fs: Any, root: str, contents: Contents) -> str | None:
    """Header and table of `README.md`; returns the licence of the header, None without one."""
    notes.check("card")
    try:
        text = fs.cat_file(f"{root}/{CARD}").decode()
        match = _HEADER.match(text)
        header = yaml.safe_load(match[1]) if match else None
    except FileNotFoundError:
        notes.fail("card", CARD, "is not there")
        return None
    except (*UNREADABLE, *_MISSHAPEN, yaml.YAMLError) as error:
        notes.fail("card", CARD, f"cannot be read: {reason_of(error)}")
        return None
    if not isinstance(header, dict):
        notes.fail("card", CARD, "has no YAML header between two lines of `---`")
        return None
    _check_configs(notes, header.get("configs"), contents)
    _compare(notes, "card", CARD, contents.rows, _counts_in(text))
    name = header.get("license")
    return str(header.get("license_name") or name) if name else None


def _check_configs(notes: Notes, configs: Any, contents: Contents) -> None:
    """Every config has its files, split by split."""
    try:
        said = {
            (config["config_name"], files["split"]): _paths(files["path"])
            for config in configs
            for files in config["data_files"]
        }
    except (TypeError, KeyError, AttributeError):
        notes.fail("card", CARD, "its header has no `configs` with `config_name` and `data_files`")
        return
    everything = [shard.path for shard in contents.shards]
    for key in sorted(set(said) | set(contents.rows)):
        patterns = said.get(key, [])
        found = [p for p in everything if any(fnmatch.fnmatchcase(p, q) for q in patterns)]
        if sorted(found) != sorted(contents.files(*key)):
            message = f"its header leads {key[0]}/{key[1]} to {len(found)} of the split's files"
            notes.fail("card", CARD, f"{message}: {len(contents.files(*key))} are there")


def _paths(path: Any) -> list[str]:
    return [str(one) for one in path] if isinstance(path, list) else [str(path)]


def _counts_in(text: str) -> dict[tuple[str, str], int | str]:
    """The table `config | split | rows` of a card."""
    found: dict[tuple[str, str], int | str] = {}
    inside = False
    for line in text.splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]
        if tuple(cells) == _COUNTS:
            inside = True
        elif not line.strip().startswith("|"):
            inside = False
        elif inside and len(cells) == 3 and not set(cells[0]) <= set("-: "):
            plain = cells[2].replace(",", "").replace("_", "")
            found[cells[0], cells[1]] = int(plain) if plain.isdecimal() else cells[2]
    return found


def check_croissant(
    notes: Notes, fs: Any, root: str, contents: Contents, manifest: ReleaseManifest
) -> None:
    """`croissant.json` names each table with its checksum, each config with its columns, and rows
    where it states them."""
    notes.check("croissant")
    try:
        values = json.loads(fs.cat_file(f"{root}/{CROISSANT}"))
        files = {f["contentUrl"]: f for f in values["distribution"] if "contentUrl" in f}
        records = {record["name"]: record for record in values["recordSet"]}
        problems = list(_croissant_problems(values, files, records, contents, manifest))
    except FileNotFoundError:
        notes.fail("croissant", CROISSANT, "is not there")
        return
    except (*UNREADABLE, *_MISSHAPEN) as error:
        notes.fail("croissant", CROISSANT, f"cannot be read: {reason_of(error)}")
        return
    for message in problems:
        notes.fail("croissant", CROISSANT, message)


def _croissant_problems(
    values: Any, files: Any, records: Any, contents: Contents, manifest: ReleaseManifest
) -> Iterable[str]:
    listed = {file.path: file.sha256 for file in manifest.files}
    paths = {shard.path for shard in contents.shards}
    for path in sorted(paths | set(files)):
        if path not in files or path not in paths:
            yield f"{path} is {'not in it' if path in paths else 'in it, but no table'}"
        elif files[path].get("sha256") != listed.get(path):
            yield f"{path} has another sha256 than in the manifest"
    totals: Counter[str] = Counter()
    for (config, _), rows in contents.rows.items():
        totals[config] += rows
    for config, columns in contents.columns.items():
        fields = {f.get("name") for f in records.get(config, {}).get("field", ())} - {"split"}
        if fields != set(columns):
            yield f"the fields of {config} are not its columns"
        said = re.search(rf"\b{config} \(([\d,]+) rows\)", str(values.get("description", "")))
        if said and int(said[1].replace(",", "")) != totals[config]:
            yield f"says {said[1]} rows of {config}, but there are {totals[config]}"


def check_licence(notes: Notes, manifest: ReleaseManifest, said: str | None) -> None:
    """Manifest and card state a licence, and the same one; spelling may differ."""
    notes.check("licence")
    if not manifest.license.strip():
        notes.fail("licence", MANIFEST, "names no licence")
    if said is None:
        notes.fail("licence", CARD, "its header names no licence")
    elif _plain(said) != _plain(manifest.license):
        message = f"names {said!r}, the manifest {manifest.license!r}"
        notes.fail("licence", CARD, message)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())[:100]
