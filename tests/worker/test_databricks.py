"""What Databricks is asked about a failure: by the real hook, over real sockets, whatever goes wrong there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from rca_plugin import config
from rca_plugin.core.evidence import Fact
from rca_plugin.worker.integrations import databricks
from rca_plugin.worker.integrations.inquiry import facts_within
from tests.fakes.databricks import (
    CLUSTER,
    ENDED,
    JOB,
    RUN,
    STARTED,
    TASK_RUN,
    TOKEN,
    WORKSPACE,
    Workspace,
    cluster,
    job_run,
    state,
    task_run,
)  # fmt: skip

# The hook itself reads its version in a way that Airflow 3.3 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
Start = Callable[..., Workspace]
NOTIFIED = {
    "workspace_id": str(WORKSPACE),
    "job_id": str(JOB),
    "run_id": str(RUN),
    "job_name": "harbor nightly",
}
CLUSTER_LOST = {
    "state_message": "", "terminated_time": ENDED,
    "termination_reason": {"code": "SPOT_INSTANCE_TERMINATION", "type": "CLOUD_FAILURE",
                           "parameters": {"azure_error_message": "the machine was evicted"}},
}  # fmt: skip
CALLS = {"run": "run", "output": "run_output", "cluster": "cluster", "cluster_events": "cluster_events"}
TROUBLES = [401, 403, 404, 429, 500, 503, "reset", "stall", "truncated", "invalid", "wrong"]


def asked(seconds: float = 30, **labels: str) -> list[Fact]:
    about = databricks.Subject.of_labels(labels or NOTIFIED)
    return facts_within(seconds, "Databricks", partial(databricks.collect, about=about))


def kinds(facts: list[Fact]) -> list[str]:
    return [fact.kind for fact in facts]


def text(facts: list[Fact], kind: str) -> str:
    return "\n".join(fact.text for fact in facts if fact.kind == kind)


def test_the_error_that_the_notification_left_out_is_found(workspace: Start) -> None:
    service = workspace()
    facts = asked()
    assert kinds(facts) == ["run", "run_output", "cluster", "cluster_events"]
    error = text(facts, "run_output")
    assert (
        error.splitlines()[-1]
        == "OperationalError: could not connect to server at tides.example.com: Connection refused"
    )
    assert "attempt 2" in error
    assert "7 connect(tides)" in error
    run = text(facts, "run")
    assert "Task read_tides: SUCCESS" in run
    assert f"/#setting/sparkui/{CLUSTER}/4348585301701786933" in run
    assert f"#job/{JOB}/run/{RUN}" in run
    made_of = text(facts, "cluster")
    for part in ("16.4.x-scala2.12", "Standard_D8s_v5", "SPOT_WITH_FALLBACK_AZURE", "JOB_FINISHED"):
        assert part in made_of
    assert (
        text(facts, "cluster_events")
        .splitlines()[-1]
        .endswith('{"reason": {"code": "JOB_FINISHED", "type": "SUCCESS"}}')
    )
    assert service.calls == ["run", "output", "cluster", "cluster_events"]
    around = service.queries[-1]
    assert around["limit"] == 30
    assert around["start_time"] < STARTED < ENDED < around["end_time"]


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("call", CALLS)
def test_what_cannot_be_had_is_missing_and_the_rest_is_there(
    workspace: Start, call: str, trouble: Any
) -> None:
    service = workspace(**{call: [trouble]})
    facts = asked(**NOTIFIED, cluster_id=CLUSTER)
    there = {"run", "run_output", "cluster", "cluster_events"} - {CALLS[call]}
    if call == "run":
        there = {"cluster", "cluster_events"}
    elif call == "output":
        # Then what the run itself says of its task is all there is.
        there.add("run_output")
        assert "Workload failed, see run output for details." in text(facts, "run_output")
    assert set(kinds(facts)) - {"missing"} == there
    missing = text(facts, "missing")
    assert missing.count("\n") == 0
    assert "Databricks did not answer for" in missing
    if isinstance(trouble, int):
        assert str(trouble) in missing
    may_pass = trouble in (429, 500, 503, "reset", "stall")
    assert service.calls.count(call) == (3 if may_pass else 1)
    assert ("after 3 tries" in missing) == may_pass


def test_what_passes_is_not_missing(workspace: Start) -> None:
    service = workspace(**{"*": [503, "reset", None]})
    assert kinds(asked()) == ["run", "run_output", "cluster", "cluster_events"]
    assert service.calls[:4] == ["run", "run", "run", "output"]


def test_it_stays_away_as_long_as_it_is_told(workspace: Start) -> None:
    service = workspace(run=[(429, "1"), None])
    assert "missing" not in kinds(asked())
    assert service.pause_before("run") >= 1
    assert service.calls.count("run") == 2


@pytest.mark.parametrize("retry_after", ["3600", "9" * 400])
def test_when_told_to_stay_away_for_too_long_it_goes_on_without(workspace: Start, retry_after: str) -> None:
    service = workspace(run=[(429, retry_after)])
    assert "429" in text(asked(), "missing")
    assert service.calls.count("run") == 1


@pytest.mark.parametrize("retry_after", ["", "soon", "-1", "1e9", "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_without_a_number_of_seconds_its_own_pauses_hold(workspace: Start, retry_after: str) -> None:
    workspace(run=[(429, retry_after), None])
    assert "missing" not in kinds(asked())


def test_an_answer_that_never_ends_is_left_behind(workspace: Start) -> None:
    workspace(cluster=["trickle"])
    facts = asked(seconds=3)
    assert "Connection refused" in text(facts, "run_output")
    assert text(facts, "missing") == "Databricks did not answer everything within 3 seconds"


def test_nobody_is_asked_when_the_time_is_over(workspace: Start) -> None:
    service = workspace(run=[(503, "2"), None])
    facts = asked(seconds=1)
    assert service.calls == ["run"]
    assert "503" in text(facts, "missing")


def test_a_host_that_does_not_exist_is_missing(monkeypatch: pytest.MonkeyPatch, impatient: None) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", "databricks://:x@127.0.0.1:1?schema=http")
    facts = asked()
    assert kinds(facts) == ["missing"]
    assert "did not answer for run" in facts[0].text


@pytest.mark.parametrize(("place", "ours"), [("workspace_id", "1"), ("job_id", "1")])
def test_a_run_of_the_same_number_elsewhere_is_not_taken_for_it(
    workspace: Start, place: str, ours: str
) -> None:
    workspace()
    facts = asked(**{**NOTIFIED, place: ours})
    assert kinds(facts) == ["missing"]
    assert "[rca] databricks_conn_id" in facts[0].text


def test_each_workspace_has_its_connection(workspace: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    service = workspace()
    monkeypatch.setenv("AIRFLOW_CONN_HARBOR", service.connection)
    monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", "databricks://:x@127.0.0.1:1?schema=http")
    monkeypatch.setenv("AIRFLOW__RCA__DATABRICKS_CONN_ID", f"{WORKSPACE}=harbor, databricks_default")
    config.settings.cache_clear()
    assert "missing" not in kinds(asked())


def test_a_workspace_without_a_connection_is_not_asked(
    workspace: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = workspace()
    monkeypatch.setenv("AIRFLOW__RCA__DATABRICKS_CONN_ID", "1=databricks_default")
    config.settings.cache_clear()
    facts = asked()
    assert kinds(facts) == ["missing"]
    assert "[rca] databricks_conn_id" in facts[0].text
    assert service.calls == []


def test_a_connection_that_is_not_there_is_missing(monkeypatch: pytest.MonkeyPatch, impatient: None) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", raising=False)
    facts = asked()
    assert kinds(facts) == ["missing"]
    assert "databricks_default" in facts[0].text


def test_a_provider_that_is_not_installed_is_missing(
    workspace: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace()
    monkeypatch.setitem(sys.modules, "airflow.providers.databricks.hooks.databricks", None)
    facts = asked()
    assert kinds(facts) == ["missing"]
    assert "airflow.providers.databricks" in facts[0].text


@pytest.mark.parametrize("run_id", ["", "41 OR 1=1", "../41", "9" * 30])
def test_what_is_no_number_is_not_asked_for(workspace: Start, run_id: str) -> None:
    service = workspace()
    assert kinds(asked(run_id=run_id, cluster_id="../x")) == ["missing"]
    assert service.calls == []


def test_a_cluster_that_was_lost_says_why(workspace: Start) -> None:
    service = workspace()
    service.clusters[CLUSTER] = cluster(**CLUSTER_LOST)
    facts = asked(cluster_id=CLUSTER)
    assert kinds(facts) == ["cluster", "termination", "cluster_events"]
    assert text(facts, "termination").splitlines()[-1] == (
        "Cluster job-harbor was terminated: SPOT_INSTANCE_TERMINATION: the machine was evicted"
    )
    assert "start_time" not in service.queries[-1]


def test_a_cluster_that_was_lost_before_the_run_is_not_why(workspace: Start) -> None:
    service = workspace()
    service.clusters[CLUSTER] = cluster(**{**CLUSTER_LOST, "terminated_time": STARTED - 60_000})
    assert "termination" not in kinds(asked())


def test_of_many_failed_tasks_the_first_stands_last(workspace: Start) -> None:
    service = workspace()
    tasks = [task_run(f"t{n}", 100 + n, "FAILED", f"error {n}", end_time=ENDED - n) for n in range(9)]
    service.runs[RUN] = job_run(*tasks)
    service.clusters.clear()
    outputs = [fact.text.splitlines()[-1] for fact in asked() if fact.kind == "run_output"]
    assert outputs == ["error 4", "error 5", "error 6", "error 7", "error 8"]
    assert f"4 more tasks of run {RUN} failed" in text(asked(), "missing")


def test_of_many_failed_tasks_the_one_that_was_reported_counts(workspace: Start) -> None:
    service = workspace()
    service.runs[RUN]["tasks"].append(task_run("other", 7, "FAILED", "another error"))
    facts = asked(run_id=str(TASK_RUN), parent_run_id=str(RUN), task_key="berth_plan")
    assert kinds(facts).count("run_output") == 1
    assert "Connection refused" in text(facts, "run_output")


def test_a_run_of_more_tasks_than_one_page_is_read_to_its_end(workspace: Start) -> None:
    service = workspace()
    quiet = [task_run(f"t{n}", n, "SUCCESS") for n in range(150)]
    service.runs[RUN] = job_run(*quiet, task_run("last", 999, "FAILED", "the last one"))
    assert "the last one" in text(asked(), "run_output")


def test_a_run_that_failed_as_a_whole_says_why(workspace: Start) -> None:
    service = workspace()
    stopped = state("CANCELED", "Run canceled: the maximum run duration was exceeded (timed out)")
    service.runs[RUN] = job_run(task_run("t", 1, "SUCCESS"), task_run("u", 2, "SUCCESS"), state=stopped)
    assert "maximum run duration" in text(asked(), "run_output")
    assert "output" not in service.calls


def test_a_run_of_one_task_has_its_output_itself(workspace: Start) -> None:
    service = workspace()
    service.runs[RUN] = {name: part for name, part in job_run().items() if name != "tasks"}
    service.outputs[RUN] = {"error": "ValueError: no tide", "logs": "reading tides"}
    assert text(asked(), "run_output").splitlines()[-2:] == ["reading tides", "ValueError: no tide"]


def test_a_run_that_goes_on_has_no_end(workspace: Start) -> None:
    service = workspace()
    service.runs[RUN].update(end_time=0, state=state(None, life="RUNNING"))
    assert "ended unknown" in text(asked(), "run")
    assert "end_time" not in service.queries[-1]


def test_no_secret_leaves_the_worker_and_the_error_stays(workspace: Start) -> None:
    service = workspace()
    service.outputs[TASK_RUN] = {
        "error": "OperationalError: refused",
        "error_trace": f"{'x' * 5_000_000}\nconnect(password='hunter2', token='{TOKEN}')\n",
    }
    service.runs[RUN]["state"]["state_message"] = f"Authorization: Bearer {TOKEN}"
    facts = asked()
    everything = "\n".join(fact.text for fact in facts)
    assert "hunter2" not in everything
    assert TOKEN not in everything
    assert text(facts, "run_output").endswith("OperationalError: refused")
    assert max(len(fact.text) for fact in facts) <= 20_000


@pytest.mark.parametrize(
    "answer",
    [{"tasks": 7}, {"tasks": [None, 7, {}]}, {"state": "FAILED"}, {"run_id": [1]}, {"start_time": 10**30},
     {"tasks": [{"task_key": {"a": 1}}]}, {"run_page_url": "javascript:alert(1)"}, {"trigger": {"a": [1]}}],
)  # fmt: skip
def test_whatever_is_answered_it_goes_on(workspace: Start, answer: dict[str, Any]) -> None:
    workspace().runs[RUN].update(answer)
    assert asked()
