"""Which tasks are pushed, and where the known ones stand among them."""

from hypothesis import given
from hypothesis import strategies as st

from annotation.push.tasks.mixing import missing_tasks
from annotation.push.tasks.task import Task
from schemas.ids import content_id

KEYS = st.sets(st.integers(0, 400).map(lambda n: content_id(str(n))), max_size=150)


@given(KEYS, KEYS, KEYS)
def test_all_that_is_missing_once(keys: set[str], gold: set[str], present: set[str]) -> None:
    tasks = [Task(key, {}) for key in sorted(keys | gold, reverse=True)]
    found = [task.key for task in missing_tasks(tasks, gold, present)]
    assert len(found) == len(set(found))
    assert set(found) == (keys | gold) - present


@given(st.integers(1, 20), st.integers(1, 200))
def test_known_ones_are_spread_evenly(known: int, others: int) -> None:
    gold = {content_id("gold", str(at)) for at in range(known)}
    keys = gold | {content_id("other", str(at)) for at in range(others)}
    order = [task.key in gold for task in missing_tasks([Task(k, {}) for k in keys], gold, ())]
    for at in range(1, len(order) + 1):
        assert abs(sum(order[:at]) - at * known / len(order)) <= 1.0


def test_the_order_is_that_of_the_keys() -> None:
    keys = [content_id(str(at)) for at in range(50)]
    found = [task.key for task in missing_tasks([Task(key, {}) for key in keys], (), ())]
    assert found == sorted(keys)
