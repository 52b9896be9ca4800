"""What changed between two releases: counted as it was changed, on every kind of folder."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.release_plan import ExportConfig
from schemas.errors import UsageError
from schemas.release import release_schema
from schemas.store import Store
from schemas.subsets import SUBSETS
from tests import toy_store as toy
from tests.tools.in_process import pixmo, refused
from tests.tools.release import toy_release
from tools.release import diff_side
from tools.release.config_diff import ConfigDiff
from tools.release.describe import describe_release
from tools.release.diff import diff_releases

Rows = list[dict[str, Any]]
CONFIG = ExportConfig(license="cc0-1.0")


def cap(name: str, caption: str = "A toy.") -> dict[str, Any]:
    return {"image_url": f"http://x/{name}", "caption": caption, "transcripts": ["um", caption]}


BASE = [cap(f"p{n}", f"Caption {n}.") for n in range(20)]


def write(folder: Path, rows: Rows, name: str = "train-00000-of-00001", subset: str = "cap") -> str:
    """One Parquet file of a subset in a folder; gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    schema = release_schema(SUBSETS[subset].columns, False)
    path = folder / f"{name}.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema), path, row_group_size=7)
    return str(folder)


def diff(tmp_path: Path, old: Rows, new: Rows, subset: str = "cap") -> ConfigDiff:
    """Two releases of one file each, compared."""
    before = write(tmp_path / "old" / subset, old, subset=subset)
    after = write(tmp_path / "new" / subset, new, subset=subset)
    (found,) = diff_releases(str(Path(before).parent), str(Path(after).parent), 3).configs
    assert found.config == subset
    pairs = found.unchanged + found.changed + found.remade
    assert found.removed + pairs == len(old)
    assert found.added + pairs == len(new)
    return found


def test_equal_rows_in_another_order_and_cut_are_equal(tmp_path: Path) -> None:
    write(tmp_path / "old" / "cap", BASE)
    write(tmp_path / "new" / "cap", BASE[11:], "train-00000-of-00002")
    write(tmp_path / "new" / "cap", BASE[10::-1], "train-00001-of-00002")
    found = diff_releases(str(tmp_path / "old"), str(tmp_path / "new"), 3)
    assert found.same
    assert found.configs[0].unchanged == 20


def test_each_kind_of_change_is_counted(tmp_path: Path) -> None:
    new = [dict(row) for row in BASE]
    new[3]["caption"] = "Other."
    new[4] |= {"caption": "Other.", "transcripts": []}
    new[5:7] = [cap("q")]
    found = diff(tmp_path, BASE, new)
    assert (found.added, found.removed, found.changed, found.unchanged) == (1, 2, 2, 16)
    assert found.columns == {"caption": 2, "transcripts": 1}
    assert found.key == ("image_url",)
    kinds = [(e.kind, e.key["image_url"].rsplit("/", 1)[1]) for e in found.examples]
    assert kinds == [
        ("removed", "p5"),
        ("removed", "p6"),
        ("added", "q"),
        ("changed", "p3"),
        ("changed", "p4"),
    ]
    assert found.examples[3].changes == {"caption": ("Caption 3.", "Other.")}
    assert found.examples[4].changes["transcripts"] == ('["um","Caption 4."]', "[]")


def test_a_change_far_in_a_long_text_is_shown(tmp_path: Path) -> None:
    long = "word " * 200
    found = diff(tmp_path, [cap("a", long + "old end")], [cap("a", long + "new end")])
    before, after = found.examples[0].changes["caption"]
    assert before.startswith("…")
    assert (before[-7:], after[-7:]) == ("old end", "new end")
    assert len(before) < 200


def test_rows_that_move_between_splits(tmp_path: Path) -> None:
    for side, cut in (("old", 20), ("new", 17)):
        write(tmp_path / side / "cap", BASE[:cut])
        write(tmp_path / side / "cap", BASE[cut:], "test-00000-of-00001")
    (found,) = diff_releases(str(tmp_path / "old"), str(tmp_path / "new"), 2).configs
    assert found.moved == {"train -> test": 3}
    assert (found.added, found.removed, found.changed, found.unchanged) == (0, 0, 0, 17)
    assert [(e.old_split, e.new_split) for e in found.examples] == [("train", "test")] * 2
    assert found.new_rows == {"train": 17, "test": 3}


def test_copies_of_a_row_are_counted_as_often_as_they_are_there(tmp_path: Path) -> None:
    old = [cap("a"), cap("a"), cap("a", "Other."), cap("b")]
    found = diff(tmp_path, old, [cap("b"), cap("a", "Other."), cap("a")])
    assert (found.removed, found.changed, found.unchanged) == (1, 0, 3)


def test_rows_of_one_picture_are_told_apart_by_their_own_columns(tmp_path: Path) -> None:
    def row(label: str, x: float) -> dict[str, Any]:
        return {"image_url": "u", "label": label, "points": [{"x": x, "y": 1.0}], "count": 1}

    old = [row("cat", 1.0), row("dog", 2.0)]
    found = diff(tmp_path, old, [row("dog", 2.5), row("cat", 1.0)], "points")
    assert found.columns == {"points": 1}
    assert found.key == ("image_url", "label", "collection_method")
    assert (found.changed, found.unchanged) == (1, 1)
    assert found.examples[0].changes["points"] == ('[{"x":2.0,"y":1.0}]', '[{"x":2.5,"y":1.0}]')


@pytest.mark.parametrize(
    ("place", "name", "split"),
    [
        ("", "train-00000-of-00001", "train"),
        ("data", "validation-00000-of-00001", "validation"),
        ("", "test", "test"),
        ("validation", "0000", "validation"),
        ("data", "0001", "train"),
    ],
)
def test_folders_as_the_hub_has_them(tmp_path: Path, place: str, name: str, split: str) -> None:
    write(tmp_path / "hub" / place, BASE, name)
    write(tmp_path / "ours" / "cap", BASE, f"{split}-00000-of-00001")
    found = diff_releases(str(tmp_path / "hub"), str(tmp_path / "ours"), 3)
    assert found.same
    assert [config.config for config in found.configs] == ["cap"]  # known by its columns
    assert len(found.without_manifest) == 2


def test_one_file_is_a_release_too(tmp_path: Path) -> None:
    folder = write(tmp_path / "x", BASE)
    file = f"{folder}/train-00000-of-00001.parquet"
    assert diff_releases(file, folder, 3).same


def test_columns_that_come_go_and_change_their_type(tmp_path: Path) -> None:
    for side, kind in (("old", pa.int32()), ("new", pa.int64())):
        (tmp_path / side).mkdir()
        table = pa.table({"id": ["a"], side: ["x"], "count": pa.array([1], kind)})
        pq.write_table(table, tmp_path / side / "train.parquet")
    (found,) = diff_releases(str(tmp_path / "old"), str(tmp_path / "new"), 3).configs
    assert found.columns_added == ("new",)
    assert found.columns_removed == ("old",)
    assert found.columns_retyped == {"count": ("int32", "int64")}
    assert (found.unchanged, found.key, found.same) == (1, ("id",), False)


def test_a_config_that_one_side_lacks(tmp_path: Path) -> None:
    write(tmp_path / "old" / "cap", BASE)
    write(tmp_path / "new" / "cap", BASE)
    write(tmp_path / "new" / "points", [{"image_url": "u", "label": "cat"}], subset="points")
    cap_diff, points = diff_releases(str(tmp_path / "old"), str(tmp_path / "new"), 3).configs
    assert cap_diff.same
    assert (points.added, points.old_rows, points.new_rows) == (1, {}, {"train": 1})
    assert points.examples[0].key == {"image_url": "u", "label": "cat"}
    (back,) = diff_releases(str(tmp_path / "new" / "points"), str(tmp_path / "old"), 0).configs[1:]
    assert (back.config, back.removed) == ("points", 1)


# --- releases with manifest and lineage


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = toy_release.release(str(tmp_path / "store"))
    describe_release(made, CONFIG)
    return made


def copy_of(store: Store, tmp_path: Path) -> Store:
    shutil.copytree(store.url, tmp_path / "copy")
    return Store(str(tmp_path / "copy"))


def rewrite(path: Path, change: Callable[[Rows], Rows]) -> None:
    table = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist(change(table.to_pylist()), table.schema), path)


def test_lineage_names_rows_and_its_changes_are_told_apart(tmp_path: Path, store: Store) -> None:
    other = copy_of(store, tmp_path)
    path = Path(other.url, "release", "lineage", "cap", "train-00000-of-00001.parquet")
    rewrite(path, lambda rows: [row | {"model": "better"} for row in rows])
    describe_release(other, ExportConfig(license="mit"))
    found = diff_releases(store.url, other.url, 3)
    (config,) = found.configs
    assert config.key == ("image_id",)
    assert (config.remade, config.changed, config.unchanged) == (1, 0, 1)
    assert config.lineage == {"model": 1}
    facts = {change.fact: (change.old, change.new) for change in found.facts}
    assert facts == {
        "license": ("cc0-1.0", "mit"),
        "model cap text_llm": (["m"], ["better", "m"]),
    }


def test_a_picture_that_changed_is_seen_in_its_bytes(tmp_path: Path, store: Store) -> None:
    other = copy_of(store, tmp_path)
    path = Path(other.url, "release", "cap", "test-00000-of-00001.parquet")
    new = {"bytes": toy.picture(9), "path": "x.png"}
    rewrite(path, lambda rows: [row | {"image": new} for row in rows])
    describe_release(other, CONFIG)
    (config,) = diff_releases(store.url, other.url, 3).configs
    assert config.columns == {"image": 1}
    assert config.examples[0].changes == {"image": ("(bytes)", "(bytes)")}


def test_policy_settings_and_counts_are_compared(tmp_path: Path, store: Store) -> None:
    other = toy_release.release(str(tmp_path / "other"))
    policy = {"limits": [["refusal_v1", 0.5], ["new_v1", 1.0]], "version": "2"}
    toy_release.commit(other, "selected/cap", toy_release.Selected, [], config=policy)
    describe_release(other, CONFIG)
    facts = {c.fact: (c.old, c.new) for c in diff_releases(store.url, other.url, 3).facts}
    assert facts["policy cap refusal_v1"] == (1.0, 0.5)
    assert facts["policy cap caption_long_v1"] == (4.0, None)
    assert facts["policy cap new_v1"] == (None, 1.0)
    assert facts["stage select-cap version"] == ("1", "2")
    assert facts["stage select-cap setting limits refusal_v1"] == (1.0, 0.5)
    assert facts["stage select-cap rejects policy"] == (1, None)


def test_files_that_both_manifests_list_alike_are_not_read(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(*_: object) -> None:
        raise AssertionError("no column is to be read")

    monkeypatch.setattr(diff_side, "digest_column", unread)
    found = diff_releases(store.url, copy_of(store, tmp_path).url, 3)
    assert found.same
    assert found.configs[0].unchanged == 2


def test_licences_of_cards_are_compared_without_manifests(tmp_path: Path) -> None:
    for side, licence in (("old", "mit"), ("new", "cc0-1.0")):
        write(tmp_path / side, BASE)
        (tmp_path / side / "README.md").write_text(f"---\nlicense: {licence}\n---\n")
    found = diff_releases(str(tmp_path / "old"), str(tmp_path / "new"), 3)
    assert [(c.fact, c.old, c.new) for c in found.facts] == [("license", "mit", "cc0-1.0")]
    (tmp_path / "old" / "README.md").write_text("---\nlicense: [\n---\n")
    assert diff_releases(str(tmp_path / "old"), str(tmp_path / "new"), 3).same


def test_on_an_object_store() -> None:
    store = toy_release.release("memory://diffed")
    describe_release(store, CONFIG)
    assert diff_releases("memory://diffed", "memory://diffed/release", 3).same


# --- the command


def test_the_command_says_what_changed(tmp_path: Path) -> None:
    old = write(tmp_path / "old", BASE)
    new = write(tmp_path / "new", [*BASE[2:], cap("p0", "Other [bold]."), cap("q")])
    done = pixmo("diff", old, new, "--limit", 1)
    assert done.exit_code == 0
    for line in (
        "removed (train): http://x/p1",
        "added (train): http://x/q",
        "changed (train): http://x/p0",
        "    + Other [bold].",
        "in all: 1 rows removed, 1 added, 1 changed, 0 moved between splits",
        "has no manifest: what made it is not known",
    ):
        assert line in done.output
    assert "no difference" in pixmo("diff", old, old).output
    assert pixmo("diff", old, old).exit_code == 0


def test_json_has_everything(tmp_path: Path) -> None:
    old = write(tmp_path / "old", BASE)
    new = write(tmp_path / "new", BASE[8:])
    found = json.loads(pixmo("diff", old, new, "--json", "--limit", 0).stdout)
    assert found["equal"] is False
    assert found["configs"][0]["removed"] == len(found["configs"][0]["examples"]) == 8
    assert json.loads(pixmo("diff", old, old, "--json").stdout)["equal"] is True


def test_wrong_use_is_told_in_one_line(tmp_path: Path, store: Store) -> None:
    release = f"{store.url}/release"
    assert "there is no such folder" in refused("diff", tmp_path / "none", release)
    (tmp_path / "empty").mkdir()
    assert "no Parquet file here" in refused("diff", release, tmp_path / "empty")
    (tmp_path / "young" / "sources").mkdir(parents=True)
    assert "this store holds no release" in refused("diff", tmp_path / "young", release)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "train.parquet").write_bytes(b"PAR1 no")
    assert "bad/train.parquet: not a Parquet file" in refused("diff", tmp_path / "bad", release)
    (tmp_path / "bad" / "manifest.json").write_text("{}")
    assert "not a manifest" in refused("diff", tmp_path / "bad", release)
    assert "is empty" in refused("diff", "", release)
    assert "nope" in refused("diff", "nope://x", release)


def test_a_damaged_page_is_told_with_its_file(tmp_path: Path) -> None:
    old, new = write(tmp_path / "old", BASE), write(tmp_path / "new", BASE[1:])
    path = Path(new, "train-00000-of-00001.parquet")
    data = bytearray(path.read_bytes())
    data[10:60] = b"\xff" * 50
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"train-00000-of-00001\.parquet: not a Parquet file"):
        diff_releases(old, new, 3)
