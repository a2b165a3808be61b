"""Repairs, by the JSON API inside the real app of Airflow: who may do what, and what bad input does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.models.log import Log
from airflow.utils.session import create_session
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from demo.local_airflow import LocalAirflow
from rca_plugin.core import signature
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.service_token import sign
from rca_plugin.server.models import AuditRow
from tests.server import repairing
from tests.server.conftest import _empty
from tests.server.made import actions
from tests.server.repair_runs import answered, asks, repair_dag
from tests.server.repairing import SUCCESS, became, job_repair, orders_failed, stockout, wait_over
from tests.server.test_actions import app, client_of, problem

__all__ = ["app"]
API = "/rca/api/v1"
SECRET = "what-a-playbook-signs-with"
Options = Callable[..., None]


@pytest.fixture(autouse=True)
def nothing_before(app: FastAPI, options: Options) -> Iterator[None]:
    options(playbook_secret=SECRET)
    _empty()
    repair_dag()
    yield
    _empty()


@pytest.fixture
def task(app: FastAPI, sqlite_airflow: LocalAirflow) -> TestClient:
    """A task of ours."""
    token = sign(sqlite_airflow.environment["AIRFLOW__API__SECRET_KEY"], "test", time.time())
    headers = {"Authorization": f"Bearer {token}"}
    return TestClient(app, "http://localhost", headers=headers, raise_server_exceptions=False)


@pytest.fixture
def user(app: FastAPI) -> TestClient:
    """Somebody who may trigger DAGs."""
    return client_of(app, "user")


@pytest.fixture
def viewer(app: FastAPI) -> TestClient:
    """Somebody who may read everything, and trigger nothing."""
    return client_of(app, "viewer")


def ok(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def planned(task: TestClient, number: int, *proposals: Proposal) -> dict[str, Any]:
    body = {"proposals": [one.to_json() for one in proposals], "problems": []}
    made = ok(task.post(f"{API}/incidents/{number}/remediations", json=body))
    wait_over(made["remediation_id"])
    return ok(task.get(f"{API}/remediations/{made['remediation_id']}"))


def test_a_repair_from_the_plan_to_its_end(task: TestClient, user: TestClient, viewer: TestClient) -> None:
    number = orders_failed()
    offered = ok(task.get(f"{API}/incidents/{number}/repair-options"))
    assert (offered["options"][0], offered["why_not"]) == ({"action": "airflow_clear", "settings": {}}, "")
    repair = planned(task, number)
    path = f"{API}/remediations/{repair['id']}"
    assert (repair["label"], repair["state"], repair["observed"]) == (f"RCA-{number}", "waiting", None)
    assert repair["blast_radius"] == ["load of run-1", "publish of run-1"]
    assert repair["target"] == {"dag_id": "orders", "run_id": "run-1", "task_id": "load"}
    assert repair["subject"].startswith(f"RCA-{number}: ")
    asks(repair["run_id"])
    said = ok(user.post(f"{path}/approval", json={"approve": True}))
    assert [one["name"] for one in said["approvals"]] == ["ada"]
    begun = ok(task.post(f"{path}/begin"))
    assert (begun["granted"], begun["begun_before"], begun["external_run_id"]) == (
        True,
        False,
        "orders/run-1",
    )
    assert ok(task.post(f"{path}/begin"))["begun_before"]
    assert ok(viewer.get(path))["observed"] == "running"
    became({"load": SUCCESS})
    assert ok(viewer.get(path))["observed"] == "succeeded"
    done = ok(task.put(f"{path}/outcome", json={"outcome": "succeeded", "text": "it worked"}))
    assert done == {"then": "resolved", "remediation_id": None}
    incident = ok(viewer.get(f"{API}/incidents/{number}"))
    assert "approved by ada" in incident["resolved_how"]
    [short] = incident["remediations"]
    assert (short["state"], short["outcome"], "target" in short) == ("succeeded", "it worked", False)
    [listed] = ok(task.get(f"{API}/incidents/{number}/remediations"))["remediations"]
    assert listed["id"] == repair["id"]


def test_what_it_became_outside_is_kept_once(task: TestClient) -> None:
    repair = planned(task, stockout(), job_repair())
    path = f"{API}/remediations/{repair['id']}"
    run = {"external_run_id": "77", "external_url": "https://adb/run/77"}
    assert problem(task.put(f"{path}/external", json=run)) == (409, "wrong_state")
    asks(repair["run_id"])
    answered(repair["run_id"], "Approve", "ada")
    ok(task.post(f"{path}/begin"))
    for _ in range(2):
        assert ok(task.put(f"{path}/external", json=run))["external_url"] == "https://adb/run/77"
    assert problem(task.put(f"{path}/external", json={"external_run_id": "78"})) == (409, "wrong_state")
    assert ok(task.post(f"{path}/begin"))["external_run_id"] == "77"


def test_people_cannot_do_what_tasks_do_and_the_other_way_round(task: TestClient, user: TestClient) -> None:
    number = stockout()
    repair = planned(task, number, job_repair())
    path = f"{API}/remediations/{repair['id']}"
    for answer in (
        user.get(f"{API}/incidents/{number}/repair-options"),
        user.post(f"{API}/incidents/{number}/remediations", json={"proposals": []}),
        user.post(f"{path}/begin", json={}),
        user.put(f"{path}/external", json={"external_run_id": "1"}),
        user.put(f"{path}/outcome", json={"outcome": "succeeded"}),
        task.post(f"{path}/approval", json={"approve": True}),
        task.put(f"{API}/remediation-switch", json={"on": False}),
    ):
        assert problem(answer) == (401, "unauthenticated")


def test_an_answer_that_is_too_late_or_not_allowed_says_so_and_does_nothing(
    task: TestClient, user: TestClient, viewer: TestClient
) -> None:
    number = stockout()
    repair = planned(task, number, job_repair())
    path = f"{API}/remediations/{repair['id']}"
    assert problem(user.post(f"{path}/approval", json={"approve": True})) == (409, "not_answered")
    asks(repair["run_id"])
    assert problem(viewer.post(f"{path}/approval", json={"approve": True})) == (403, "not_allowed")
    other_site = client_of(user.app, "user", cookie=True, Origin="https://evil.example")
    assert problem(other_site.post(f"{path}/approval", json={"approve": True})) == (403, "cross_site")
    ok(user.post(f"{API}/incidents/{number}/resolve", json={"reason": "by hand"}))
    late = user.post(f"{path}/approval", json={"approve": True})
    assert problem(late) == (409, "not_answered")
    assert (
        late.json()["error"]["message"] == f"RCA-{number} is resolved meanwhile: there is nothing to repair"
    )
    assert not ok(task.post(f"{path}/begin"))["granted"]
    assert problem(user.post(f"{API}/remediations/999999/approval", json={"approve": True})) == (
        404, "unknown_remediation",
    )  # fmt: skip


def test_whom_only_airflow_lets_answer_is_not_counted(
    app: FastAPI, task: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [{"username": "eve", "role": "viewer"}, {"username": "ada", "role": "admin"}]
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    monkeypatch.setattr(
        SimpleAuthManager, "get_users", lambda _: [SimpleAuthManagerUser(**one) for one in users]
    )
    repair = planned(task, stockout(), job_repair())
    asks(repair["run_id"])
    answered(repair["run_id"], "Approve", "eve")
    begun = ok(task.post(f"{API}/remediations/{repair['id']}/begin"))
    assert (begun["granted"], begun["reason"]) == (False, "it was not approved yet; Eve may not approve it")


# --- playbooks ---------------------------------------------------------------------------------------------


@pytest.fixture
def playbook(task: TestClient, options: Options, tmp_path: Path) -> str:
    """The path of a playbook that runs."""
    text = "mode: auto\nrisks: {http_playbook: low}\nsettings: {http_playbook: [{name: p, url: 'https://p.example'}]}\n"
    options(remediation_file=repairing.policy_file(tmp_path, text), playbook_secret=SECRET)
    number = stockout(category="connection_error", source="generic", rule="text.connection_refused")
    repair = planned(task, number, Proposal("http_playbook", "playbook:p", {"name": "p"}, ("playbook p",)))
    path = f"{API}/remediations/{repair['id']}"
    assert ok(task.post(f"{path}/begin"))["granted"]
    return path


def report(
    app: FastAPI, path: str, body: dict[str, Any], *, secret: str = SECRET, at: float | None = None
) -> Any:
    body = {"remediation_id": int(path.rpartition("/")[2])} | body
    data, moment = json.dumps(body).encode(), int(at or time.time())
    headers = {"X-RCA-Signature": signature.sign(secret, data, moment), "X-RCA-Timestamp": str(moment),
               "Content-Type": "application/json"}  # fmt: skip
    client = TestClient(app, "http://localhost", raise_server_exceptions=False)
    return client.post(f"{path}/outcome", content=data, headers=headers)


def test_a_playbook_says_what_came_of_it_and_the_first_word_counts(
    app: FastAPI, task: TestClient, playbook: str
) -> None:
    for _ in range(2):
        ok(report(app, playbook, {"outcome": "succeeded", "text": "restarted, password=hunter2hunter2"}))
    assert problem(report(app, playbook, {"outcome": "failed"})) == (409, "wrong_state")
    assert ok(task.get(playbook))["observed"] == "succeeded"
    with create_session(scoped=False) as session:
        [entry] = session.scalars(select(AuditRow).where(AuditRow.action == "repair_reported"))
        assert "hunter2" not in json.dumps(entry.detail)
    assert ok(task.put(f"{playbook}/outcome", json={"outcome": "unknown"}))["then"] == "resolved"


def test_nobody_else_speaks_for_a_playbook(
    app: FastAPI, task: TestClient, user: TestClient, playbook: str, options: Options
) -> None:
    said = {"outcome": "succeeded"}
    for answer in (
        report(app, playbook, said, secret="somebody else's secret"),
        report(app, playbook, said, at=time.time() - 600),
        user.post(f"{playbook}/outcome", json=said),
        task.post(f"{playbook}/outcome", json=said),
    ):
        assert problem(answer) == (401, "unauthenticated")
    hostile = report(app, playbook, {"outcome": "hunter2hunter2"})
    assert problem(hostile) == (422, "invalid_fields")
    assert "hunter2" not in hostile.text
    # What was said of another one, with its signature.
    assert problem(report(app, playbook, {**said, "remediation_id": 4_711})) == (422, "invalid_fields")
    options(playbook_secret="")
    assert problem(report(app, playbook, said)) == (503, "not_configured")
    assert ok(task.get(playbook))["observed"] is None


def test_what_is_no_playbook_is_not_spoken_for(app: FastAPI, task: TestClient) -> None:
    repair = planned(task, stockout(), job_repair())
    answer = report(app, f"{API}/remediations/{repair['id']}", {"outcome": "succeeded"})
    assert problem(answer) == (404, "unknown_remediation")


# --- the switch, the record, the past ----------------------------------------------------------------------


def test_who_may_act_stops_all_repairs_and_airflow_notes_it(
    task: TestClient, user: TestClient, viewer: TestClient
) -> None:
    switch = f"{API}/remediation-switch"
    untouched = {"on": True, "by": None, "at": None, "reason": "", "off": ""}
    assert ok(viewer.get(switch)) == untouched
    assert problem(viewer.put(switch, json={"on": False})) == (403, "not_allowed")
    assert ok(user.put(switch, json={"on": False, "reason": "the cloud is down"}))["by"] == "ada"
    stopped = ok(task.get(switch))
    assert (stopped["on"], stopped["reason"]) == (False, "the cloud is down")
    assert stopped["off"].startswith("ada switched repairs off at ")
    number = stockout()
    assert "the cloud is down" in ok(task.get(f"{API}/incidents/{number}/repair-options"))["why_not"]
    with create_session(scoped=False) as session:
        [noted] = session.scalars(select(Log).where(Log.event == "rca_remediation_switch"))
        assert (noted.owner, noted.extra) == ("ada", "repairs off: the cloud is down")


def test_what_was_suggested_is_counted_by_what_became_of_it(
    task: TestClient, viewer: TestClient, options: Options, tmp_path: Path
) -> None:
    options(remediation_file=repairing.policy_file(tmp_path, "mode: suggest\n"))
    number = orders_failed()
    planned(task, number)
    [tally] = ok(viewer.get(f"{API}/remediation-record?days=7"))["record"]
    assert (tally["category"], tally["mode"]) == ("connection_error", "suggest")
    assert (tally["proposed"], tally["would_have_succeeded"], tally["unknown"]) == (1, 0, 1)
    became({"load": SUCCESS}, start_date=datetime.now(timezone.utc))
    [tally] = ok(viewer.get(f"{API}/remediation-record?days=7"))["record"]
    assert (tally["proposed"], tally["would_have_succeeded"], tally["unknown"]) == (1, 1, 0)
    assert "1 would have succeeded" in tally["says"]
    assert problem(viewer.get(f"{API}/remediation-record?days=0")) == (422, "invalid_fields")


def test_the_past_is_replayed_and_nothing_happens(task: TestClient, viewer: TestClient) -> None:
    number = orders_failed()
    other = stockout(category="application_bug")
    before = actions(number)
    for caller in (task, viewer):
        told = ok(caller.post(f"{API}/remediation-backtest", json={"days": 365}))
        verdicts = {one["incident_id"]: one["decision"]["verdict"] for one in told["incidents"]}
        assert (verdicts, told["more"]) == ({number: "ask", other: "refuse"}, False)
        assert told["counts"] == {"ask": 1, "refuse": 1}
    assert actions(number) == before


def test_bad_proposals_are_refused_without_repeating_them(task: TestClient) -> None:
    number = stockout()
    for bad in (
        {"action": "rm -rf"},
        {**job_repair().to_json(), "blast_radius": []},
        {"x": "hunter2hunter2"},
    ):
        answer = task.post(f"{API}/incidents/{number}/remediations", json={"proposals": [bad]})
        assert problem(answer) == (422, "invalid_fields")
        assert "hunter2" not in answer.text
