"""What people wrote into a card on the Hub stays, and a card that cannot be read is refused."""

import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import UsageError
from tools.release.card import END, START
from tools.release.card_merge import merge_card
from tools.release.yaml_edit import Yaml12Loader, dump

OURS = f"""---
license: cc-by-4.0
task_categories:
- image-to-text
language:
- en
size_categories:
- 1K<n<10K
pretty_name: Our title
tags:
- pixmo
configs:
- config_name: cap
  default: true
  data_files:
  - split: train
    path: cap/train-*.parquet
---

# Our title

{START}

new

{END}
"""
BLOCK = f"{START}\n\nnew\n\n{END}"


def header(card: str) -> Any:
    return yaml.load(card.replace("\r\n", "\n").split("---\n")[1], Yaml12Loader)


def body(card: str) -> str:
    return card.split("---\n", 2)[2]


def test_an_empty_card_becomes_ours() -> None:
    assert merge_card(OURS, "") == OURS
    assert merge_card(OURS, " \n\n") == OURS
    assert merge_card(OURS, OURS) == OURS


def test_comments_order_quotes_and_other_keys_stay() -> None:
    theirs = """---
# what this is
viewer: false   # slow
license: mit # until we know better

pretty_name: "People's name"
# configs are generated
configs:
- config_name: cap
  data_files: old/*.parquet
extra_gated_prompt: >-
  # no comment, but text
  of two lines
# the end
---
text
"""
    merged = merge_card(OURS, theirs)
    assert merged.startswith(
        """---
# what this is
viewer: false   # slow
license: cc-by-4.0 # until we know better

pretty_name: "People's name"
# configs are generated
configs:
- config_name: cap
  default: true
  data_files:
  - split: train
    path: cap/train-*.parquet
extra_gated_prompt: >-
  # no comment, but text
  of two lines
# the end
task_categories:
- image-to-text
"""
    )
    assert body(merged) == f"text\n\n{BLOCK}\n"


def test_additions_to_lists_stay_and_ours_are_added() -> None:
    theirs = "---\nlanguage: no\ntags: [mine, pixmo]\ntask_categories:\n- other\n---\n"
    found = header(merge_card(OURS, theirs))
    assert found["language"] == ["no", "en"]
    assert found["tags"] == ["mine", "pixmo"]
    assert found["task_categories"] == ["other", "image-to-text"]
    assert "tags: [mine, pixmo]\n" in merge_card(OURS, theirs)


def test_configs_of_people_stay_and_those_we_left_behind_go() -> None:
    theirs = """---
configs:
- config_name: points
  data_files: points/*.parquet
- config_name: mine
  default: true
  data_files: mine/*.csv
- config_name: cap
  description: theirs
dataset_info:
- config_name: cap
  download_size: 1
- config_name: mine
  download_size: 2
---
"""
    found = header(merge_card(OURS, theirs))
    names = [config["config_name"] for config in found["configs"]]
    assert names == ["cap", "mine"]
    cap, mine = found["configs"]
    assert cap["description"] == "theirs"
    assert cap["data_files"] == [{"split": "train", "path": "cap/train-*.parquet"}]
    assert mine["default"] is True
    assert "default" not in cap
    assert found["dataset_info"] == [{"config_name": "mine", "download_size": 2}]


@pytest.mark.parametrize(
    ("ours", "theirs", "wanted"),
    [
        ("mit", "license: cc0-1.0", {"license": "mit"}),
        ("mit", "license: other\nlicense_name: x\nlicense_link: l", {"license_link": "l"}),
        ("unknown", "license: other\nlicense_name: x", {"license": "other", "license_name": "x"}),
        ("unknown", "viewer: true", {"license": "unknown"}),
    ],
)
def test_the_licence_is_ours_unless_we_know_none(
    ours: str, theirs: str, wanted: dict[str, str]
) -> None:
    card = OURS.replace("license: cc-by-4.0", f"license: {ours}")
    found = header(merge_card(card, f"---\n{theirs}\n---\n"))
    assert wanted.items() <= found.items()
    assert ("license_name" in found) == ("license_name" in wanted)


@pytest.mark.parametrize(
    "written",
    [
        "{license: mit, viewer: false}",
        "a: &x [1]\nb: *x\nviewer: false",
        "? viewer\n: false",
        "  viewer: false\n  a: 1",
        '"viewer": false',
        "viewer: false\n...",
        "# only a comment",
    ],
)
def test_headers_of_every_style_keep_their_values(written: str) -> None:
    merged = merge_card(OURS, f"---\n{written}\n---\nx\n")
    before = yaml.load(written, Yaml12Loader) or {}
    found = header(merged)
    for key in set(before) - {"license"}:
        assert found[key] == before[key]
    assert found["license"] == "cc-by-4.0"
    assert merge_card(OURS, merged) == merged


@pytest.mark.parametrize("text", ["", "\n", "\n\nabout\n", "about", "<!-- pixmo -->\n"])
def test_a_card_without_markers_gets_them_at_its_end(text: str) -> None:
    merged = merge_card(OURS, f"---\nviewer: false\n---\n{text}")
    assert body(merged).startswith(text)
    assert BLOCK in merged
    assert ("# Our title" in merged) == (not text.strip())
    assert merge_card(OURS, merged) == merged


@pytest.mark.parametrize("text", ["# Title\n\ntext", "\n# Title\n", "\ufeff# Title\n"])
def test_a_card_without_header_gets_one(text: str) -> None:
    merged = merge_card(OURS, text)
    assert header(merged) == header(OURS)
    assert text.removeprefix("\ufeff") in merged
    assert merge_card(OURS, merged) == merged


def test_markers_of_other_versions_are_known() -> None:
    theirs = "---\na: 1\n---\nabove <!-- pixmo: generated by v0 -->old<!-- pixmo: end -->\nbelow"
    assert body(merge_card(OURS, theirs)) == f"above {BLOCK}\nbelow"


def test_line_ends_of_windows_stay() -> None:
    theirs = f"---\r\nviewer: false\r\n---\r\nabove\r\n{START}\r\nold\r\n{END}\r\nbelow\r\n"
    merged = merge_card(OURS, theirs)
    assert re.search(r"[^\r]\n", merged) is None
    assert merged.startswith("---\r\nviewer: false\r\nlicense: cc-by-4.0\r\n")
    assert merged.endswith(f"{END}\r\nbelow\r\n")
    assert merge_card(OURS, merged) == merged


@pytest.mark.parametrize(
    ("card", "line", "what"),
    [
        ("---\nlicense: mit\ntags: [a\n---\nx", 4, "expected ',' or ']'"),
        ("---\nlicense: mit\ntext", 1, "no closing ---"),
        ("\n\n---\na: 1\n", 3, "no closing ---"),
        ("---\na: 1\nb: 2\na: 3\n---\n", 4, "'a' stands there twice"),
        ("---\nconfigs:\n- data: 1\n  data: 2\n---\n", 4, "'data' stands there twice"),
        ("---\n- a\n- b\n---\n", 2, "no list of `key: value`"),
        ("---\njust text\n---\n", 2, "no list of `key: value`"),
        ("---\n\ta: 1\n---\n", 2, "cannot start any token"),
        ("---\na: *b\n---\n", 2, "undefined alias"),
        ("---\na: !tag b\n---\n", 2, "constructor"),
        ("---\na: 1\n? [b]\n: 1\n---\n", 3, "unhashable"),
        ("---\na: \x01\n---\n", 2, "special characters"),
        (f"---\na: {'[' * 700}\n---\n", 2, "nested too deeply"),
        (f"---\na: 1\n---\n\n{START}\n", 5, "not one of a pair"),
        (f"---\na: 1\n---\n{END}\n{START}\n", 4, "not one of a pair"),
        (f"{START}\n{END}\n{START}\n{END}\n", 3, "not one of a pair"),
        (f"{START}\n{START}\n{END}\n", 2, "not one of a pair"),
    ],
)
def test_a_broken_card_is_refused_with_its_line(card: str, line: int, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        merge_card(OURS, card)
    assert f"line {line}: " in str(caught.value)
    assert what in str(caught.value)
    assert "repair the card there" in str(caught.value)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.sampled_from(["no", "yes", "1:30", "2026-01-01", "0x1f", "", "#x", "a: b", "- a", "null"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner),
    max_leaves=6,
)
KEYS = st.sampled_from(["annotations_creators", "viewer", "license_link", "paperswithcode_id", "n"])
PROSE = st.text(st.sampled_from("ab #-\n<!>\r\u2028"), max_size=40)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(KEYS, VALUES), PROSE, PROSE, st.booleans(), st.booleans())
def test_whatever_people_wrote_stays(
    values: dict[str, Any], above: str, below: str, marked: bool, flow: bool
) -> None:
    text = yaml.safe_dump(values, default_flow_style=flow, allow_unicode=True) if values else ""
    part = f"{START}\nold\n{END}" if marked else ""
    theirs = f"---\n{text}---\nx{above}{part}{below}"
    merged = merge_card(OURS, theirs)
    expected = yaml.load(text, Yaml12Loader) or {}
    found = yaml.load(re.split(r"^---\r?\n", merged, flags=re.M)[1], Yaml12Loader)
    assert expected.items() <= found.items()
    assert header(OURS).items() <= found.items()
    rest = merged.split("---", 2)[2]
    if marked:
        assert rest.endswith(f"x{above}{BLOCK}{below}")
    else:
        assert f"x{above}{below}" in rest
    assert merge_card(OURS, merged) == merged


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1), VALUES))
def test_what_is_written_reads_the_same_by_any_version_of_yaml(values: dict[str, Any]) -> None:
    assert (yaml.load(dump(values), Yaml12Loader) or {}) == values
    assert (yaml.safe_load(dump(values)) or {}) == values
