from __future__ import annotations

import threading
import time

import pytest

from rca_plugin.server.group_commit import BusyError, GroupCommit


class Work:
    """Doubles numbers; the first piece of work waits until it is released."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.entered, self.released = threading.Event(), threading.Event()

    def __call__(self, items: list[int]) -> list[int]:
        self.groups.append(items)
        self.entered.set()
        assert self.released.wait(30)
        if 13 in items:
            raise ValueError(items)
        if 666 in items:
            raise ConnectionError
        return [2 * item for item in items]


@pytest.fixture
def work() -> Work:
    return Work()


def together(work: Work, *later: list[int], most: int = 100, patience: float = 30.0) -> list[object]:
    """Submit [1] first and, while that is worked on, the others at once; answer what became of each."""
    commit = GroupCommit(work, most=most, patience=patience, for_all=(ConnectionError,))
    outcomes: list[object] = [None] * (1 + len(later))

    def submit(place: int, items: list[int]) -> None:
        try:
            outcomes[place] = commit.submit(items)
        except Exception as error:
            outcomes[place] = type(error)

    threads = [threading.Thread(target=submit, args=(0, [1]))]
    threads[0].start()
    assert work.entered.wait(30)
    for place, items in enumerate(later, start=1):
        thread = threading.Thread(target=submit, args=(place, items))
        thread.start()
        threads.append(thread)
        while len(commit._waiting) < place and thread.is_alive():
            time.sleep(0.001)
    if patience >= 1:
        work.released.set()
    else:
        threads[-1].join()
        work.released.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert (commit._led, list(commit._waiting)) == (False, [])
    return outcomes


def test_what_waits_is_worked_on_together_and_each_gets_its_own(work: Work) -> None:
    assert together(work, [2, 3], [], [4]) == [[2], [4, 6], [], [8]]
    assert work.groups == [[1], [2, 3, 4]]


def test_a_group_is_not_larger_than_the_most_unless_one_caller_has_more(work: Work) -> None:
    assert together(work, [2, 3], [4, 5], [6], list(range(20, 30)), most=4) == [
        [2], [4, 6], [8, 10], [12], [2 * n for n in range(20, 30)],
    ]  # fmt: skip
    assert [len(group) for group in work.groups] == [1, 4, 1, 10]


def test_an_error_of_one_callers_items_is_that_callers_alone(work: Work) -> None:
    assert together(work, [2], [13], [3]) == [[2], [4], ValueError, [6]]


def test_an_error_that_is_nobodys_fault_is_everybodys(work: Work) -> None:
    assert together(work, [2], [666], [3]) == [[2], ConnectionError, ConnectionError, ConnectionError]
    assert len(work.groups) == 2


def test_who_waits_too_long_is_told_so_and_nothing_of_it_is_worked_on(work: Work) -> None:
    assert together(work, [2], patience=0.05) == [[2], BusyError]
    assert work.groups == [[1]]


def test_under_load_every_item_is_worked_on_exactly_once() -> None:
    seen: list[int] = []

    def work(items: list[int]) -> list[int]:
        seen.extend(items)
        return items

    commit = GroupCommit(work, most=20, patience=30, for_all=())

    def submit(number: int) -> None:
        for n in range(200):
            assert commit.submit([number * 1000 + n]) == [number * 1000 + n]

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == len(set(seen)) == 1600
