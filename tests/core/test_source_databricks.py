from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from rca_plugin.core.category import Severity
from rca_plugin.core.failure import Source
from rca_plugin.core.json_body import BodyError
from tests.core.sample import RECEIVED, nothing, only_failure, only_recovery, parsed, read, sample

DATABRICKS = Source.DATABRICKS
JOB = "4242424242/700100200300"
LOW = Severity.LOW

SEEN: dict[str, list[tuple[str, str, str | None, str | None, Severity | None]]] = {
    "job_failed": [(JOB, "Job harbor nightly failed", None, "900800600", None)],
    "task_failed": [(f"{JOB}/berth_plan", "Task berth_plan of job harbor nightly failed", None, "900800600", None)],
    "job_long": [(JOB, "Job harbor nightly ran longer than expected", None, "900800600", LOW)],
    "task_backlog": [
        (f"{JOB}/berth_plan", "Task berth_plan of job harbor nightly has a streaming backlog above its limit", None,
         "900800600", LOW)
    ],
    "run": [(f"{JOB}/berth_plan", "ValueError: no berth 12", "RUN_EXECUTION_ERROR", "900800600", None)],
    "run_submitted": [("-/airflow adhoc", "Run timed out.", "TIMEDOUT", "5", None)],
    "run_canceled_by_its_limit": [
        ("-/700100200300", "The maximum run duration was exceeded.", "CANCELED", "900800603", None)
    ],
    "run_in_event": [("-/700100200300", "Notebook not found", None, "900800604", None)],
    "flat": [("-/700100200300", "java.lang.OutOfMemoryError: Java heap space", None, "900800605", None)],
    "cluster": [
        ("4242424242/clusters/0203-031200-cccc3333",
         "Cluster ml was terminated: DRIVER_UNREACHABLE: The driver did not answer.", "DRIVER_UNREACHABLE", None, None)
    ],
    "cluster_events": [
        ("4242424242/clusters/0203-031100-aaaa1111", "Cluster 0203-031100-aaaa1111 was terminated: "
         "CLOUD_PROVIDER_LAUNCH_FAILURE: No capacity for Standard_E8.", "CLOUD_PROVIDER_LAUNCH_FAILURE", None, None),
        ("4242424242/clusters/0203-031100-aaaa1111", "Cluster 0203-031100-aaaa1111 reports DRIVER_NOT_RESPONDING",
         "DRIVER_NOT_RESPONDING", None, None),
    ],
    "search_results": [
        ("-/clusters/0203-031200-cccc3333",
         "Cluster ml was terminated: DRIVER_UNREACHABLE: Could not reach the driver", "DRIVER_UNREACHABLE", None, None)
    ],
}  # fmt: skip


@pytest.mark.parametrize("form", SEEN)
def test_what_failed(form: str) -> None:
    report = parsed(DATABRICKS, sample(DATABRICKS, form))
    assert [(f.resource, f.message, f.code, f.run, f.severity) for f in report.failures] == SEEN[form]
    assert {f.source for f in report.failures} == {DATABRICKS}
    assert not report.recoveries


@pytest.mark.parametrize("form", ["job_started", "run_canceled", "cluster_idle"])
def test_normal_life_opens_nothing(form: str) -> None:
    assert nothing(DATABRICKS, sample(DATABRICKS, form))


@pytest.mark.parametrize(
    ("form", "resource"),
    [("job_succeeded", JOB), ("task_succeeded", f"{JOB}/berth_plan"), ("run_succeeded", "-/700100200300")],
)
def test_success_is_a_recovery_of_the_resource(form: str, resource: str) -> None:
    recovery = only_recovery(DATABRICKS, sample(DATABRICKS, form))
    assert (recovery.source, recovery.resource, recovery.alert) == (DATABRICKS, resource, None)
    assert recovery.reason.endswith("succeeded")


def test_a_task_notification_says_where_to_look_further() -> None:
    failure = only_failure(DATABRICKS, sample(DATABRICKS, "task_failed"))
    assert failure.labels == {
        "workspace_id": "4242424242",
        "job_id": "700100200300",
        "job_name": "harbor nightly",
        "run_id": "900800700",
        "parent_run_id": "900800600",
        "task_key": "berth_plan",
    }
    assert (failure.occurred_at, failure.code, failure.detail) == (RECEIVED, None, "")


def test_a_failed_task_of_a_run_field_by_field() -> None:
    failure = only_failure(DATABRICKS, sample(DATABRICKS, "run"))
    assert failure.occurred_at == datetime(2026, 2, 3, 3, 5, tzinfo=timezone.utc)
    assert (
        failure.url
        == "https://adb-4242424242.2.azuredatabricks.net/?o=4242424242#job/700100200300/run/900800600"
    )
    assert failure.labels["cluster_id"] == "0203-031100-aaaa1111"
    assert failure.labels["attempt"] == "1"
    assert failure.labels["workspace_id"] == "4242424242"


def test_a_run_whose_tasks_did_not_fail_failed_itself() -> None:
    body = sample(DATABRICKS, "run")
    body["tasks"] = body["tasks"][1:]
    assert only_failure(DATABRICKS, body).resource == JOB
    assert only_failure(DATABRICKS, body).message == "Task berth_plan failed."


def test_a_failed_task_is_the_same_event_from_a_notification_and_from_the_api() -> None:
    notified, read_back = (only_failure(DATABRICKS, sample(DATABRICKS, f)) for f in ("task_failed", "run"))
    assert (notified.event_key, notified.resource) == (read_back.event_key, read_back.resource)


def test_each_run_each_repair_and_each_kind_of_event_is_an_event_of_its_own() -> None:
    run = sample(DATABRICKS, "run")
    del run["tasks"]
    bodies = [
        sample(DATABRICKS, "job_failed"), sample(DATABRICKS, "job_long"), sample(DATABRICKS, "task_failed"),
        {**sample(DATABRICKS, "job_failed"), "run": {"run_id": "1"}}, {**run, "repair_history": [{"id": 8}, {"id": 9}]},
    ]  # fmt: skip
    keys = [only_failure(DATABRICKS, body).event_key for body in bodies]
    assert len(set(keys)) == len(keys)
    assert only_failure(DATABRICKS, run).event_key == keys[0]


def test_a_cluster_field_by_field() -> None:
    failure = only_failure(DATABRICKS, sample(DATABRICKS, "cluster"))
    assert failure.occurred_at == datetime(2026, 2, 3, 3, 12, tzinfo=timezone.utc)
    assert failure.detail == "instance_id: i-1\ndatabricks_error_message: Could not reach the driver"
    assert failure.labels == {
        "cluster_id": "0203-031200-cccc3333",
        "cluster_name": "ml",
        "workspace_id": "4242424242",
        "termination_code": "DRIVER_UNREACHABLE",
        "termination_type": "CLOUD_FAILURE",
        "cluster_state": "TERMINATED",
    }


def test_the_same_termination_has_one_name_and_the_next_one_another() -> None:
    body = sample(DATABRICKS, "cluster")
    [row] = parsed(DATABRICKS, sample(DATABRICKS, "search_results")).failures
    assert only_failure(DATABRICKS, body).event_key == row.event_key
    body["cluster"]["terminated_time"] += 1
    assert only_failure(DATABRICKS, body).event_key != row.event_key


@pytest.mark.parametrize(
    ("code", "kind", "opens"),
    [
        ("INACTIVITY", "SUCCESS", False), ("USER_REQUEST", "SUCCESS", False), ("JOB_FINISHED", "SUCCESS", False),
        ("SUCCESS", None, False), ("job_finished", None, False), ("A_NEW_WORD_FOR_DONE", "SUCCESS", False),
        ("DRIVER_UNREACHABLE", "SUCCESS", True), ("CLOUD_PROVIDER_SHUTDOWN", "CLOUD_FAILURE", True),
        ("A_NEW_TROUBLE", "SERVICE_FAULT", True), ("SPARK_ERROR", None, True), (None, None, True),
    ],
)  # fmt: skip
def test_only_a_termination_that_nobody_wanted_opens_something(
    code: str | None, kind: str | None, opens: bool
) -> None:
    body = sample(DATABRICKS, "cluster")
    body["cluster"]["termination_reason"] = {"code": code, "type": kind, "parameters": {}}
    assert bool(parsed(DATABRICKS, body).failures) is opens


@pytest.mark.parametrize(
    ("state", "opens"),
    [("TERMINATED", True), ("ERROR", True), ("RUNNING", False), ("PENDING", False), ("RESIZING", False)],
)
def test_a_cluster_that_lives_opens_nothing(state: str, opens: bool) -> None:
    body = sample(DATABRICKS, "cluster")
    body["cluster"]["state"] = state
    assert bool(parsed(DATABRICKS, body).failures) is opens


@pytest.mark.parametrize(
    ("state", "opens"),
    [
        ({"life_cycle_state": "TERMINATED", "result_state": "FAILED"}, True),
        ({"life_cycle_state": "INTERNAL_ERROR"}, True),
        ({"life_cycle_state": "TERMINATED", "result_state": "MAXIMUM_CONCURRENT_RUNS_REACHED"}, True),
        ({"life_cycle_state": "TERMINATED", "result_state": "CANCELED"}, False),
        ({"life_cycle_state": "TERMINATED", "result_state": "UPSTREAM_FAILED"}, False),
        ({"life_cycle_state": "RUNNING"}, False), ({"life_cycle_state": "TERMINATED"}, False),
    ],
)  # fmt: skip
def test_a_run_fails_only_when_it_ended_badly(state: dict[str, str], opens: bool) -> None:
    assert bool(parsed(DATABRICKS, {"job_id": 1, "run_id": 2, "state": state}).failures) is opens


@pytest.mark.parametrize(
    ("code", "opens"),
    [("USER_CANCELED", False), ("CLUSTER_ERROR", True), ("WORKSPACE_RUN_LIMIT_EXCEEDED", True)],
)
def test_the_termination_code_decides_what_canceled_means(code: str, opens: bool) -> None:
    status = {
        "state": "TERMINATED",
        "termination_details": {"code": code, "type": "CLIENT_ERROR", "message": ""},
    }
    body = {"job_id": 1, "run_id": 2, "state": {"result_state": "CANCELED"}, "status": status}
    assert bool(parsed(DATABRICKS, body).failures) is opens


def test_the_state_of_the_cluster_is_not_the_state_of_the_run() -> None:
    body = sample(DATABRICKS, "flat")
    del body["status"]
    failure = only_failure(DATABRICKS, body)
    assert (failure.labels["cluster_name"], failure.labels["cluster_id"]) == ("etl", "0203-031100-aaaa1111")


def test_without_ids_and_times_the_minute_names_the_event() -> None:
    body = {"job_name": "nightly", "status": "FAILED", "error_message": "no"}
    keys = [
        parsed(DATABRICKS, body, RECEIVED + timedelta(seconds=s)).failures[0].event_key
        for s in (0, 20, 86_400)
    ]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("event", ["jobs.on_start", "jobs.on_something_new"])
def test_an_event_that_we_do_not_know_opens_nothing(event: str) -> None:
    assert nothing(DATABRICKS, {**sample(DATABRICKS, "job_failed"), "event_type": event})


@pytest.mark.parametrize(
    "body",
    [
        None, [], "x", {}, {"cluster": {}}, {"cluster_id": "c"}, {"event_type": "jobs.on_failure"}, {"events": [1]},
        {"job_id": True}, {"run_id": ["x"]}, {"job_id": 1, "run_id": {"a": 1}}, {"run_id": None},
    ],
)  # fmt: skip
def test_what_is_none_of_these_is_refused(body: Any) -> None:
    with pytest.raises((ValidationError, BodyError)):
        parsed(DATABRICKS, body)


def test_more_than_a_thousand_are_refused() -> None:
    body = sample(DATABRICKS, "cluster_events")
    body["events"] *= 251
    with pytest.raises(BodyError) as refused:
        parsed(DATABRICKS, body)
    assert refused.value.code == "too_many_failures"


OF_SHARED: dict[str, tuple[str, str, str | None, Severity | None]] = {
    "job_on_failure": ("12345/516892700102118", "Job daily-placement-pipeline failed", None, None),
    "task_on_failure": (
        "12345/516892700102118/load_placements",
        "Task load_placements of job daily-placement-pipeline failed", "123456789", None,
    ),
    "job_on_duration_warning_threshold_exceeded": (
        "12345/516892700102118", "Job daily-placement-pipeline ran longer than expected", None, LOW,
    ),
    "task_on_duration_warning_threshold_exceeded": (
        "12345/516892700102118/load_placements",
        "Task load_placements of job daily-placement-pipeline ran longer than expected", "123456789", LOW,
    ),
}  # fmt: skip
OF_SHARED_FINE = {
    "job_on_success": "12345/516892700102118",
    "task_on_success": "12345/516892700102118/load_placements",
}
OF_SHARED_STARTED = {"job_on_start", "task_on_start"}


def test_every_shared_sample_is_known(shared: Path) -> None:
    files = {file.stem for file in (shared / "payloads" / "databricks").glob("*.json")}
    assert files == OF_SHARED.keys() | OF_SHARED_FINE.keys() | OF_SHARED_STARTED


@pytest.mark.parametrize("form", OF_SHARED)
def test_shared_notifications_of_trouble(shared: Path, form: str) -> None:
    failure = only_failure(DATABRICKS, read(shared / "payloads" / "databricks" / f"{form}.json"))
    resource, message, parent, severity = OF_SHARED[form]
    assert (failure.source, failure.resource, failure.message) == (DATABRICKS, resource, message)
    assert (failure.code, failure.detail, failure.severity, failure.run) == (None, "", severity, "123456789")
    expected = {
        "workspace_id": "12345", "job_id": "516892700102118", "job_name": "daily-placement-pipeline",
        "run_id": "999" if parent else "123456789", **({"parent_run_id": parent} if parent else {}),
        **({"task_key": "load_placements"} if parent else {}),
    }  # fmt: skip
    assert failure.labels == expected


@pytest.mark.parametrize("form", OF_SHARED_FINE)
def test_shared_notifications_of_success(shared: Path, form: str) -> None:
    recovery = only_recovery(DATABRICKS, read(shared / "payloads" / "databricks" / f"{form}.json"))
    assert (recovery.resource, recovery.occurred_at) == (OF_SHARED_FINE[form], RECEIVED)


@pytest.mark.parametrize("form", sorted(OF_SHARED_STARTED))
def test_shared_notifications_of_a_start(shared: Path, form: str) -> None:
    assert nothing(DATABRICKS, read(shared / "payloads" / "databricks" / f"{form}.json"))
