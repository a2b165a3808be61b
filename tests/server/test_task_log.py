"""The end of a task's log, from messages as Airflow's reader hands them over."""

from __future__ import annotations

from typing import Any

from airflow.utils.log.file_task_handler import StructuredLogMessage

from rca_plugin.server.task_log import LoggedError, _tail_of


def message(event: str, **fields: Any) -> StructuredLogMessage:
    return StructuredLogMessage(event=event, timestamp="2026-11-23T12:00:00Z", **fields)


def raised(name: str, text: str) -> dict[str, Any]:
    frames = [{"filename": "/dags/orders.py", "lineno": 7, "name": "load"}]
    return {"exc_type": name, "exc_value": text, "frames": frames}


HEADER = [message("::group::Log message source details"), message("/logs/1.log"), message("::endgroup::")]
CHAIN = [raised("RuntimeError", "could not load"), raised("OSError", "[Errno 28] No space left on device")]


def test_the_error_that_ended_the_task_is_read_with_its_cause_first() -> None:
    failed = message("Task failed with exception", level="error", error_detail=CHAIN)
    found = _tail_of([*HEADER, message("::group::Execute"), message("loading", level="info"), failed], 50)
    assert found.error == LoggedError("RuntimeError", "could not load")
    assert found.lines[0] == "2026-11-23 12:00:00 INFO loading"
    assert "OSError: [Errno 28] No space left on device" in found.lines
    assert found.lines[-1] == "RuntimeError: could not load"
    assert '  File "/dags/orders.py", line 7, in load' in found.lines
    assert found.complete


def test_an_error_that_the_task_caught_is_not_what_ended_it() -> None:
    caught = message("retrying", level="error", error_detail=[raised("ConnectionError", "reset")])
    killed = message("Process terminated by signal.", level="critical", signal=-9)
    found = _tail_of([*HEADER, caught, killed], 50)
    assert found.error is None
    assert found.lines[-1].endswith("CRITICAL Process terminated by signal.")


def test_only_the_end_of_a_long_log_is_kept_and_long_lines_are_cut() -> None:
    found = _tail_of([message(f"line {n} " + "x" * 10_000) for n in range(500)], 20)
    assert len(found.lines) == 20
    assert "line 499" in found.lines[-1]
    assert max(map(len, found.lines)) <= 2_000


def test_control_characters_do_not_come_through() -> None:
    found = _tail_of([message("a\x00b\x1b[31mred\x1b[0m")], 5)
    assert found.lines == ("2026-11-23 12:00:00 abred",)
