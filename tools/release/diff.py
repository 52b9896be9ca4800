"""What changed between two releases: rows added, removed, changed, moved between splits.

Files that both manifests list with the same checksum are not read at all. Values are read only for
the examples; everything else is done on digests (`config_diff`).
"""

from dataclasses import dataclass

import yaml

from schemas.manifest import CARD
from schemas.subsets import SUBSET_OF_CONFIG
from tools.release.config_diff import ConfigDiff, diff_config
from tools.release.diff_side import Side, open_side
from tools.release.manifest_diff import FactChange, compare_manifests
from tools.release.yaml_edit import Yaml12Loader


@dataclass(frozen=True)
class ReleaseDiff:
    """What changed between two releases; `facts` are those of the manifests.

    `without_manifest` names the sides that have none, whose settings are not known.
    """

    old: str
    new: str
    without_manifest: tuple[str, ...]
    configs: tuple[ConfigDiff, ...]
    facts: tuple[FactChange, ...]

    @property
    def same(self) -> bool:
        """Whether the releases are equal in rows, columns, lineage and facts."""
        return not self.facts and all(config.same for config in self.configs)


def diff_releases(old: str, new: str, examples: int) -> ReleaseDiff:
    """Compare two releases by their URLs, with so many examples per config and kind of change.

    Raises UsageError where there is no release, or a file cannot be read.
    """
    left, right = open_side(old), open_side(new)
    names = dict.fromkeys([*left.configs, *right.configs])
    order = {name: n for n, name in enumerate(SUBSET_OF_CONFIG)}
    return ReleaseDiff(
        old=old,
        new=new,
        without_manifest=tuple(side.url for side in (left, right) if side.manifest is None),
        configs=tuple(
            diff_config(left, right, name, examples)
            for name in sorted(names, key=lambda name: (order.get(name, len(order)), name))
        ),
        facts=_facts(left, right),
    )


def _facts(old: Side, new: Side) -> tuple[FactChange, ...]:
    if old.manifest and new.manifest:
        return compare_manifests(old.manifest, new.manifest)
    before, after = _licence(old), _licence(new)
    known = before is not None and after is not None
    return (FactChange("license", before, after),) if known and before != after else ()


def _licence(side: Side) -> str | None:
    """What the manifest says, or else the card; None where neither says anything."""
    if side.manifest:
        return side.manifest.license
    try:
        text = side.fs.cat_file(f"{side.root}/{CARD}").decode("utf-8", "replace")
        header = yaml.load(text.split("---\n")[1], Yaml12Loader)
        return str(header["license"])
    except (FileNotFoundError, IndexError, KeyError, TypeError, yaml.YAMLError):
        return None
