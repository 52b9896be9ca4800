"""Working ahead changes neither items nor order nor errors, and leaves no thread behind."""

import threading
from collections.abc import Iterator

import pytest

from pipelines.steps.read_ahead import map_ahead, read_ahead


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "read-ahead"]


@pytest.mark.parametrize("depth", [1, 3])
def test_the_same_items_in_the_same_order(depth: int) -> None:
    assert list(read_ahead(iter(range(50)), depth)) == list(range(50))
    assert list(read_ahead(iter([]), depth)) == []
    assert list(read_ahead(iter([None, None]))) == [None, None]
    assert not threads()


def test_errors_arrive_behind_the_items_before_them() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("here")

    found = read_ahead(items())
    assert next(found) == 1
    with pytest.raises(KeyError, match="here"):
        next(found)
    assert not threads()


def test_an_error_as_an_item_is_an_item() -> None:
    error = ValueError("no failure")
    assert list(read_ahead(iter([error]))) == [error]


def test_whoever_stops_asking_stops_the_thread() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    found = read_ahead(items(), depth=2)
    assert next(found) == 0
    found.close()  # type: ignore[attr-defined]
    assert not threads()
    assert len(made) <= 5, "only as far ahead as it may"


def test_items_are_made_while_others_are_used() -> None:
    second = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        second.set()
        yield 2

    found = read_ahead(items())
    assert next(found) == 1
    assert second.wait(10), "the second is made before it is asked for"
    assert list(found) == [2]


# --- a function of every item


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_of_their_items(workers: int) -> None:
    assert list(map_ahead(lambda number: -number, range(20), workers)) == [-n for n in range(20)]
    assert list(map_ahead(str, [], workers)) == []


def test_items_are_worked_on_at_once_and_no_more_than_that_are_taken() -> None:
    together = threading.Barrier(3, timeout=10)
    taken = []

    def items() -> Iterator[int]:
        for number in range(9):
            taken.append(number)
            yield number

    def meet(number: int) -> int:
        together.wait()
        return number

    found = map_ahead(meet, items(), 3)
    assert next(found) == 0
    assert taken == [0, 1, 2]
    assert list(found) == list(range(1, 9))


def test_an_error_arrives_in_place_of_its_result() -> None:
    found = map_ahead(lambda number: 1 // number, [1, 0, 1], 2)
    assert next(found) == 1
    with pytest.raises(ZeroDivisionError):
        next(found)
    assert not [t for t in threading.enumerate() if t.name.startswith("map-ahead")]
