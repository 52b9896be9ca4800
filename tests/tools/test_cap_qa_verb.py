"""The verb and the section of a recipe, down to the same rows."""

from pathlib import Path

import pytest
import yaml

from schemas.store import Store
from tests import toy_store as toy
from tests.pipelines.test_cap_qa import put_captions, questions, well
from tests.tools.in_process import pixmo, refused, refused_options
from tests.toy_llm import ToyLlm, serving_llm
from tests.toy_store import picture


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "store"))
    toy.put_images(made, {"a.png": picture(1), "b.png": picture(2)}, {"c.png": picture(3)})
    put_captions(made)
    return made


def flags(llm: ToyLlm) -> tuple[str, ...]:
    return ("--llm-base-url", llm.base_url, "--llm-model", "m", "--max-rejects", "1")


def test_the_verb_plans_writes_and_does_nothing_twice(store: Store) -> None:
    with serving_llm(well) as llm:
        verb = ("cap-qa", "--store", store.url, "--questions", "2", *flags(llm))
        planned = pixmo(*verb, "--styles", "short", "--styles", "detail", "--dry-run")
        assert "12 LLM" in planned.output
        assert llm.calls == 0
        done = pixmo(*verb, "--styles", "short", "--styles", "detail")
        assert done.exit_code == 0, done.output
        assert llm.calls == 12
        assert {row.style for row in questions(store)} == {"short", "detail"}
        pixmo(*verb, "--styles", "short", "--styles", "detail")
        assert llm.calls == 12
        again = pixmo("retry", "--store", store.url, "--stage", "cap-qa")
        assert again.exit_code == 0, again.output
        assert llm.calls == 12


def test_a_recipe_makes_the_same_rows(store: Store, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    with serving_llm(well) as llm:
        pixmo("cap-qa", "--store", store.url, "--questions", "3", *flags(llm))
        before, calls = questions(store), llm.calls
        section = {
            "llm": {"base_url": llm.base_url, "model": "m"},
            "asking": {"questions": 3},
            "max_rejects": 1.0,
        }
        recipe.write_text(yaml.safe_dump({"store": store.url, "cap_qa": section}))
        done = pixmo("run", str(recipe), "--stage", "cap-qa")
        assert done.exit_code == 0, done.output
        assert (questions(store), llm.calls) == (before, calls)


def test_what_is_refused(store: Store, tmp_path: Path) -> None:
    assert "no style 'poem'; styles: short, " in refused(
        "cap-qa", "--store", store.url, "--styles", "poem"
    )
    assert "--questions" in refused_options("cap-qa", "--store", store.url, "--questions", "0")
    recipe = tmp_path / "recipe.yaml"
    for section, said in (
        ({"asking": {"write_prompt": "none_v1"}}, "no prompt 'none_v1'"),
        ({"policy": {"blur_v1": 1}}, "no tag 'blur_v1'"),
        ({"max_rejects": 2.0}, "cap_qa.max_rejects"),
        ({"asking": {"question": 3}}, "did you mean 'questions'"),
    ):
        recipe.write_text(yaml.safe_dump({"store": store.url, "cap_qa": section}))
        assert said in refused("run", str(recipe))
