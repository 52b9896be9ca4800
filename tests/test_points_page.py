"""docs/points.md tells of the tags that there are, with the limits that hold."""

import pytest

from pipelines.steps.contamination import DEFAULT_LIMITS as EVALUATION_LIMITS
from pipelines.subsets.registry import SELECTS
from tests.test_docs import page, table_rows

OTHERS = {name for name, _ in EVALUATION_LIMITS}


@pytest.mark.parametrize("subset", ["points", "point_explanations", "ask_model_anything"])
def test_tags_are_documented_with_their_limits(subset: str) -> None:
    rows = table_rows(page("docs/points.md"), f"tag of {subset}")
    select = SELECTS[subset]
    assert {row[0] for row in rows} == select.known_tags - OTHERS
    limits = {name: str(limit) for name, limit in select.defaults if name not in OTHERS}
    assert {name: limit for name, limit, _ in rows if limit != "none"} == limits
    assert all(told for *_, told in rows)
