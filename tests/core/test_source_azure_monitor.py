from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from rca_plugin.core.category import Category, Severity
from rca_plugin.core.classification import Symptom, classify
from rca_plugin.core.data import data_folder
from rca_plugin.core.failure import Failure, Report, Source
from rca_plugin.core.json_body import BodyError
from rca_plugin.core.rule_files import load_rules
from tests.core.sample import FIRED, RECEIVED, nothing, only_failure, only_recovery, parsed, read, sample

AZURE, ADF, DATABRICKS = Source.AZURE_MONITOR, Source.ADF, Source.DATABRICKS
SUBSCRIPTION = "/subscriptions/0b1f3c52-7d7e-4b4e-9d0a-5f0e6a0c1d2e"
VM = f"{SUBSCRIPTION}/resourcegroups/rg-hosts/providers/microsoft.compute/virtualmachines/loader-7"
LOGS = f"{SUBSCRIPTION}/resourcegroups/rg-logs/providers/microsoft.operationalinsights/workspaces/la-harbor"
CRITICAL, HIGH, MEDIUM, LOW = Severity

SEEN: dict[str, list[tuple[Source, str, str, str | None, Severity | None]]] = {
    "metric_fired": [(AZURE, VM, "cpu-high: average Percentage CPU is above 90", None, HIGH)],
    "metric_dynamic_two_dimensions": [
        (
            AZURE,
            f"{VM}/Queue=orders/Region=west",
            "queue-depth: average Depth is above what is usual",
            None,
            CRITICAL,
        ),
        (
            AZURE,
            f"{VM}/Queue=refunds/Region=west",
            "queue-depth: average Depth is above what is usual",
            None,
            CRITICAL,
        ),
    ],
    "metric_adf_activity": [
        (
            ADF,
            "adf-harbor/pl_harbor/Copy Ships",
            "Activity Copy Ships of pipeline pl_harbor failed (UserError)",
            None,
            HIGH,
        )
    ],
    "metric_adf_trigger": [(ADF, "adf-harbor", "Trigger tr_hourly of factory adf-harbor failed", None, HIGH)],
    "metric_adf_elapsed": [
        (ADF, "adf-harbor/pl_harbor", "adf-slow: total PipelineElapsedTimeRuns is above 0", None, HIGH)
    ],
    "log_v1_rows": [
        (
            AZURE,
            f"{LOGS}/Computer=host-a/AppName=billing",
            "errors-per-host: disk /dev/sdb is gone",
            None,
            MEDIUM,
        ),
        (
            AZURE,
            f"{LOGS}/Computer=host-b/AppName=billing",
            "errors-per-host: disk /dev/sdc is gone",
            None,
            MEDIUM,
        ),
        (AZURE, f"{LOGS}/AppName=mailer", "errors-per-host: no route to host", None, MEDIUM),
    ],
    "log_v1_without_rows": [
        (AZURE, f"{LOGS}/Computer=host-c", "heartbeat: the query found a result", None, MEDIUM)
    ],
    "log_v1_adf_positional": [
        (ADF, "-/pl_harbor/Copy Ships", "The sink table has no column 'berth'.", "2200", HIGH),
        (ADF, "-/pl_harbor/Copy Ships", "Login failed for user 'loader'.", "2200", HIGH),
        (ADF, "-/pl_tides/Get Tides", "Invoking the endpoint failed.", "2108", HIGH),
    ],
    "log_v1_clusters_positional": [
        (
            DATABRICKS,
            "-/clusters/0203-031100-aaaa1111",
            "Cluster etl was terminated: CLOUD_PROVIDER_LAUNCH_FAILURE: No capacity for Standard_E8.",
            "CLOUD_PROVIDER_LAUNCH_FAILURE",
            HIGH,
        ),
        (
            DATABRICKS,
            "-/clusters/0203-031200-cccc3333",
            "Cluster ml was terminated: DRIVER_UNREACHABLE",
            "DRIVER_UNREACHABLE",
            HIGH,
        ),
    ],
    "log_v1_adf_columns": [
        (ADF, "adf-harbor/pl_harbor/Copy Ships", "The sink table has no column 'berth'.", "2200", HIGH)
    ],
    "log_v2_adf": [
        (ADF, "adf-harbor/pl_harbor/Copy Ships", "The sink table has no column 'berth'.", "2200", HIGH),
        (ADF, "adf-harbor/pl_tides", "Pipeline pl_tides failed with error 2108", "2108", HIGH),
    ],
    "log_v2_databricks_job": [
        (
            DATABRICKS,
            "4242424242/700100200300/berth_plan",
            "Task berth_plan of job 700100200300 failed",
            None,
            HIGH,
        )
    ],
    "log_v1_databricks_request_params": [
        (
            DATABRICKS,
            "4242424242/700100200300/berth_plan",
            "Task berth_plan of job 700100200300 failed",
            None,
            HIGH,
        )
    ],
    "activity_failed": [
        (
            AZURE,
            VM,
            'Microsoft.Compute/virtualMachines/start/action failed: {"error":{"code":"AllocationFailed"}}',
            None,
            HIGH,
        )
    ],
    "autoscale_failed": [
        (
            AZURE,
            VM,
            "Microsoft.Insights/AutoscaleSettings/Scaleup/Action failed: "
            "The autoscale engine could not scale to 9 instances.",
            None,
            HIGH,
        )
    ],
    "resource_unavailable": [(AZURE, VM, "loader-7 is unavailable: Host failed", None, HIGH)],
    "service_incident": [
        (
            AZURE,
            f"{SUBSCRIPTION}/service health/Azure Data Factory/North Europe",
            "Azure reports an incident of Azure Data Factory in North Europe (QT7-XX0)",
            None,
            HIGH,
        )
    ],
    "service_security": [
        (
            AZURE,
            f"{SUBSCRIPTION}/service health/Azure Data Factory/North Europe",
            "Azure reports a security advisory of Azure Data Factory in North Europe (QT7-XX0)",
            None,
            MEDIUM,
        )
    ],
    "availability": [
        (
            AZURE,
            f"{LOGS}/shop front",
            "Availability test shop front failed from more than 2 locations",
            None,
            MEDIUM,
        )
    ],
    "budget": [
        (
            AZURE,
            f"{SUBSCRIPTION}/budgets/harbor",
            "Budget harbor has passed $720.00",
            "BUDGET_THRESHOLD_REACHED",
            LOW,
        )
    ],
    "prometheus": [
        (
            AZURE,
            f"{VM}/namespace=jobs/pod=loader",
            "KubePodCrash: Pod loader restarts all the time",
            None,
            MEDIUM,
        )
    ],
    "legacy_metric": [(AZURE, VM, "mem-low: average Available Memory is below 100", None, LOW)],
    "legacy_log": [(AZURE, f"{LOGS}/Computer=host-q", "old-log: the query found a result", None, MEDIUM)],
    "legacy_activity": [
        (AZURE, VM, "Microsoft.Sql/servers/databases/write failed: out of vCores", None, HIGH)
    ],
    "properties_pipeline": [(ADF, "-/pl_harbor/Assign", "Out of berths", "3000", HIGH)],
    "flat_pipeline": [(ADF, "-/pl_harbor", "Message=Deadlock on table berths Forwarded", None, None)],
}
NORMAL_LIFE = [
    "activity_succeeded",
    "autoscale_succeeded",
    "resource_stopped_by_a_person",
    "service_maintenance",
]


@pytest.mark.parametrize("form", SEEN)
def test_each_thing_an_alert_saw_is_a_failure(form: str) -> None:
    report = parsed(AZURE, sample(AZURE, form))
    assert [(f.source, f.resource, f.message, f.code, f.severity) for f in report.failures] == SEEN[form]
    assert not report.recoveries
    assert len({f.event_key for f in report.failures}) == len(report.failures)


@pytest.mark.parametrize("form", NORMAL_LIFE)
def test_normal_life_opens_nothing(form: str) -> None:
    assert nothing(AZURE, sample(AZURE, form))


def test_a_metric_alert_field_by_field() -> None:
    failure = only_failure(AZURE, sample(AZURE, "metric_fired"))
    assert failure.occurred_at == FIRED
    assert failure.detail == "The loader is busy\nmeasured: 97.25\nthreshold: 90"
    assert failure.owner == "platform"
    assert (failure.task, failure.run, failure.url, failure.reported_by) == (None, None, None, "webhook")
    assert failure.labels == {
        "alert_rule": "cpu-high",
        "alert_id": f"{SUBSCRIPTION}/providers/Microsoft.AlertsManagement/alerts/5f1d7c1e-6a55-4f0c-9b52-aa0d6b6f1a01",
        "monitoring_service": "Platform",
        "resource_type": "microsoft.compute/virtualmachines",
        "subscription": "0b1f3c52-7d7e-4b4e-9d0a-5f0e6a0c1d2e",
        "resource_group": "rg-hosts",
        "metric": "Percentage CPU",
        "owner": "platform",
        "cost_center": "77",
    }


def test_the_message_is_the_same_whatever_was_measured() -> None:
    body = sample(AZURE, "metric_dynamic_two_dimensions")
    later = copy.deepcopy(body)
    later["data"]["alertContext"]["condition"]["allOf"][0].update(metricValue=1, threshold="7")
    assert parsed(AZURE, body).failures[0].message == parsed(AZURE, later).failures[0].message


def test_a_row_keeps_its_own_time_and_all_its_columns() -> None:
    failure = parsed(AZURE, sample(AZURE, "log_v1_rows")).failures[0]
    assert failure.occurred_at == datetime(2026, 2, 3, 3, 14, tzinfo=timezone.utc)
    assert failure.detail == (
        "TimeGenerated: 2026-02-03T03:14:00Z\nComputer: host-a\nAppName: billing\n"
        "Message: disk /dev/sdb is gone\nCount: 3"
    )
    assert failure.url == "https://portal.azure.com#view/rows"
    assert failure.labels["app_name"] == "billing"


def test_a_pipeline_row_field_by_field() -> None:
    failure = only_failure(AZURE, sample(AZURE, "log_v1_adf_columns"))
    assert failure.run == "0a6d3a64-5b0e-4f6d-8f1f-000000000001"
    assert failure.occurred_at == datetime(2026, 2, 3, 3, 12, 11, tzinfo=timezone.utc)
    expected = {
        "factory": "adf-harbor", "pipeline": "pl_harbor", "pipeline_run_id": failure.run, "activity": "Copy Ships",
        "activity_run_id": "77aa0000-0000-4000-8000-000000000001", "activity_type": "Copy",
        "failure_type": "UserError", "resource_group": "rg-pipes", "alert_rule": "adf-activity-rows",
    }  # fmt: skip
    assert expected.items() <= failure.labels.items()


def test_columns_of_azure_diagnostics_carry_their_type_in_their_name() -> None:
    body = sample(AZURE, "log_v1_adf_columns")
    expected = only_failure(AZURE, body)
    for column in body["data"]["alertContext"]["SearchResults"]["tables"][0]["columns"][2:]:
        column["name"] = column["name"][0].lower() + column["name"][1:] + "_s"
    found = only_failure(AZURE, body)
    assert (found.event_key, found.resource, found.code) == (
        expected.event_key,
        expected.resource,
        expected.code,
    )


def test_labels_are_few_and_short() -> None:
    body = sample(AZURE, "metric_fired")
    body["data"]["customProperties"] = {"essay": "word " * 40, **{f"key{n}": "x" for n in range(40)}}
    labels = only_failure(AZURE, body).labels
    assert len(labels) == 30
    assert "essay" not in labels


def same_event(one: Failure, other: Failure) -> bool:
    return (one.source, one.event_key, one.resource) == (other.source, other.event_key, other.resource)


@pytest.mark.parametrize("form", ["log_v1_adf_columns", "log_v2_adf"])
def test_an_activity_run_is_the_same_event_from_an_alert_and_from_the_factory(form: str) -> None:
    seen = parsed(AZURE, sample(AZURE, form)).failures[0]
    posted = only_failure(ADF, sample(ADF, "web_activity"))
    assert same_event(seen, posted)
    assert (seen.message, seen.code, seen.run) == (posted.message, posted.code, posted.run)


def test_a_pipeline_run_is_the_same_event_from_an_alert_and_from_the_factory() -> None:
    body = sample(AZURE, "log_v1_adf_columns")
    table = body["data"]["alertContext"]["SearchResults"]["tables"][0]
    table["columns"] = [
        {"name": name} for name in ("TimeGenerated", "ResourceId", "PipelineName", "RunId", "Status")
    ]
    factory = f"{SUBSCRIPTION}/resourceGroups/rg-pipes/providers/Microsoft.DataFactory/factories/ADF-Harbor"
    table["rows"] = [
        ["2026-02-03T03:12:00Z", factory, "pl_harbor", "0a6d3a64-5b0e-4f6d-8f1f-000000000004", "Failed"]
    ]
    assert same_event(only_failure(AZURE, body), only_failure(ADF, sample(ADF, "pipeline_run")))


@pytest.mark.parametrize("form", ["log_v2_databricks_job", "log_v1_databricks_request_params"])
def test_a_task_run_is_the_same_event_from_an_alert_and_from_databricks(form: str) -> None:
    seen = only_failure(AZURE, sample(AZURE, form))
    assert same_event(seen, only_failure(DATABRICKS, sample(DATABRICKS, "task_failed")))
    assert same_event(seen, only_failure(DATABRICKS, sample(DATABRICKS, "run")))


def test_a_termination_is_the_same_event_from_an_alert_and_from_databricks() -> None:
    [_, seen] = parsed(AZURE, sample(AZURE, "log_v1_clusters_positional")).failures
    cluster = sample(DATABRICKS, "cluster")
    del cluster["workspace_id"]
    assert same_event(seen, only_failure(DATABRICKS, cluster))


def test_a_custom_property_may_name_the_workspace() -> None:
    body = sample(AZURE, "log_v1_clusters_positional")
    body["data"]["customProperties"] = {"workspace_id": "4242424242"}
    failure = parsed(AZURE, body).failures[1]
    assert same_event(failure, only_failure(DATABRICKS, sample(DATABRICKS, "cluster")))
    assert failure.labels["cluster_id"] == "0203-031200-cccc3333"


def test_an_alert_that_is_over_names_the_alert_that_fired() -> None:
    recovery = only_recovery(AZURE, sample(AZURE, "metric_resolved"))
    fired = only_failure(AZURE, sample(AZURE, "metric_fired"))
    assert recovery.alert == fired.alert is not None
    assert recovery.occurred_at == datetime(2026, 2, 3, 3, 40, tzinfo=timezone.utc)
    assert recovery.event_key != fired.event_key
    assert recovery.reason == "Azure Monitor: cpu-high is resolved"


@pytest.mark.parametrize(
    "form", ["log_v2_adf", "log_v1_rows", "prometheus", "availability", "log_v1_clusters_positional"]
)
def test_the_end_has_the_sources_and_the_name_of_the_beginning(form: str) -> None:
    body = sample(AZURE, form)
    fired = parsed(AZURE, body).failures
    body["data"]["essentials"].update(monitorCondition="Resolved", resolvedDateTime="2026-02-03T04:00:00Z")
    report = parsed(AZURE, body)
    assert not report.failures
    assert {(r.source, r.alert) for r in report.recoveries} == {(f.source, f.alert) for f in fired}


def test_each_time_it_fires_anew_is_another_event_and_another_alert() -> None:
    body = sample(AZURE, "metric_fired")
    again = copy.deepcopy(body)
    again["data"]["essentials"].update(
        alertId=f"{SUBSCRIPTION}/providers/Microsoft.AlertsManagement/alerts/6b",
        firedDateTime="2026-02-04T03:15:02Z",
    )
    first, second = only_failure(AZURE, body), only_failure(AZURE, again)
    assert first.event_key != second.event_key
    assert first.alert != second.alert
    assert (first.resource, first.message) == (second.resource, second.message)


def test_an_alert_with_the_id_of_its_rule_is_named_by_its_origin() -> None:
    body = sample(AZURE, "activity_failed")
    names = set()
    for origin in ("one", "two"):
        body["data"]["essentials"].update(
            alertId=f"{SUBSCRIPTION}/resourceGroups/g/providers/microsoft.insights/activityLogAlerts/r",
            originAlertId=origin,
        )
        names.add(only_failure(AZURE, body).alert)
    assert len(names) == 2


def test_a_resource_and_a_service_recover_by_the_name_of_what_they_suffered_from() -> None:
    for bad, good in (
        ("resource_unavailable", "resource_available_again"),
        ("service_incident", "service_incident_over"),
    ):
        assert (
            only_recovery(AZURE, sample(AZURE, good)).alert == only_failure(AZURE, sample(AZURE, bad)).alert
        )


def test_a_classic_alert_is_deactivated() -> None:
    over = sample(AZURE, "legacy_classic_metric")
    fired = only_failure(AZURE, {**over, "status": "Activated"})
    assert fired.message == "requests: average Requests is above 5"
    assert only_recovery(AZURE, over).alert == fired.alert


@pytest.mark.parametrize(
    ("sev", "severity"),
    [
        ("Sev0", CRITICAL),
        ("Sev1", HIGH),
        ("Sev2", MEDIUM),
        ("Sev3", LOW),
        ("Sev4", LOW),
        ("Sev9", None),
        (None, None),
    ],
)
def test_severity_is_what_the_rule_says(sev: str | None, severity: Severity | None) -> None:
    body = sample(AZURE, "metric_fired")
    body["data"]["essentials"]["severity"] = sev
    assert only_failure(AZURE, body).severity is severity


def test_the_severity_of_an_activity_log_alert_is_nobodys_choice() -> None:
    body = sample(AZURE, "activity_failed")
    body["data"]["alertContext"]["level"] = "Informational"
    assert only_failure(AZURE, body).severity is None


@pytest.mark.parametrize(
    ("kind", "opens"),
    [
        ("Incident", True),
        ("Security", True),
        ("Maintenance", False),
        ("Information", False),
        ("ActionRequired", False),
    ],
)
def test_only_incidents_and_advisories_of_azure_open_something(kind: str, opens: bool) -> None:
    body = sample(AZURE, "service_incident")
    body["data"]["alertContext"]["properties"]["incidentType"] = kind
    assert bool(parsed(AZURE, body).failures) is opens


def test_a_synapse_pipeline_is_not_one_of_data_factory() -> None:
    body = sample(AZURE, "log_v2_adf")
    body["data"]["essentials"]["alertTargetIDs"] = [
        f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Synapse/workspaces/syn"
    ]
    for element in body["data"]["alertContext"]["condition"]["allOf"]:
        element["searchQuery"] = "SynapseIntegrationPipelineRuns"
    assert {f.source for f in parsed(AZURE, body).failures} == {AZURE}


def test_an_alert_on_a_factory_that_names_no_pipeline_says_what_its_rule_says() -> None:
    body = sample(AZURE, "log_v2_adf")
    body["data"]["alertContext"]["condition"]["allOf"] = [
        {"operator": "GreaterThan", "threshold": "0", "dimensions": []}
    ]
    failure = only_failure(AZURE, body)
    assert (failure.source, failure.resource) == (ADF, "adf-harbor")
    assert failure.message == "adf-v2: number of results is above 0"
    del body["data"]["alertContext"]["condition"]
    assert only_failure(AZURE, body).message == "adf-v2 fired"


def test_search_results_are_found_wherever_they_stand_and_however_they_are_spelled() -> None:
    body = sample(AZURE, "log_v1_rows")
    expected = [f.resource for f in parsed(AZURE, body).failures]
    context = body["data"].pop("alertContext")
    body["data"]["searchResults"] = context["SearchResults"]
    assert [f.resource for f in parsed(AZURE, body).failures] == expected
    body["Data"] = {
        "Essentials": body["data"]["essentials"],
        "alertcontext": {"SEARCHRESULTS": context["SearchResults"]},
    }
    del body["data"]
    assert [f.resource for f in parsed(AZURE, body).failures] == expected


def test_a_budget_is_a_matter_of_quota() -> None:
    failure = only_failure(AZURE, sample(AZURE, "budget"))
    found = classify(Symptom(failure.source.value, failure.code, failure.message), load_rules(data_folder()))
    assert (found.category, found.severity) == (Category.QUOTA_EXCEEDED, Severity.LOW)
    assert "SpentAmount: $721.33" in failure.detail


def test_an_alert_without_a_time_is_one_event_for_a_minute() -> None:
    body = sample(AZURE, "flat_pipeline")
    del body["essentials"]["runId"]
    keys = [parsed(AZURE, body, RECEIVED + timedelta(seconds=s)).failures[0].event_key for s in (0, 30, 90)]
    assert keys[0] == keys[1] != keys[2]


def test_a_clock_that_is_ahead_does_not_date_a_failure_into_the_future() -> None:
    body = sample(AZURE, "metric_fired")
    body["data"]["essentials"]["firedDateTime"] = "2999-01-01T00:00:00Z"
    assert only_failure(AZURE, body).occurred_at == RECEIVED


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "alert",
        {},
        {"data": None},
        {"data": {"essentials": {}}},
        {"data": {"essentials": {"alertRule": True}}},
        {"data": {"essentials": {"alertRule": ["x"]}}},
        {"data": {"searchResults": {"tables": []}}},
    ],
)
def test_what_is_no_alert_is_refused(body: Any) -> None:
    with pytest.raises((ValidationError, BodyError)):
        parsed(AZURE, body)


def test_more_rows_than_a_request_may_hold_are_refused() -> None:
    body = sample(AZURE, "log_v1_rows")
    table = body["data"]["alertContext"]["SearchResults"]["tables"][0]
    table["rows"] = table["rows"][:1] * 1_000
    assert len(parsed(AZURE, body).failures) == 1_000
    table["rows"].append(table["rows"][0])
    with pytest.raises(BodyError) as refused:
        parsed(AZURE, body)
    assert refused.value.code == "too_many_failures"


def test_long_names_stay_different() -> None:
    body = sample(AZURE, "log_v2_adf")
    dimensions = body["data"]["alertContext"]["condition"]["allOf"][0]["dimensions"]
    resources = set()
    for end in ("a", "b"):
        dimensions[0]["value"] = "p" * 600 + end
        resources.add(parsed(AZURE, body).failures[0].resource)
    assert len(resources) == 2
    assert all(len(resource) <= 510 for resource in resources)


VM_OF_SHARED = (
    "/subscriptions/aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e/resourcegroups/pipelinealertrg"
    "/providers/microsoft.compute/virtualmachines/wcus-r2-gen2"
)
GROUPS = "/subscriptions/aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e/resourcegroups"
AT = datetime(2019, 3, 22, 13, 58, 24, 371321, tzinfo=timezone.utc)
OF_SHARED: dict[str, list[tuple[Any, ...]]] = {
    "activitylog_administrative.docs": [],
    "activitylog_autoscale.composed": [],
    "resourcehealth.composed": [],
    "servicehealth.composed": [],
    "adf_activity_failed_metric_fired.composed": [
        (
            ADF,
            "adf-prod/pl_daily_etl/CopyOrders",
            "Activity CopyOrders of pipeline pl_daily_etl failed (SystemError)",
            None,
            None,
            HIGH,
            AT,
        )
    ],
    "adf_pipeline_failed_metric_fired.composed": [
        (ADF, "adf-prod/pl_daily_etl", "Pipeline pl_daily_etl failed (UserError)", None, None, HIGH, AT)
    ],
    "availability_test.docs": [
        (
            AZURE,
            f"{GROUPS}/test-rg/providers/microsoft.insights/components/test-applicationinsights"
            "/test-availabilityTest-test-applicationInsights",
            "Availability test test-availabilityTest-test-applicationInsights failed from more than 2 locations",
            None,
            None,
            LOW,
            datetime(2025, 4, 15, 17, 42, 34, 824000, tzinfo=timezone.utc),
        )
    ],
    "budget.docs": [
        (
            AZURE,
            "/subscriptions/aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e/budgets/Test_forcasted_budget",
            "Budget Test_forcasted_budget is forecast to pass $50.00",
            "BUDGET_THRESHOLD_REACHED",
            None,
            LOW,
            datetime(2025, 4, 15, 17, 49, 34, 22000, tzinfo=timezone.utc),
        )
    ],
    "log_v1_log_analytics.composed": [
        (
            AZURE,
            f"{GROUPS}/test/providers/microsoft.operationalinsights/workspaces/test/Computer=33446677a",
            "log-v1: the query found a result",
            None,
            None,
            LOW,
            datetime(2018, 2, 2, 15, 3, 12, 180000, tzinfo=timezone.utc),
        ),
        (
            AZURE,
            f"{GROUPS}/test/providers/microsoft.operationalinsights/workspaces/test/Computer=33445566b",
            "log-v1: the query found a result",
            None,
            None,
            LOW,
            datetime(2018, 2, 2, 15, 16, 53, 932000, tzinfo=timezone.utc),
        ),
    ],
    "log_v2_adf_activityrun_failed.composed": [
        (
            ADF,
            "adf-prod/pl_daily_etl",
            "Pipeline pl_daily_etl failed with error 2200",
            "2200",
            "2f7fdb90-5df1-4b8e-ac2f-064cfa58202b",
            HIGH,
            AT,
        )
    ],
    "log_v2_databricks_clusters_terminated.composed": [
        (
            DATABRICKS,
            "dbw-prod/clusters/0412-071233-abcd1234",
            "Cluster 0412-071233-abcd1234 was terminated",
            None,
            None,
            MEDIUM,
            AT,
        )
    ],
    "log_v2_databricks_jobs_runfailed.composed": [
        (DATABRICKS, "dbw-prod/987654321", "Job 987654321 failed", None, "11223344", HIGH, AT)
    ],
    "log_v2_heartbeat.composed": [
        (
            AZURE,
            f"{GROUPS}/contoso/providers/microsoft.compute/virtualmachines/contoso/Computer=TestComputer",
            "log-v2: count of results is below 1",
            None,
            None,
            LOW,
            AT,
        )
    ],
    "metric_dynamic.composed": [
        (
            AZURE,
            f"{GROUPS}/rg/providers/microsoft.storage/storageaccounts/contosolake",
            "egress-dyn: total Egress is above what is usual",
            None,
            None,
            LOW,
            AT,
        )
    ],
    "metric_static_fired.composed": [
        (
            AZURE,
            f"{VM_OF_SHARED}/ResourceId=b1b1b1b1-cccc-dddd-eeee-f2f2f2f2f2f2",
            "WCUS-R2-Gen2: average Percentage CPU is above 25",
            None,
            None,
            LOW,
            AT,
        )
    ],
    "prometheus.composed": [
        (
            AZURE,
            f"{VM_OF_SHARED}/Environment=Prod/cluster=myCluster1",
            "sql-up: alert on SQL availability",
            None,
            None,
            LOW,
            AT,
        )
    ],
}
RESOLVED = {
    "adf_pipeline_failed_metric_resolved.composed": "adf_pipeline_failed_metric_fired.composed",
    "metric_static_resolved.docs": "metric_static_fired.composed",
}


def facts_of(failure: Failure) -> tuple[Any, ...]:
    return (
        failure.source,
        failure.resource,
        failure.message,
        failure.code,
        failure.run,
        failure.severity,
        failure.occurred_at,
    )


def test_every_shared_sample_is_known(shared: Path) -> None:
    files = {file.stem for file in (shared / "payloads" / "azure_monitor").glob("*.json")}
    assert files == OF_SHARED.keys() | RESOLVED.keys()


@pytest.mark.parametrize("form", OF_SHARED)
def test_shared_samples_that_fired(shared: Path, form: str) -> None:
    report = parsed(AZURE, read(shared / "payloads" / "azure_monitor" / f"{form}.json"))
    assert [facts_of(f) for f in report.failures] == OF_SHARED[form]
    assert not report.recoveries
    for failure in report.failures:
        assert failure.alert
        assert failure.labels["alert_id"].startswith("/subscriptions/aaaa0a0a")


@pytest.mark.parametrize("form", RESOLVED)
def test_shared_samples_that_are_over(shared: Path, form: str) -> None:
    folder = shared / "payloads" / "azure_monitor"
    recovery = only_recovery(AZURE, read(folder / f"{form}.json"))
    fired = only_failure(AZURE, read(folder / f"{RESOLVED[form]}.json"))
    assert (recovery.source, recovery.alert, recovery.resource) == (fired.source, fired.alert, None)


def test_a_report_of_normal_life_is_empty() -> None:
    assert parsed(AZURE, sample(AZURE, "autoscale_succeeded")) == Report()
