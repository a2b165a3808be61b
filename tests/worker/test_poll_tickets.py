"""Looking at tickets with the real client, on a site that cannot call us."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from demo.local_airflow import REPOSITORY
from rca_plugin.config import settings
from rca_plugin.worker.client import RcaClient, ServerError
from rca_plugin.worker.operators import tickets
from rca_plugin.worker.operators.tickets import PollTicketsOperator
from tests.fakes.jira import Issue
from tests.fakes.trouble import Trouble
from tests.worker.test_jira import Start, both, start

assert start, "a fixture"


class Server(RcaClient):
    """What the server is told of tickets, without one."""

    def __init__(self, keys: list[str]) -> None:
        self.keys = keys
        self.told: dict[str, Mapping[str, Any]] = {}

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    def tracked_tickets(self, after: int) -> list[dict[str, Any]]:
        return [{"id": n, "key": key} for n, key in enumerate(self.keys, 1) if n > after][:2]

    def record_ticket(self, key: str, state: Mapping[str, Any]) -> list[str]:
        if key == "PAY-404":
            raise ServerError(404, "unknown_ticket", "no incident became this ticket")
        self.told[key] = state
        return ["resolve"] if state.get("category") == "done" else []


@pytest.fixture
def poll(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AIRFLOW__RCA__JIRA_POLLING", "True")
    settings.cache_clear()

    def run(server: Server) -> dict[str, int]:
        monkeypatch.setattr(tickets, "RcaClient", lambda **_: server)
        return PollTicketsOperator(task_id="poll_tickets").execute({})  # type: ignore[typeddict-item]

    yield run
    settings.cache_clear()


def issue(key: str, status: str = "To Do", **fields: Any) -> dict[str, Issue]:
    return {key: Issue(key, {"priority": {"name": "High"}, "assignee": None, **fields}, status=status)}


@both
def test_every_ticket_is_looked_at_and_told_as_it_is(start: Start, poll: Any, cloud: bool) -> None:
    person = {"accountId" if cloud else "name": "acc-1", "displayName": "Ada Lovelace"}
    site = start(cloud, issues=issue("PAY-1", "Done", assignee=person) | issue("PAY-2") | issue("OPS-3"))
    site.moved["PAY-3"] = "OPS-3"
    server = Server(["PAY-1", "PAY-2", "PAY-3", "PAY-9"])
    assert poll(server) == {"looked_at": 4, "changed": 1, "failed": 0, "left": 0}
    first = dict(server.told["PAY-1"])
    assert first.pop("updated").startswith("20")
    assert first == {
        "key": "PAY-1", "external_id": "10001", "status": "Done", "category": "done", "priority": "High",
        "assignee": {"id": "acc-1", "name": "Ada Lovelace"},
    }  # fmt: skip
    assert server.told["PAY-2"]["assignee"] is None
    assert server.told["PAY-3"]["key"] == "OPS-3"
    assert server.told["PAY-9"]["deleted"] is True


def test_nothing_is_asked_where_it_is_off(start: Start) -> None:
    site = start(issues=issue("PAY-1"))
    with pytest.raises(AirflowSkipException, match="jira_polling is off"):
        PollTicketsOperator(task_id="poll_tickets").execute({})  # type: ignore[typeddict-item]
    assert site.calls == []


def test_without_a_connection_all_are_left(start: Start, poll: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__RCA__JIRA_CONN_ID", "")
    settings.cache_clear()
    assert poll(Server(["PAY-1"]))["left"] == 1


@pytest.mark.parametrize("trouble", [500, (429, "60"), 401, "invalid", "reset"], ids=str)
def test_a_site_that_is_down_is_left_alone_and_nothing_is_taken_for_gone(
    start: Start, poll: Any, trouble: Trouble
) -> None:
    site = start(issues=issue("PAY-1"), troubles={"*": [trouble]})
    server = Server([f"PAY-{n}" for n in range(1, 9)])
    assert poll(server) == {"looked_at": 0, "changed": 0, "failed": 3, "left": 5}
    assert (server.told, len(site.calls)) == ({}, 3)


def test_one_that_nobody_knows_does_not_stop_the_others(start: Start, poll: Any) -> None:
    start(issues=issue("PAY-1") | issue("PAY-404"))
    assert poll(Server(["PAY-404", "PAY-1"])) == {"looked_at": 1, "changed": 0, "failed": 1, "left": 0}


@pytest.mark.parametrize(("polling", "there"), [("True", True), ("False", False)])
def test_the_step_is_there_only_where_it_is_on(
    monkeypatch: pytest.MonkeyPatch, polling: str, there: bool
) -> None:
    monkeypatch.setenv("AIRFLOW__RCA__JIRA_POLLING", polling)
    settings.cache_clear()
    found = runpy.run_path(str(REPOSITORY / "dags" / "rca_housekeeping.py"))
    tasks = found["reconcile"].dag.task_dict
    assert ("poll_tickets" in tasks) is there
    assert "hand_off_waiting" in tasks["deliver"].upstream_task_ids
    settings.cache_clear()
