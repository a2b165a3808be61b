"""What Data Factory is asked about a failure: by the real hook, over real TLS, whatever goes wrong there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from rca_plugin import config
from rca_plugin.core.evidence import Fact
from rca_plugin.worker.integrations import adf
from rca_plugin.worker.integrations.inquiry import facts_within
from tests.fakes.adf import (
    CHILD_RUN,
    FACTORY,
    FAILED_AT,
    GROUP,
    PIPELINE,
    RUN,
    RUNTIME,
    SECRET,
    SUBSCRIPTION,
    TOKEN,
    Azure,
    activity_run,
    moment,
    pipeline_run,
)

Start = Callable[..., Azure]
REPORTED = {
    "factory": FACTORY, "resource_group": GROUP, "subscription": SUBSCRIPTION,
    "pipeline": PIPELINE, "pipeline_run_id": RUN,
}  # fmt: skip
ALL = {"pipeline", "run_output", "activity", "integration_runtime", "history"}
#: What is still there without the answer of a call.
WITHOUT = {
    "pipeline_run": ALL - {"pipeline", "run_output"},
    "activity_runs": ALL - {"activity", "integration_runtime"},
    "runtime": ALL - {"integration_runtime"},
    "pipeline_runs": ALL - {"history"},
}
TROUBLES = [401, 403, 404, 429, 500, 503, "reset", "stall", "truncated", "invalid", "wrong"]


def asked(seconds: float = 30, minutes: float = 0, **labels: str) -> list[Fact]:
    about = adf.Subject.of_labels(labels or REPORTED, FAILED_AT + timedelta(minutes=minutes))
    return facts_within(seconds, "Data Factory", partial(adf.collect, about=about))


def kinds(facts: list[Fact]) -> list[str]:
    return [fact.kind for fact in facts]


def text(facts: list[Fact], kind: str) -> str:
    return "\n".join(fact.text for fact in facts if fact.kind == kind)


def test_the_error_of_the_activity_is_found_and_what_stood_around_it(azure: Start) -> None:
    service = azure()
    facts = asked()
    assert kinds(facts) == ["pipeline", "run_output", "activity", "integration_runtime", "history"]
    failed = text(facts, "activity").splitlines()
    assert failed[0].startswith(f"Activity Copy Ships (Copy) of pipeline {PIPELINE}: Failed")
    assert failed[1] == "errorCode: 2200, UserError"
    assert failed[-1].startswith("ErrorCode=SqlFailedToConnect")
    assert "invoked by ScheduleTrigger tr_nightly" in text(facts, "pipeline")
    assert '"day":"2026-02-03"' in text(facts, "pipeline")
    runtime = text(facts, "integration_runtime").splitlines()
    assert runtime[0] == f"Integration runtime {RUNTIME} (SelfHosted): Offline"
    assert runtime[1].startswith("Node Node_1: Offline")
    before = text(facts, "history").splitlines()
    assert [line.rpartition(" ")[2] for line in before[1:3]] == ["run-before-1", "run-before-2"]
    assert before[-1].startswith("Last success: Succeeded, started 2026-02-01")
    assert service.calls == ["metadata", "token", "pipeline_run", "activity_runs", "runtime", "pipeline_runs"]


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("call", WITHOUT)
def test_what_cannot_be_had_is_missing_and_the_rest_is_there(azure: Start, call: str, trouble: Any) -> None:
    service = azure(**{call: [trouble]})
    facts = asked()
    assert set(kinds(facts)) - {"missing"} == WITHOUT[call]
    missing = text(facts, "missing")
    assert missing.count("\n") == 0
    assert "Data Factory did not answer for" in missing
    may_pass = trouble in (429, 500, 503, "reset", "stall")
    assert service.calls.count(call) == (3 if may_pass else 1)
    assert ("after 3 tries" in missing) == may_pass


def test_what_passes_is_not_missing(azure: Start) -> None:
    service = azure(pipeline_run=[503, "reset", None], activity_runs=[500, 429, None])
    assert set(kinds(asked())) == ALL
    assert service.calls.count("pipeline_run") == service.calls.count("activity_runs") == 3


@pytest.mark.parametrize("trouble", [400, 401, "wrong", "invalid"])
def test_nothing_is_known_when_nobody_is_let_in(azure: Start, trouble: Any) -> None:
    azure(token=[trouble])
    facts = asked(seconds=15)
    assert kinds(facts) == ["missing"]
    assert "did not answer for pipeline run" in facts[0].text


@pytest.mark.parametrize("trouble", [500, (429, "3"), "stall", "trickle"])
def test_the_search_for_a_token_is_left_behind(azure: Start, trouble: Any) -> None:
    azure(token=[trouble])
    facts = asked(seconds=1.5)
    assert kinds(facts) == ["missing"]
    assert facts[0].text == "Data Factory did not answer everything within 1.5 seconds"


def test_it_stays_away_as_long_as_it_is_told(azure: Start) -> None:
    service = azure(activity_runs=[(429, "1"), None])
    assert "missing" not in kinds(asked())
    assert service.pause_before("activity_runs") >= 1
    assert service.calls.count("activity_runs") == 2


def test_when_told_to_stay_away_for_too_long_it_goes_on_without(azure: Start) -> None:
    service = azure(activity_runs=[(429, "3600")])
    assert "told to answer 429" in text(asked(), "missing")
    assert service.calls.count("activity_runs") == 1


def test_an_answer_that_never_ends_is_left_behind(azure: Start) -> None:
    azure(runtime=["trickle"])
    facts = asked(seconds=2)
    assert "SqlFailedToConnect" in text(facts, "activity")
    assert text(facts, "missing") == "Data Factory did not answer everything within 2 seconds"


def test_what_failed_in_a_child_pipeline_stands_last(azure: Start) -> None:
    service = azure()
    service.activities[RUN] = [
        activity_run("Run Child", "Operation on target Copy Cranes failed", kind="ExecutePipeline", minutes=1,
                     output={"pipelineName": "pl_child", "pipelineRunId": CHILD_RUN}),
    ]  # fmt: skip
    service.activities[CHILD_RUN] = [
        activity_run("Later", "error of later", minutes=1, pipelineName="pl_child"),
        activity_run("Copy Cranes", "column 'berth' is missing", minutes=-1, pipelineName="pl_child", retryAttempt=2,
                     output={"effectiveIntegrationRuntime": "DefaultIntegrationRuntime (West Europe)"}),
    ]  # fmt: skip
    facts = [fact for fact in asked() if fact.kind == "activity"]
    assert [fact.text.splitlines()[-1] for fact in facts] == [
        "Operation on target Copy Cranes failed", "error of later", "column 'berth' is missing",
    ]  # fmt: skip
    assert "integration runtime DefaultIntegrationRuntime" in facts[-1].text
    assert "retry 2" in facts[-1].text
    assert f"{CHILD_RUN}" in service.paths[-4] + service.paths[-3]


def test_an_alert_that_names_no_run_is_about_the_last_one_that_failed_before_it(azure: Start) -> None:
    service = azure()
    service.runs.append(pipeline_run("run-after", "Failed", 30))
    facts = asked(factory=FACTORY, pipeline=PIPELINE, minutes=1)
    assert f"run {RUN}: Failed" in text(facts, "pipeline")
    assert "SqlFailedToConnect" in text(facts, "activity")
    assert service.calls.count("pipeline_runs") == 1


def test_an_alert_that_names_nothing_asks_nobody(azure: Start) -> None:
    service = azure()
    assert kinds(asked(factory=FACTORY, pipeline_run_id="../../x")) == ["missing"]
    assert service.calls == []


def test_factory_and_group_are_those_of_the_connection_where_nobody_names_them(azure: Start) -> None:
    azure()
    assert set(kinds(asked(pipeline_run_id=RUN))) == ALL


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"factory_name": ""}, "factory_name"),
        ({"subscriptionId": "another"}, "[rca] adf_conn_id"),
        ({"tenantId": ""}, "Tenant ID"),
    ],
)
def test_a_connection_that_leads_nowhere_says_what_to_set(
    azure: Start, monkeypatch: pytest.MonkeyPatch, extra: dict[str, str], said: str
) -> None:
    service = azure()
    monkeypatch.setenv("AIRFLOW_CONN_AZURE_DATA_FACTORY_DEFAULT", service.connection(**extra))
    facts = asked(pipeline_run_id=RUN, subscription=SUBSCRIPTION)
    assert kinds(facts) == ["missing"]
    assert said in facts[0].text
    assert service.calls == []


def test_a_subscription_without_a_connection_is_not_asked(
    azure: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = azure()
    monkeypatch.setenv("AIRFLOW__RCA__ADF_CONN_ID", "another=azure_data_factory_default")
    config.settings.cache_clear()
    facts = asked()
    assert kinds(facts) == ["missing"]
    assert "[rca] adf_conn_id" in facts[0].text
    assert service.calls == []


def test_a_provider_that_is_not_installed_is_missing(azure: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    azure()
    monkeypatch.setitem(sys.modules, "airflow.providers.microsoft.azure.hooks.data_factory", None)
    assert "airflow.providers.microsoft.azure" in text(asked(), "missing")


def test_no_secret_leaves_the_worker_and_the_error_stays(azure: Start) -> None:
    service = azure()
    service.activities[RUN][1]["error"]["message"] = f"{'x' * 2_000_000} AccountKey=hunter2; token {TOKEN}"
    facts = asked()
    everything = "\n".join(fact.text for fact in facts)
    assert "hunter2" not in everything
    assert SECRET not in everything
    assert max(len(fact.text) for fact in facts) <= 20_000
    assert "errorCode: 2200" in text(facts, "activity")


@pytest.mark.parametrize(
    "answer",
    [{"status": None}, {"error": "text"}, {"error": {"message": {"a": 1}}}, {"output": "text"}, {"activityName": None},
     {"output": {"effectiveIntegrationRuntime": "../../x"}}, {"retryAttempt": [1]}, {"activityRunStart": moment(5)}],
)  # fmt: skip
def test_whatever_is_answered_it_goes_on(azure: Start, answer: dict[str, Any]) -> None:
    service = azure()
    service.activities[RUN][1].update(answer)
    assert "history" in kinds(asked())
