"""What is kept of a log: the lines around its errors wherever they are, and its end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.log_window import LogWindow, Weight, names_error

CHARS = 20_000


def window_of(*messages: tuple[str, Weight], lines: int = 40, chars: int = CHARS) -> list[str]:
    window = LogWindow(lines, chars)
    for text, weight in messages:
        window.add(text.split("\n"), weight)
    return window.kept()


def noise(
    count: int, text: str = "still cleaning up", weight: Weight = Weight.NONE
) -> list[tuple[str, Weight]]:
    return [(f"{text} {number}", weight) for number in range(count)]


ERROR = ("Task failed\nOSError: disk full\nRuntimeError: could not load", Weight.ENDED)


def test_an_error_far_from_the_end_is_kept_with_what_led_to_it() -> None:
    kept = window_of(*noise(500, "loading"), ERROR, *noise(800))
    assert {
        "OSError: disk full",
        "RuntimeError: could not load",
        "loading 499",
        "still cleaning up 799",
    } <= set(kept)
    assert len([line for line in kept if "left out" not in line]) == 40
    assert kept.index("loading 499") < kept.index("OSError: disk full") < kept.index("still cleaning up 799")


def test_how_many_lines_are_left_out_is_said() -> None:
    kept = window_of(*noise(3, "a"), ERROR, *noise(1_000, "b"), lines=12)
    gaps = [int(line.split()[1]) for line in kept if "left out" in line]
    assert len(gaps) == 2
    assert sum(gaps) + len(kept) - len(gaps) == 3 + 3 + 1_000


def test_a_short_log_is_kept_whole() -> None:
    messages = [*noise(5), ERROR, *noise(5, "after")]
    assert window_of(*messages) == [line for text, _ in messages for line in text.split("\n")]


def test_what_is_logged_as_an_error_afterwards_does_not_take_its_place() -> None:
    kept = window_of(
        ERROR, *noise(500, "ERROR heartbeat refused", Weight.NAMED), *noise(500, "x", Weight.LOGGED)
    )
    assert "OSError: disk full" in kept


def test_the_error_in_the_output_is_kept_beside_the_one_that_ended_the_task() -> None:
    output = [("Caused by: java.io.IOException: broken pipe", Weight.NAMED), *noise(300, "shutting down")]
    kept = window_of(*noise(300), *output, ("BashCommandFailed: exit code 1", Weight.ENDED), *noise(300))
    assert any("broken pipe" in line for line in kept)
    assert any("exit code 1" in line for line in kept)


def test_a_traceback_of_many_lines_is_one_passage() -> None:
    lines = [
        "Traceback (most recent call last):",
        *(f"  frame {n}" for n in range(10)),
        "ValueError: bad row",
    ]
    messages = [(line, Weight.NAMED if names_error(line) else Weight.NONE) for line in lines]
    kept = window_of(*noise(300), *messages, *noise(300), lines=60)
    assert set(lines) <= set(kept)


def test_long_lines_of_noise_do_not_push_the_error_out() -> None:
    kept = window_of(ERROR, *noise(300, "y" * 2_000), lines=200)
    assert "OSError: disk full" in kept
    assert sum(map(len, kept)) <= CHARS + 200


@given(st.lists(st.tuples(st.text(max_size=50), st.sampled_from(Weight)), max_size=200), st.integers(10, 30))
def test_it_never_keeps_more_than_it_may_and_keeps_the_order(
    messages: list[tuple[str, Weight]], limit: int
) -> None:
    window = LogWindow(limit, 500)
    for number, (text, weight) in enumerate(messages):
        window.add([f"{number}:{text}"], weight)
    kept = [line for line in window.kept() if not line.startswith("…")]
    assert len(kept) <= limit
    assert sum(map(len, kept)) <= 500
    numbers = [int(line.partition(":")[0]) for line in kept]
    assert numbers == sorted(set(numbers))


def test_a_line_that_names_an_error() -> None:
    for line in ("ValueError: bad", "java.lang.Exception: x", "12:00 ERROR Executor lost", "Caused by: y"):
        assert names_error(line), line
    for line in ("0 errors", "rows written", "no exception was raised", ""):
        assert not names_error(line), line
