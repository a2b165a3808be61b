from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from rca_plugin.core.failure import Source
from rca_plugin.core.fingerprint import fingerprint, signature
from rca_plugin.core.json_body import BodyError
from tests.core.sample import RECEIVED, nothing, only_failure, only_recovery, parsed, read, sample

ADF = Source.ADF


def test_what_a_web_activity_posts_field_by_field() -> None:
    failure = only_failure(ADF, sample(ADF, "web_activity"))
    assert failure.source is ADF
    assert failure.resource == "adf-harbor/pl_harbor/Copy Ships"
    assert failure.occurred_at == datetime(2026, 2, 3, 3, 12, 11, tzinfo=timezone.utc)
    assert failure.message == "The sink table has no column 'berth'."
    assert failure.code == "2200"
    assert failure.run == "0a6d3a64-5b0e-4f6d-8f1f-000000000001"
    assert failure.owner == "harbor team"
    assert failure.detail == 'parameters: {"day":"2026-02-02"}'
    assert (failure.severity, failure.alert, failure.task) == (None, None, None)
    assert failure.labels == {
        "factory": "adf-harbor",
        "pipeline": "pl_harbor",
        "pipeline_run_id": "0a6d3a64-5b0e-4f6d-8f1f-000000000001",
        "activity": "Copy Ships",
        "activity_run_id": "77aa0000-0000-4000-8000-000000000001",
        "activity_type": "Copy",
        "failure_type": "UserError",
        "trigger": "tr_hourly",
        "subscription": "0b1f3c52-7d7e-4b4e-9d0a-5f0e6a0c1d2e",
        "resource_group": "rg-pipes",
    }
    assert failure.url == (
        "https://adf.azure.com/en/monitoring/pipelineruns/0a6d3a64-5b0e-4f6d-8f1f-000000000001?factory="
        "%2Fsubscriptions%2F0b1f3c52-7d7e-4b4e-9d0a-5f0e6a0c1d2e%2FresourceGroups%2Frg-pipes"
        "%2Fproviders%2FMicrosoft.DataFactory%2Ffactories%2Fadf-Harbor"
    )


@pytest.mark.parametrize(
    "spelled",
    [
        {"factory": "adf-harbor", "pipeline": "p", "runId": "r", "activity": "a", "errorCode": "1", "message": "m"},
        {"dataFactoryName": "adf-harbor", "pipelineName": "p", "pipelineRunId": "r", "activityName": "a",
         "errorCode": 1, "errorMessage": "m"},
        {"data_factory_name": "ADF-HARBOR", "pipeline_name": "p", "run_id": "r", "activity_name": "a",
         "error": {"errorCode": "1", "message": "m"}},
        {"factoryName": "adf-harbor", "properties": {"PipelineName": "p", "PipelineRunId": "r", "ActivityName": "a",
         "Error": {"message": "m", "errorCode": "1"}}},
        {"factory": "adf-harbor", "pipeline": "p", "runId": "r", "activity": "a", "errorCode": "1", "errorMessage": "",
         "error": "m"},
    ],
)  # fmt: skip
def test_common_spellings_mean_the_same(spelled: dict[str, Any]) -> None:
    failure = only_failure(ADF, spelled)
    assert (failure.resource, failure.run, failure.code, failure.message) == ("adf-harbor/p/a", "r", "1", "m")


def test_runs_as_the_rest_api_writes_them() -> None:
    report = parsed(ADF, sample(ADF, "activity_runs"))
    [failure], [recovery] = report.failures, report.recoveries
    assert (failure.resource, failure.code) == ("-/pl_harbor/Copy Ships", "2200")
    assert (recovery.resource, recovery.alert) == ("-/pl_harbor/Look Up", None)
    assert recovery.occurred_at == datetime(2026, 2, 3, 3, 10, 9, tzinfo=timezone.utc)
    pipeline = only_failure(ADF, sample(ADF, "pipeline_run"))
    assert (pipeline.resource, pipeline.message) == (
        "adf-harbor/pl_harbor", "Operation on target Copy Ships failed: no column",
    )  # fmt: skip
    assert pipeline.labels["trigger"] == "tr_hourly"


def test_the_factory_may_stand_beside_a_list_of_runs() -> None:
    body = {"factory": "adf-harbor", **sample(ADF, "activity_runs")}
    assert parsed(ADF, body).failures[0].resource == "adf-harbor/pl_harbor/Copy Ships"


def test_the_same_activity_run_is_one_event_in_every_form() -> None:
    [listed] = parsed(ADF, sample(ADF, "activity_runs")).failures
    assert listed.event_key == only_failure(ADF, sample(ADF, "web_activity")).event_key


def test_success_is_a_recovery_of_the_resource() -> None:
    recovery = only_recovery(ADF, sample(ADF, "succeeded"))
    assert (recovery.source, recovery.resource, recovery.alert) == (ADF, "adf-harbor/pl_harbor", None)
    assert recovery.reason == "adf-harbor/pl_harbor succeeded"
    assert recovery.event_key != only_failure(ADF, {**sample(ADF, "succeeded"), "status": "Failed"}).event_key


@pytest.mark.parametrize(
    "status", ["Cancelled", "Canceling", "InProgress", "Queued", "in progress", "CANCELLED"]
)
def test_what_was_stopped_or_goes_on_opens_nothing(status: str) -> None:
    assert nothing(ADF, {**sample(ADF, "cancelled"), "status": status})


@pytest.mark.parametrize("status", ["Failed", "TimedOut", None, "", "something new"])
def test_whatever_else_is_posted_is_a_failure(status: str | None) -> None:
    assert only_failure(ADF, {**sample(ADF, "cancelled"), "status": status})


def four_runs() -> list[dict[str, Any]]:
    errors = ("no column berth", "login failed", "connection refused", "quota used up")
    runs = [f"0a6d3a64-5b0e-4f6d-8f1f-00000000000{n}" for n in range(4)]
    return [
        {"factory": "f", "pipeline": "p", "runId": run, "errorMessage": error, "status": "Failed"}
        for run, error in zip(runs, errors, strict=True)
    ]


def test_four_runs_with_different_errors_are_four_incidents() -> None:
    failures = [only_failure(ADF, body) for body in four_runs()]
    assert len({f.event_key for f in failures}) == 4
    assert len({fingerprint(f.source, f.resource, signature(f.message)) for f in failures}) == 4
    assert list(parsed(ADF, four_runs()).failures) == failures


def test_two_rounds_of_a_loop_that_fail_differently_are_two_events() -> None:
    body = sample(ADF, "web_activity")
    del body["activityRunId"]
    other = {**body, "errorMessage": "Login failed"}
    assert only_failure(ADF, body).event_key != only_failure(ADF, other).event_key
    assert only_failure(ADF, body).event_key == only_failure(ADF, copy.deepcopy(body)).event_key


def test_without_a_run_id_the_body_and_the_minute_name_the_event() -> None:
    body = {"pipeline": "p", "errorMessage": "m"}
    keys = [parsed(ADF, body, RECEIVED + timedelta(seconds=s)).failures[0].event_key for s in (0, 20, 86_400)]
    assert keys[0] == keys[1] != keys[2]
    assert only_failure(ADF, {**body, "errorMessage": "n"}).event_key != keys[0]


def test_without_an_error_text_the_message_says_what_failed() -> None:
    body = {"factory": "f", "pipeline": "p", "activity": "a", "errorCode": "2200", "failureType": "UserError"}
    assert only_failure(ADF, body).message == "Activity a of pipeline p failed with error 2200 (UserError)"


@pytest.mark.parametrize(
    "body",
    [
        None, "x", 5, {}, {"runId": "r"}, {"pipeline": None}, {"pipeline": True}, {"pipeline": ["p"]},
        {"pipeline": {"n": 1}}, {"pipeline": ""}, {"pipeline": "\x00"}, [{"pipeline": "p"}, None], {"value": [3]},
    ],
)  # fmt: skip
def test_what_is_no_run_is_refused(body: Any) -> None:
    with pytest.raises((ValidationError, BodyError)):
        parsed(ADF, body)


def test_more_than_a_thousand_are_refused() -> None:
    runs = four_runs() * 250
    assert len(parsed(ADF, runs).failures) == 1_000
    with pytest.raises(BodyError) as refused:
        parsed(ADF, [*runs, runs[0]])
    assert refused.value.code == "too_many_failures"


def test_names_that_do_not_fit_stay_different() -> None:
    resources = {only_failure(ADF, {"pipeline": "p" * 300 + end}).resource for end in ("a", "b")}
    assert len(resources) == 2


def test_a_slash_in_a_name_makes_no_other_resource() -> None:
    one = only_failure(ADF, {"factory": "f", "pipeline": "a/b"})
    other = only_failure(ADF, {"factory": "f", "pipeline": "a", "activity": "b"})
    assert one.resource != other.resource


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "ftp://x", 5, "x" * 3_000])
def test_only_web_addresses_become_links(url: Any) -> None:
    assert only_failure(ADF, {"pipeline": "p", "url": url}).url is None


def test_the_examples_of_the_rest_api(shared: Path) -> None:
    [folder] = (shared / "specs" / "azure").rglob("examples")
    run = read(folder / "PipelineRuns_Get.json")["responses"]["200"]["body"]
    assert only_recovery(ADF, run).resource == "-/examplePipeline"
    assert only_failure(ADF, {**run, "status": "Failed", "message": "no"}).message == "no"
    activities = read(folder / "ActivityRuns_QueryByPipelineRun.json")["responses"]["200"]["body"]
    assert [r.resource for r in parsed(ADF, activities).recoveries] == [
        "-/examplePipeline/ExampleForeachActivity", "-/examplePipeline/ExampleCopyActivity",
    ]  # fmt: skip
