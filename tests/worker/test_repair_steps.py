"""The steps of a repair, each of which may end at any moment and be run again: one rerun, found and followed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException, TaskAwaitingInput, TaskDeferred

from rca_plugin import config
from rca_plugin.core.delivery import Destination
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.worker import client
from rca_plugin.worker.operators import repair as steps
from rca_plugin.worker.remediation_client import RemediationClient
from rca_plugin.worker.repairs.attempt import moment
from rca_plugin.worker.repairs.choice import REPAIRS, proposals_for
from rca_plugin.worker.triggers import follow
from tests.fakes.databricks import RUN, Workspace
from tests.fakes.remediations import Repairs, repairs
from tests.worker.repairing import OF_PIPELINE, OF_RUN, incident

pytestmark = pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
CLEAR = Proposal(
    "airflow_clear", "harbor/load", {"dag_id": "harbor", "run_id": "r", "task_id": "load"}, ("load of r",)
)
REPAIR_RUN = "databricks_repair_run"


class Crash(BaseException):
    """The process ends here."""


class Task:
    """What a task instance of the run keeps between its steps."""

    def __init__(self) -> None:
        self.results: dict[str, Any] = {}

    def xcom_pull(self, task_ids: str) -> Any:
        return self.results.get(task_ids)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Repairs]:
    monkeypatch.setenv("AIRFLOW__RCA__SERVICE_SECRET", "the secret of these tests")
    monkeypatch.setattr(client, "_FIRST_PAUSE_SECONDS", 0.01)
    for name in ("_FIRST_PAUSE", "_LONGEST_PAUSE"):
        monkeypatch.setattr(follow, name, 0.05)
    with repairs() as service:
        monkeypatch.setenv("AIRFLOW__RCA__API_URL", service.url)
        config.settings.cache_clear()
        yield service


@pytest.fixture
def databricks(workspace: Callable[..., Workspace], server: Repairs) -> Workspace:
    service = workspace()
    server.incident = incident("databricks", OF_RUN)
    server.options = [{"action": REPAIR_RUN, "settings": {}}]
    server.plan(proposals_for(server.incident, server.options)[0][0], state="ready", approvals_needed=0)
    service.calls.clear()
    return service


def act(task: Task) -> None:
    task.results["act"] = steps.ActOperator(task_id="act", remediation_id=7).execute({"ti": task})


def verify(task: Task) -> None:
    step = steps.VerifyOperator(task_id="verify", remediation_id=7)
    with pytest.raises(TaskDeferred) as deferred:
        step.execute({"ti": task})
    assert deferred.value.method_name == "followed"
    path, kwargs = deferred.value.trigger.serialize()
    assert path == "rca_plugin.worker.triggers.follow.FollowTrigger"
    # As another triggerer gets it.
    task.results["verify"] = step.followed({}, _fired(follow.FollowTrigger(**kwargs)))


def verified(task: Task) -> dict[str, Any]:
    verify(task)
    return dict(task.results["verify"])


def conclude(task: Task) -> None:
    steps.ConcludeOperator(task_id="conclude", remediation_id=7).execute({"ti": task})


def _fired(trigger: follow.FollowTrigger) -> dict[str, str]:
    async def first() -> dict[str, str]:
        async for event in trigger.run():
            return dict(event.payload)
        raise AssertionError("it ended without an event")

    return asyncio.run(first())


def test_a_repair_goes_its_way(server: Repairs, databricks: Workspace) -> None:
    task = Task()
    act(task)
    assert server.row["external_run_id"] == f"{RUN}/5001"
    databricks.finish("SUCCESS")
    assert verified(task)["outcome"] == "succeeded"
    conclude(task)
    assert [said["outcome"] for said in server.said] == ["succeeded"]
    assert server.said[0]["proposals"] == []
    assert len(databricks.begun) == 1


def test_a_failed_repair_says_what_could_be_tried_next(server: Repairs, databricks: Workspace) -> None:
    task = Task()
    act(task)
    databricks.finish("FAILED")
    assert verified(task)["outcome"] == "failed"
    conclude(task)
    assert server.said[0]["proposals"][0]["target"]["latest_repair_id"] == 5001


#: Where the process that acts may end, by the call that is not made, or whose answer is not seen any more.
CRASHES = {
    "before it begins": (RemediationClient, "begin", False),
    "after the server recorded the intent": (RemediationClient, "begin", True),
    "before the service is told": (type(REPAIRS[REPAIR_RUN]), "start", False),
    "after the service has begun": (type(REPAIRS[REPAIR_RUN]), "start", True),
    "before the run is recorded": (RemediationClient, "record_external", False),
    "after the run is recorded": (RemediationClient, "record_external", True),
    "before it is followed": (RemediationClient, "remediation", False),
    "while it is followed": (type(REPAIRS[REPAIR_RUN]), "look", False),
    "before it is concluded": (RemediationClient, "conclude", False),
    "after it is concluded": (RemediationClient, "conclude", True),
}


@pytest.mark.parametrize("place", CRASHES)
def test_wherever_it_ends_the_next_try_goes_on(
    server: Repairs, databricks: Workspace, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    task, crashed = Task(), []
    crash_once(monkeypatch, *CRASHES[place], crashed)
    for step in (act, verify, conclude):
        try:
            step(task)
        except Crash:
            step(task)
        if step is act:
            databricks.finish("SUCCESS")
    assert crashed == [CRASHES[place][1]]
    assert len(databricks.begun) == 1
    assert server.row["external_run_id"] == f"{RUN}/5001"
    assert {said["outcome"] for said in server.said} == {"succeeded"}


def crash_once(patch: pytest.MonkeyPatch, owner: type, name: str, after: bool, crashed: list[str]) -> None:
    real = getattr(owner, name)

    def crashing(self: Any, *args: Any, **kwargs: Any) -> Any:
        if crashed:
            return real(self, *args, **kwargs)
        crashed.append(name)
        if after:
            real(self, *args, **kwargs)
        raise Crash

    patch.setattr(owner, name, crashing)


@pytest.mark.parametrize("trouble", [429, 503, "reset", "lost", "truncated"])
@pytest.mark.parametrize("call", ["begin", "external", "remediation", "remediations", "outcome"])
def test_an_answer_of_the_server_that_is_lost_begins_nothing_twice(
    server: Repairs, databricks: Workspace, call: str, trouble: Any
) -> None:
    server.troubles[call] = [trouble, None]
    task = Task()
    act(task)
    databricks.finish("SUCCESS")
    assert verified(task)["outcome"] == "succeeded"
    conclude(task)
    assert len(databricks.begun) == 1
    assert [said["outcome"] for said in server.said] == ["succeeded"]


def test_what_the_server_does_not_grant_is_not_done(server: Repairs, databricks: Workspace) -> None:
    server.reason = "repairs are switched off by ada"
    with pytest.raises(AirflowSkipException, match="switched off by ada"):
        act(Task())
    assert databricks.begun == []
    conclude(Task())
    assert server.said == [{"outcome": "not_begun", "text": "", "proposals": []}]


def test_what_is_approved_before_its_time_waits_without_a_worker(
    server: Repairs, databricks: Workspace
) -> None:
    server.row["not_before"] = "2126-02-03T03:00:00Z"
    step = steps.ActOperator(task_id="act", remediation_id=7)
    with pytest.raises(TaskDeferred) as waiting:
        step.execute({})
    assert waiting.value.trigger.moment == moment("2126-02-03T03:00:00Z")
    assert server.row["intent_at"] is None
    getattr(step, waiting.value.method_name)({}, None)
    assert len(databricks.begun) == 1


def test_what_is_recorded_already_is_only_followed(server: Repairs, databricks: Workspace) -> None:
    server.row.update(state="running", intent_at="2026-02-03T03:00:00Z", external_run_id=f"{RUN}/5001")
    act(Task())
    assert databricks.calls == []


def test_what_airflow_does_itself_is_told_nobody_else(server: Repairs, databricks: Workspace) -> None:
    server.plan(CLEAR)
    task = Task()
    act(task)
    assert databricks.calls == []
    server.row["observed"] = "failed"
    assert verified(task) == {"outcome": "failed", "text": "seen by the server: failed"}


def test_what_airflow_forgot_is_unknown(server: Repairs, databricks: Workspace) -> None:
    server.plan(CLEAR)
    task = Task()
    act(task)
    assert verified(task)["outcome"] == "unknown"


@pytest.mark.parametrize(("trouble", "outcome"), [(403, "failed"), ("reset", "unknown")])
def test_what_comes_to_nothing_is_not_followed(
    server: Repairs, azure: Callable[..., Any], trouble: Any, outcome: str
) -> None:
    service = azure()
    server.incident = incident("adf", OF_PIPELINE)
    option = {"action": "adf_rerun_from_failed_activity", "settings": {}}
    server.plan(proposals_for(server.incident, [option])[0][0], state="ready")
    service.troubles.update({"create_run": [trouble], "pipeline_runs": [500]})
    task = Task()
    act(task)
    assert task.results["act"]["outcome"] == outcome
    with pytest.raises(AirflowSkipException):
        steps.VerifyOperator(task_id="verify", remediation_id=7).execute({"ti": task})
    conclude(task)
    assert [said["outcome"] for said in server.said] == [outcome]
    assert len(service.begun) == (trouble == "reset")


def test_a_step_that_gave_up_leaves_an_end(server: Repairs, databricks: Workspace) -> None:
    act(Task())
    conclude(Task())
    assert [said["outcome"] for said in server.said] == ["unknown"]


@pytest.mark.parametrize("trouble", [401, 403, 404, 429, 500, 503, "reset", "truncated", "invalid", "wrong"])
def test_what_cannot_be_looked_at_now_is_looked_at_later(
    server: Repairs, databricks: Workspace, trouble: Any
) -> None:
    task = Task()
    act(task)
    databricks.finish("SUCCESS")
    databricks.troubles["run"] = [trouble, None]
    assert verified(task)["outcome"] == "succeeded"


def test_following_has_an_end(server: Repairs, databricks: Workspace) -> None:
    act(Task())
    looked = len(databricks.calls)
    found = _fired(follow.FollowTrigger(7, time.time() + 0.3))
    assert found["outcome"] == "unknown"
    assert "did not end in time; last: RUNNING" in found["text"]
    assert 3 <= len(databricks.calls) - looked <= 10


def test_following_has_an_end_though_nobody_answers(server: Repairs, databricks: Workspace) -> None:
    act(Task())
    server.troubles["remediation"] = [403]
    found = _fired(follow.FollowTrigger(7, time.time() + 0.2))
    assert found["outcome"] == "unknown"
    assert "could not be looked at" in found["text"]


def test_a_repair_that_ended_on_the_server_is_not_followed_further(
    server: Repairs, databricks: Workspace
) -> None:
    task = Task()
    act(task)
    server.row.update(state="canceled", outcome="somebody marked it")
    assert verified(task) == {"outcome": "canceled", "text": "somebody marked it"}


def approve(approval: int, patch: pytest.MonkeyPatch) -> Any:
    asked: list[dict[str, Any]] = []
    patch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **kw: asked.append(kw)
    )
    step = steps.ApproveRepairOperator(task_id="approve", remediation_id=7, approval=approval)
    try:
        step.execute({"task_instance": type("Ti", (), {"id": "x"})})
    except TaskAwaitingInput as waiting:
        return asked[0], waiting.timeout.total_seconds() if waiting.timeout else None
    return None


def test_people_are_asked_what_the_server_says(server: Repairs, monkeypatch: pytest.MonkeyPatch) -> None:
    server.plan(CLEAR)
    asked, seconds = approve(1, monkeypatch)
    assert asked["subject"] == "Repair RCA-42?"
    assert asked["body"] == "**all of it**"
    assert asked["defaults"] == ["Reject"]
    assert 3500 < seconds <= 3600
    assert approve(2, monkeypatch) is None


def test_two_are_asked_one_after_the_other(server: Repairs, monkeypatch: pytest.MonkeyPatch) -> None:
    server.plan(CLEAR, approvals_needed=2)
    assert approve(1, monkeypatch)
    server.row["approvals"] = [{"name": "ada", "at": "2026-02-03T03:00:00Z"}]
    # A try after the answer does not ask the same again.
    assert approve(1, monkeypatch) is None
    assert approve(2, monkeypatch)


def test_nobody_is_asked_where_nobody_has_to_be(server: Repairs, monkeypatch: pytest.MonkeyPatch) -> None:
    server.plan(CLEAR, approvals_needed=0, state="ready")
    assert approve(1, monkeypatch) is None


def test_too_late_is_asked_for_a_moment_only(server: Repairs, monkeypatch: pytest.MonkeyPatch) -> None:
    server.plan(CLEAR, expires_at="2026-02-03T03:00:00Z")
    assert approve(1, monkeypatch)[1] == 1


def test_what_has_ended_is_not_asked_for(server: Repairs, monkeypatch: pytest.MonkeyPatch) -> None:
    server.plan(CLEAR, state="canceled", outcome="RCA-42 was resolved")
    with pytest.raises(AirflowSkipException, match="RCA-42 was resolved"):
        approve(1, monkeypatch)


def test_a_no_is_not_asked_for_again(server: Repairs, monkeypatch: pytest.MonkeyPatch) -> None:
    server.plan(CLEAR, rejected=True)
    with pytest.raises(AirflowSkipException, match="rejected"):
        approve(1, monkeypatch)


def test_what_could_be_done_is_sent_and_what_not_is_said(server: Repairs, databricks: Workspace) -> None:
    server.options += [
        {"action": "databricks_start_cluster", "settings": {}},
        {"action": "airflow_clear", "settings": {}},
    ]
    verdict = steps.PlanRepairOperator(task_id="plan_repair", incident_id=42).execute({})
    assert verdict == "ask"
    [planned] = server.planned
    assert [one["action"] for one in planned["proposals"]] == [REPAIR_RUN]
    assert planned["problems"] == ["databricks_start_cluster: the report names no cluster"]
    assert planned["dry_run"] is False
    assert databricks.begun == []


def test_nothing_is_looked_up_where_nothing_may_be_done(server: Repairs, databricks: Workspace) -> None:
    server.options = []
    with pytest.raises(AirflowSkipException, match="repairs are off"):
        steps.PlanRepairOperator(task_id="plan_repair", incident_id=42).execute({})
    assert databricks.calls == []


@pytest.mark.parametrize("is_reached", [True, False])
def test_people_hear_of_the_question_and_of_the_end_at_once(
    server: Repairs, databricks: Workspace, monkeypatch: pytest.MonkeyPatch, is_reached: bool
) -> None:
    told: list[tuple[int, str]] = []

    def deliver(_client: Any, incident_id: int, destination: Destination) -> None:
        told.append((incident_id, destination.value))
        if not is_reached:
            raise client.ServerError(503, "unreachable", "the server is away")

    monkeypatch.setattr(steps, "deliver", deliver)
    steps.PlanRepairOperator(task_id="plan_repair", incident_id=42).execute({})
    assert told == [(42, "message"), (42, "ticket")]
    conclude(Task())
    assert told[2:] == told[:2]
    assert len(server.said) == 1
