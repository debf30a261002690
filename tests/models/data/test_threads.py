"""Work in threads: results in order, progress reported, and no work after a failure."""

import threading

import pytest

from edgewise.models.data.threads import _BLOCK, in_threads


def test_results_come_in_the_order_of_the_items() -> None:
    told: list[tuple[int, int]] = []
    items = list(range(2 * _BLOCK + 3))
    assert in_threads(lambda item: -item, items, lambda *now: told.append(now)) == [-item for item in items]
    assert told == [(done, len(items)) for done in range(1, len(items) + 1)]


def test_no_items_give_no_results() -> None:
    assert in_threads(str, [], lambda *_: None) == []


def test_a_failure_stops_the_work_after_its_block() -> None:
    begun: list[int] = []
    lock = threading.Lock()

    def work(item: int) -> None:
        with lock:
            begun.append(item)
        if item == 5:
            raise ValueError("five")

    with pytest.raises(ValueError, match="five"):
        in_threads(work, range(10 * _BLOCK), lambda *_: None)
    assert len(begun) <= _BLOCK
