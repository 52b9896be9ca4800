"""Items in threads: their order, how many at once, and what an error leaves undone."""

import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.in_threads import in_threads, next_may_begin


@given(st.integers(0, 20), st.integers(1, 4))
def test_without_a_word_one_comes_after_the_other(items: int, count: int) -> None:
    done: list[int] = []
    in_threads(done.append, range(items), count)
    assert done == list(range(items))


def test_the_next_begins_when_it_may_and_no_more_than_allowed() -> None:
    begun: list[int] = []
    meet, most, running = threading.Barrier(2, timeout=5), [0], [0]
    lock = threading.Lock()

    def work(item: int) -> None:
        with lock:
            begun.append(item)
            running[0] += 1
            most[0] = max(most[0], running[0])
        next_may_begin()()
        meet.wait()  # ends only if another one is under way
        with lock:
            running[0] -= 1

    in_threads(work, range(8), 2)
    assert begun == list(range(8))
    assert most[0] == 2


def test_another_thread_may_say_it_and_twice_is_once() -> None:
    begun: list[int] = []
    second = threading.Event()

    def work(item: int) -> None:
        begun.append(item)
        let_go = next_may_begin()
        if item == 0:
            for _ in range(3):
                threading.Thread(target=let_go).start()
            assert second.wait(5)
        second.set()

    in_threads(work, range(4), 2)
    assert begun == [0, 1, 2, 3]


def test_an_error_is_raised_when_those_under_way_have_ended() -> None:
    ended: list[int] = []
    failed = threading.Event()

    def work(item: int) -> None:
        next_may_begin()()
        if item == 1:
            failed.set()
            raise KeyError(item)
        assert failed.wait(5)
        ended.append(item)

    with pytest.raises(KeyError):
        in_threads(work, range(9), 2)
    assert ended == [0]


def test_outside_of_a_thread_of_ours_it_means_nothing() -> None:
    let_go: Callable[[], None] = next_may_begin()
    let_go()
