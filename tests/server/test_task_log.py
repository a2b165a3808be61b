"""What is kept of a task's log, from messages as Airflow's reader hands them over."""

from __future__ import annotations

from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.utils.log.file_task_handler import StructuredLogMessage

from rca_plugin.server import task_log
from rca_plugin.server.log_message import LoggedError
from rca_plugin.server.task_log import _log_of, read_log


def message(event: str, **fields: Any) -> StructuredLogMessage:
    return StructuredLogMessage(event=event, timestamp="2026-11-23T12:00:00Z", **fields)


def raised(name: str, text: str) -> dict[str, Any]:
    frames = [{"filename": "/dags/orders.py", "lineno": 7, "name": "load"}]
    return {"exc_type": name, "exc_value": text, "frames": frames}


HEADER = [message("::group::Log message source details"), message("/logs/1.log"), message("::endgroup::")]
CHAIN = [raised("RuntimeError", "could not load"), raised("OSError", "[Errno 28] No space left on device")]


def test_the_error_that_ended_the_task_is_read_with_its_cause_first() -> None:
    failed = message("Task failed with exception", level="error", error_detail=CHAIN)
    found = _log_of([*HEADER, message("::group::Execute"), message("loading", level="info"), failed], 50)
    assert found.error == LoggedError("RuntimeError", "could not load")
    assert found.errors[0] == LoggedError("OSError", "[Errno 28] No space left on device")
    assert found.lines[0] == "2026-11-23 12:00:00 INFO loading"
    assert "OSError: [Errno 28] No space left on device" in found.lines
    assert found.lines[-1] == "RuntimeError: could not load"
    assert '  File "/dags/orders.py", line 7, in load' in found.lines
    assert found.complete


def test_an_error_that_the_task_caught_is_not_what_ended_it() -> None:
    caught = message("retrying", level="error", error_detail=[raised("ConnectionError", "reset")])
    killed = message("Process terminated by signal.", level="critical", signal=-9)
    found = _log_of([*HEADER, caught, killed], 50)
    assert found.error is None
    assert found.lines[-1].endswith("CRITICAL Process terminated by signal. signal=-9")


def test_only_the_end_of_a_long_log_is_kept_and_long_lines_are_cut() -> None:
    found = _log_of([message(f"line {n} " + "x" * 10_000) for n in range(500)], 20)
    assert len(found.lines) == 10  # as many as fit, and how many are left out
    assert "line 499" in found.lines[-1]
    assert max(map(len, found.lines)) <= 2_000


def test_control_characters_do_not_come_through() -> None:
    found = _log_of([message("a\x00b\x1b[31mred\x1b[0m")], 5)
    assert found.lines == ("2026-11-23 12:00:00 abred",)


def test_the_error_is_kept_with_its_chain_though_hundreds_of_lines_follow() -> None:
    failed = message("Task failed with exception", level="error", error_detail=CHAIN)
    noise = [message(f"closing connection {n}", level="error", logger="task.stderr") for n in range(700)]
    found = _log_of([*HEADER, message("loading part 7"), failed, *noise], 50)
    assert any("loading part 7" in line for line in found.lines)
    assert {"OSError: [Errno 28] No space left on device", "RuntimeError: could not load"} <= set(found.lines)
    assert "closing connection 699" in found.lines[-1]


def test_why_there_is_no_log_is_said_in_the_words_of_the_reader() -> None:
    header = [HEADER[0], message("Could not read served logs: connection refused"), HEADER[2]]
    found = _log_of(header, 50)
    assert (found.lines, found.reasons) == ((), ("Could not read served logs: connection refused",))


def test_a_store_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = Event()

    class Silent:
        def read_log_chunks(self, *_: Any) -> Any:
            answered.wait(60)
            return iter([]), {}

    monkeypatch.setattr(task_log, "TaskLogReader", Silent)
    monkeypatch.setattr(task_log, "_ANSWER_SECONDS", 0.05)
    found = read_log(SimpleNamespace(task_id="load", try_number=1), 50)
    answered.set()
    assert not found.complete
    assert found.reasons == ("TimeoutError: no answer within 0.05 s",)


def test_a_reader_that_raises_is_no_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def read_log_chunks(self, *_: Any) -> Any:
            raise ConnectionError("the bucket is gone")

    monkeypatch.setattr(task_log, "TaskLogReader", Broken)
    found = read_log(SimpleNamespace(task_id="load", try_number=1), 50)
    assert found.reasons == ("ConnectionError: the bucket is gone",)
