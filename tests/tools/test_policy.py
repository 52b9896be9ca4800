"""The policy file, the verb, and what a store remembers of both."""

import json
from pathlib import Path

import pytest

from pipelines.subsets.registry import SELECTS
from schemas.errors import UsageError
from schemas.judgment import Tag
from schemas.records import Caption, Contamination, Duplicate, Selected, Split
from schemas.store import Store
from tests import toy_store as toy
from tests.tools.in_process import pixmo, refused
from tests.toy_store import caption, id_of, url_of
from tools.policy import load_policy, policies_in_force, remember_policies, selections

ROOT = Path(__file__).parents[2]


def write(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_policy_of_the_repository_says_the_defaults(tmp_path: Path) -> None:
    policies = load_policy(ROOT / "recipes" / "policy.yaml")
    assert set(policies) == set(SELECTS)
    for subset, select in SELECTS.items():
        assert dict(policies[subset]) == dict(select.defaults), subset


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    path = write(tmp_path, "cap: {caption_loops_v1: 0.4, refusal_v1: null, caption_short_v1: 1}")
    policies = load_policy(path)
    assert policies == {
        "cap": (("caption_loops_v1", 0.4), ("refusal_v1", None), ("caption_short_v1", 1.0))
    }
    stage = next(stage for stage in selections(policies) if stage.subset == "cap")
    limits = dict(stage.policy.limits)
    assert "refusal_v1" not in limits
    assert (limits["caption_loops_v1"], limits["caption_short_v1"]) == (0.4, 1.0)
    assert limits["evaluation_text_v1"] == 13.0
    assert load_policy(write(tmp_path, "{}")) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cop: {}", "unknown subset 'cop'; did you mean 'cap'?"),
        ("pictures: {}", "unknown subset 'pictures'; known subsets: ask_model_anything, cap"),
        ("cap: {refusal: 1}", "cap: unknown tag 'refusal'; did you mean 'refusal_v1'?"),
        ("cap: {zzz: 1}", "cap: unknown tag 'zzz'; known tags: caption_added_v1, "),
        ("cap: {refusal_v1: often}", "cap.refusal_v1: the limit is 'often'; give a number, or"),
        ("cap: {refusal_v1: yes}", "cap.refusal_v1: the limit is True"),
        ("cap: {refusal_v1: .nan}", "cap.refusal_v1: the limit is nan"),
        ("cap: {refusal_v1: .inf}", "cap.refusal_v1: the limit is inf"),
        ("cap: {refusal_v1: [1]}", "cap.refusal_v1: the limit is [1]"),
        ("cap: {refusal_v1: 1, refusal_v1: 2}", "line 1: key 'refusal_v1' stands there twice"),
        ("cap: 3", "cap: expected keys and values, found 3"),
        ("cap:", "cap: expected keys and values, found None"),
        ("", "expected keys and values, found None"),
        ("- cap", "expected keys and values, found ['cap']"),
        ("cap: {", "not valid YAML: line "),
    ],
)
def test_what_is_wrong_is_named_with_its_file(text: str, said: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as refusal:
        load_policy(path)
    assert said in str(refusal.value)
    assert str(refusal.value).startswith(f"{path}: ")
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none.yaml: cannot be read"):
        load_policy(tmp_path / "none.yaml")


def test_a_store_remembers_what_differs_from_the_defaults(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    assert policies_in_force(store) == {}
    policies = {"cap": (("caption_loops_v1", 0.4), ("refusal_v1", None))}
    remember_policies(store, policies)
    assert policies_in_force(store) == policies
    other = write(tmp_path, "cap: {caption_long_v1: 9}")
    assert policies_in_force(store, str(other)) == {"cap": (("caption_long_v1", 9.0),)}
    place = Path(store.url, "stages", "policy.json")
    assert json.loads(place.read_text()) == {"cap": dict(policies["cap"])}


# --- the verb


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Nine captions: of two rules one is broken alone, one together with another; a duplicate."""
    made = Store(str(tmp_path / "store"))
    loops, refusal = Tag("caption_loops_v1", 0.45), Tag("refusal_v1", 1.0)
    tags = {"a": (loops,), "b": (loops, refusal), "c": (refusal,)}
    names = "abcdefghi"
    toy.put_images(made, {n: toy.picture(at) for at, n in enumerate(names)})
    toy.put_captions(made, [caption(n, f"A toy, {n}.", tags.get(n, ())) for n in names])
    best = {n: "e" if n == "d" else n for n in names}
    rows = [
        Duplicate(
            id_of(n), id_of(b), "near" if n != b else "unique", 2 * (n != b), 0, 0.0, id_of(b), 1
        )
        for n, b in best.items()
    ]
    toy.put(made, "duplicates", 0, Duplicate, rows)
    toy.put(made, "splits", 0, Split, [Split(id_of(n), "train", id_of(b)) for n, b in best.items()])
    return made


def words_of(said: str, rule: str) -> list[str]:
    return next(line.split() for line in said.splitlines() if line.split()[:1] == [rule])


def test_what_each_rule_removes_and_what_it_alone_removes(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, "cap: {caption_loops_v1: 0.4}")
    words = ["policy", "--store", store.url, "--policy", path]
    before = toy.stamps(Path(store.url))
    plan = pixmo(*words, "--dry-run")
    assert plan.exit_code == 0, plan.output
    assert toy.stamps(Path(store.url)) == before
    assert "nothing was done" in plan.stdout
    done = pixmo(*words)
    assert done.exit_code == 0, done.output
    assert toy.stamps(Path(store.url)) != before
    for said in (plan.stdout, done.stdout):
        assert words_of(said, "caption_loops_v1")[1:4] == ["0.4", "2", "1"]
        assert words_of(said, "refusal_v1")[1:4] == ["1", "2", "1"]
        assert words_of(said, "evaluation_picture_v1")[1:4] == ["0.85", "0", "0"]
        told = "".join(said.split())
        for name in "abc":
            assert f"{url_of(name)}{id_of(name)}".replace(" ", "") in told
        assert "cap: 9 rows, 3 dropped by the policy, 1 as duplicates, 5 kept" in said
        assert all(len(line) <= 80 for line in said.splitlines())
    kept = {row.image_id for row in toy.rows(store, "selected/cap", Selected)}
    assert kept == {id_of(n) for n in "efghi"}


def test_only_the_selection_is_made_again(store: Store, tmp_path: Path) -> None:
    pixmo("policy", "--store", store.url)
    others = {t: c for t, c in toy.contents(store).items() if not t.startswith("selected")}
    stamps = toy.stamps(Path(store.url, "captions"))
    done = pixmo(
        "policy", "--store", store.url, "--policy", write(tmp_path, "cap: {refusal_v1: 2}")
    )
    assert done.exit_code == 0
    assert len(toy.rows(store, "selected/cap", Selected)) == 8
    after = toy.contents(store)
    assert others.items() <= after.items()
    assert toy.stamps(Path(store.url, "captions")) == stamps
    assert not Path(store.url, "release").exists()


def test_without_a_file_the_policy_of_last_time_holds(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, "cap: {refusal_v1: null}")
    assert pixmo("policy", "--store", store.url, "--policy", path).exit_code == 0
    assert len(toy.rows(store, "selected/cap", Selected)) == 8
    said = pixmo("policy", "--store", store.url, "--dry-run").stdout
    assert "refusal_v1" not in said
    assert "cap: 9 rows, 0 dropped by the policy, 1 as duplicates, 8 kept" in said
    assert pixmo("export", "all", "--store", store.url, "--workers", "1").exit_code == 0
    assert len(toy.rows(store, "selected/cap", Selected)) == 8
    words = ["export", "all", "--store", store.url, "--workers", "1"]
    assert pixmo(*words, "--policy", write(tmp_path, "{}")).exit_code == 0
    assert len(toy.rows(store, "selected/cap", Selected)) == 6


def test_evidence_of_evaluation_sets_is_counted(store: Store) -> None:
    near = (Tag("evaluation_picture_v1", 0.97),)
    rows = [Contamination(id_of(n), near if n == "f" else (), ()) for n in "abcdefghi"]
    toy.put(store, "contamination/images", 0, Contamination, rows)
    said = pixmo("policy", "--store", store.url, "--dry-run").stdout
    assert words_of(said, "evaluation_picture_v1")[1:5] == ["0.85", "1", "1", "0.97"]


def test_wrong_use_is_one_line(store: Store, tmp_path: Path) -> None:
    words = ["policy", "--store", store.url]
    assert "none.yaml: cannot be read" in refused(*words, "--policy", tmp_path / "none.yaml")
    path = write(tmp_path, "cap: {refusal: 1}")
    assert "did you mean 'refusal_v1'?" in refused(*words, "--policy", path, "--dry-run")
    assert "there is no store here" in refused("policy", "--store", tmp_path / "none")
    toy.put(store, "captions", 1, Caption, [caption("z")])
    assert "run dedupe and splits first" in refused(*words, "--dry-run")
