"""What is remembered for a while."""

from __future__ import annotations

from rca_plugin.core.remembered import Remembered


def test_a_value_is_remembered_until_its_time_is_up() -> None:
    kept: Remembered[str] = Remembered(10, most=5)
    assert kept.add("a", "first", 100)
    assert not kept.add("a", "second", 109.9)
    assert (kept.get("a", 109.9), kept.get("a", 110), kept.get("b", 100)) == ("first", None, None)
    assert kept.add("a", "third", 110)
    assert kept.get("a", 119) == "third"


def test_the_oldest_gives_way_to_the_newest() -> None:
    kept: Remembered[int] = Remembered(10, most=3)
    for number in range(4):
        assert kept.add(str(number), number, number)
    assert [kept.get(str(number), 4) for number in range(4)] == [None, 1, 2, 3]
    # What was added again is new again.
    assert kept.add("1", 5, 12)
    assert kept.add("4", 4, 12)
    assert (kept.get("1", 12), kept.get("2", 11), kept.get("3", 12)) == (5, None, 3)


def test_what_was_forgotten_is_new() -> None:
    kept: Remembered[int] = Remembered(10, most=3)
    kept.forget("a")
    assert kept.add("a", 1, 0)
    kept.forget("a")
    assert kept.get("a", 1) is None
    assert kept.add("a", 2, 1)
