from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from demo.local_airflow import REPOSITORY
from rca_plugin.core.category import Severity
from rca_plugin.core.failure import Source
from rca_plugin.core.json_body import BodyError
from rca_plugin.core.sources.generic_report import json_schema
from tests.core.sample import RECEIVED, nothing, only_failure, only_recovery, parsed, sample

GENERIC = Source.GENERIC
SMALL = {"resource": "dbt/orders", "message": "no", "occurred_at": "2026-02-03T03:15:02Z"}
SCHEMA = REPOSITORY / "docs" / "generic-report.schema.json"


def test_a_report_field_by_field() -> None:
    failure = only_failure(GENERIC, sample(GENERIC, "report"))
    assert failure.source is GENERIC
    assert failure.resource == "kafka-connect/sinks/harbor-ships"
    assert failure.occurred_at == datetime(2026, 2, 3, 3, 15, 2, tzinfo=timezone.utc)
    assert failure.message == "Sink stopped: Record too large for topic ships"
    assert failure.detail == "org.apache.kafka...RecordTooLargeException\n  at ..."
    assert (failure.code, failure.run, failure.owner) == ("RecordTooLargeException", "task-3", "streaming")
    assert failure.severity is Severity.HIGH
    assert failure.url == "https://connect.example.org/sinks/harbor-ships"
    assert failure.labels == {"cluster_id": "kc-1", "env": "prod", "reported_source": "kafka-connect"}
    assert failure.alert
    assert (failure.final, failure.task, failure.reported_by) == (True, None, "webhook")


def test_several_at_once() -> None:
    report = parsed(GENERIC, sample(GENERIC, "reports"))
    assert [(f.resource, f.message) for f in report.failures] == [
        ("dbt/orders", "Database Error in model orders"), ("dbt/refunds", "Test failed"),
    ]  # fmt: skip
    assert nothing(GENERIC, [])


def test_the_end_of_an_alert_or_of_all_on_a_resource() -> None:
    over = only_recovery(GENERIC, sample(GENERIC, "resolved"))
    assert (over.source, over.resource, over.alert, over.reason) == (GENERIC, "dbt/orders", None, "back")
    named = only_recovery(GENERIC, {**sample(GENERIC, "report"), "status": "resolved", "id": "evt-0002"})
    assert (named.resource, named.alert) == (None, only_failure(GENERIC, sample(GENERIC, "report")).alert)


def test_alerts_of_two_reporters_do_not_end_one_another() -> None:
    names = {
        only_failure(GENERIC, {**SMALL, "source": source, "alert": "a"}).alert for source in ("one", "two")
    }
    assert len(names) == 2


def key(**changes: Any) -> str:
    return only_failure(GENERIC, {**SMALL, **changes}).event_key


def test_the_same_post_is_a_duplicate_and_a_later_one_is_not() -> None:
    assert key() == key()
    assert key() == key(occurred_at="2026-02-03T04:15:02+01:00")
    assert key() != key(occurred_at="2026-02-03T03:15:03Z")
    assert key() != key(message="yes")
    assert key() != key(resource="dbt/refunds")


def test_an_id_names_the_event_whatever_else_changes() -> None:
    assert key(id="1") == key(id="1", message="in other words", occurred_at="2026-02-03T05:00:00Z")
    assert key(id="1") != key(id="2")
    assert key(id="1") != key(id="1", source="another")


def test_failure_and_recovery_with_one_id_are_two_events() -> None:
    assert only_recovery(GENERIC, {**SMALL, "id": "1", "status": "resolved"}).event_key != key(id="1")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"resource": None}, "resource"), ({"resource": ""}, "resource"), ({"resource": "x" * 401}, "resource"),
        ({"resource": 5}, "resource"), ({"resource": "a\nb"}, "resource"), ({"resource": " a"}, "resource"),
        ({"message": ""}, "message"), ({"message": "  "}, "message"), ({"message": {"a": 1}}, "message"),
        ({"message": "x" * 200_001}, "message"), ({"occurred_at": None}, "occurred_at"),
        ({"occurred_at": 5}, "occurred_at"), ({"occurred_at": "2026-02-03T03:15:02"}, "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at"),
        ({"status": "ok"}, "status"), ({"severity": "Sev0"}, "severity"), ({"severity": 1}, "severity"),
        ({"code": "x" * 201}, "code"), ({"owner": "x" * 501}, "owner"), ({"run": "x" * 251}, "run"), ({"id": 7}, "id"),
        ({"url": "javascript:alert(1)"}, "url"), ({"url": "https://x" + "y" * 2_000}, "url"),
        ({"source": "a/b"}, "source"), ({"labels": {"a": 1}}, "labels.a"), ({"labels": {"": "x"}}, "labels..[key]"),
        ({"labels": ["a"]}, "labels"),
        ({"labels": {str(n): "x" for n in range(31)}}, "labels"), ({"labels": {"a": "x" * 501}}, "labels.a"),
        ({"resouce": "typo"}, "resouce"), ({"labels": {"x" * 101: "x"}}, f"labels.{'x' * 101}.[key]"),
    ],
)  # fmt: skip
def test_the_field_that_is_wrong_is_named(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as refused:
        parsed(GENERIC, {**SMALL, **changes})
    assert {".".join(map(str, error["loc"])) for error in refused.value.errors()} == {place}


def test_in_a_list_the_report_that_is_wrong_is_named() -> None:
    with pytest.raises(ValidationError) as refused:
        parsed(GENERIC, [SMALL, {**SMALL, "resource": None}])
    assert [error["loc"] for error in refused.value.errors()] == [(1, "resource")]


@pytest.mark.parametrize(
    "body", [None, "x", 1, {}, [[]], {"alerts": None}, {"alerts": {}}, {"alerts": [1]}, {"alerts": [{}]}]
)
def test_what_is_no_report_is_refused(body: Any) -> None:
    with pytest.raises((ValidationError, BodyError)):
        parsed(GENERIC, body)


@pytest.mark.parametrize("body", [[SMALL] * 1_001, {"version": "4", "alerts": [{"labels": {}}] * 1_001}])
def test_more_than_a_thousand_are_refused(body: Any) -> None:
    with pytest.raises(BodyError) as refused:
        parsed(GENERIC, body)
    assert refused.value.code == "too_many_failures"


def test_what_alertmanager_sends() -> None:
    report = parsed(GENERIC, sample(GENERIC, "alertmanager"))
    [failure], [recovery] = report.failures, report.recoveries
    assert failure.resource == "pg-main/db-2:9187/slot=s1"
    assert failure.message == "ReplicationLag: Replica db-2 falls behind"
    assert failure.detail == "summary: Replica db-2 falls behind\ndescription: Lag is 931s"
    assert failure.occurred_at == datetime(2026, 2, 3, 3, 14, 0, 123000, tzinfo=timezone.utc)
    assert failure.severity is Severity.CRITICAL
    assert failure.url == "http://prom:9090/graph?g0.expr=lag"
    assert failure.labels == {
        "alert_rule": "ReplicationLag", "alertname": "ReplicationLag", "severity": "critical", "cluster": "pg-main",
        "instance": "db-2:9187", "slot": "s1",
    }  # fmt: skip
    assert recovery.reason == "Alertmanager: ReplicationLag is resolved"
    assert recovery.occurred_at == datetime(2026, 2, 3, 3, 13, tzinfo=timezone.utc)
    assert recovery.alert != failure.alert


def test_an_alert_of_alertmanager_is_repeated_ended_and_fired_anew() -> None:
    body = sample(GENERIC, "alertmanager")
    body["alerts"] = body["alerts"][:1]
    first, repeated = only_failure(GENERIC, body), only_failure(GENERIC, body)
    body["alerts"][0]["status"] = "resolved"
    over = only_recovery(GENERIC, body)
    body["alerts"][0].update(status="firing", startsAt="2026-02-04T00:00:00Z")
    anew = only_failure(GENERIC, body)
    assert first.event_key == repeated.event_key != anew.event_key
    assert first.alert == over.alert == anew.alert
    assert over.event_key not in (first.event_key, anew.event_key)


def test_an_alert_may_name_its_resource() -> None:
    alert = {"status": "firing", "labels": {"alertname": "A", "resource": "db/main", "pod": "x-1"}}
    assert only_failure(GENERIC, {"alerts": [alert]}).resource == "db/main"
    alert["labels"] = {"alertname": "A", "severity": "warning"}
    assert only_failure(GENERIC, {"alerts": [alert]}).resource == "A"


def test_the_schema_is_current() -> None:
    assert json.loads(SCHEMA.read_text()) == json_schema(), (
        "write it anew: python -c 'import json; from rca_plugin.core.sources.generic_report import json_schema;"
        " print(json.dumps(json_schema(), indent=2))' > docs/generic-report.schema.json"
    )


def test_a_hundred_reports_take_little_time() -> None:
    body = [{**sample(GENERIC, "report"), "id": str(n)} for n in range(100)]
    times = []
    for _ in range(5):
        started = time.perf_counter()
        parsed(GENERIC, body)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.01
    assert parsed(GENERIC, body, RECEIVED).failures[99].labels["env"] == "prod"
