from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.xcom import XComModel
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import insert

from rca_plugin.core.failure import Source
from rca_plugin.server import lifecycle
from rca_plugin.server.incidents import locked
from tests.server.airflow_rows import LONG_AGO, add_dag, run_dag, run_of
from tests.server.made import actions, alerted, incident, rca_runs, recovered, store, task_failed

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def dags(database: str) -> None:
    with DAG("chain", schedule=None) as chain:
        extract, transform, clean_up, other = (
            EmptyOperator(task_id=name) for name in ("extract", "transform", "clean_up", "other")
        )
        extract >> transform >> clean_up
        other.doc_md = "depends on nothing"
    with DAG("parent", schedule=None) as parent:
        trigger = TriggerDagRunOperator(task_id="trigger", trigger_dag_id="chain", wait_for_completion=True)
        EmptyOperator(task_id="prepare") >> trigger
    for dag in (chain, parent):
        add_dag(dag)
    run_dag("chain", "run-1")
    run_dag("chain", "run-2")
    run_dag("parent", "run-p")


def quiet_under(resource: str) -> tuple[str, str | None, int | None]:
    found = incident(resource)
    return found.status, found.suppressed_by, found.parent_id


def test_what_fails_after_its_upstream_task_is_attached_to_it() -> None:
    store(task_failed("chain", "extract"))
    [receipt] = store(task_failed("chain", "clean_up", error="no such table", minutes=1))
    cause = incident("chain/extract")
    assert receipt.result == "suppressed"
    assert quiet_under("chain/clean_up") == ("suppressed", "upstream_task", cause.id)
    assert f"upstream task extract failed before: RCA-{cause.id}" == incident("chain/clean_up").suppressed_why
    assert len(rca_runs()) == 1
    assert incident("chain/clean_up").failure_count == 1


def test_in_one_request_the_upstream_task_still_comes_first() -> None:
    store(task_failed("chain", "clean_up", minutes=1), task_failed("chain", "extract", minutes=0))
    assert quiet_under("chain/clean_up")[:2] == ("suppressed", "upstream_task")
    assert incident("chain/extract").status == "open"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("clean_up", "run-1"), ("other", "run-1")),
        (("other", "run-1"), ("clean_up", "run-1")),
        (("extract", "run-1"), ("clean_up", "run-2")),
    ],
)
def test_tasks_side_by_side_and_other_runs_are_incidents_of_their_own(first: tuple, second: tuple) -> None:
    store(task_failed("chain", *first))
    store(task_failed("chain", *second, minutes=1))
    assert {incident(f"chain/{task}").status for task, _ in (first, second)} == {"open"}


def test_an_upstream_failure_that_is_found_late_takes_over() -> None:
    store(task_failed("chain", "clean_up", minutes=1))
    assert incident("chain/clean_up").status == "open"
    store(task_failed("chain", "transform", minutes=0))
    cause = incident("chain/transform")
    assert quiet_under("chain/clean_up") == ("suppressed", "upstream_task", cause.id)
    assert cause.status == "open"


def test_what_somebody_looks_after_already_is_not_taken_from_them() -> None:
    store(task_failed("chain", "clean_up", minutes=1))
    with create_session(scoped=False) as session:
        lifecycle.acknowledge(session, locked(session, incident("chain/clean_up").id), "ada")
    store(task_failed("chain", "transform", minutes=0))
    assert incident("chain/clean_up").status == "acknowledged"


def test_when_the_cause_is_over_the_next_failure_speaks_for_itself() -> None:
    store(task_failed("chain", "extract"), task_failed("chain", "clean_up", minutes=1))
    assert store(task_failed("chain", "clean_up", "run-3", minutes=2))[0].result == "suppressed"
    with create_session(scoped=False) as session:
        lifecycle.resolve(session, locked(session, incident("chain/extract").id), "ada", "fixed")
    [receipt] = store(task_failed("chain", "clean_up", "run-4", minutes=3))
    assert (receipt.result, incident("chain/clean_up").status) == ("counted", "open")
    assert quiet_under("chain/clean_up") == ("open", None, None)
    assert "released" in actions(receipt.incident_id)
    assert len(rca_runs()) == 2


def triggered(value: str) -> None:
    """What Airflow keeps of a TriggerDagRunOperator of the run `run-p` that triggered run-1 of `chain`."""
    dag_run = run_of("parent", "run-p")
    ref = {"dag_id": "parent", "run_id": "run-p", "task_id": "trigger", "map_index": -1}
    with create_session(scoped=False) as session:
        session.execute(
            insert(XComModel.__table__).values(
                **ref, dag_run_id=dag_run.id, key="trigger_run_id", value=value,
                timestamp=datetime(2026, 1, 1, 0, 0, 2, tzinfo=timezone.utc),
            )
        )  # fmt: skip
        fields = {"trigger_dag_id": "chain", "trigger_run_id": None}
        session.execute(insert(RenderedTaskInstanceFields.__table__).values(**ref, rendered_fields=fields))


@pytest.mark.parametrize("value", ["run-1", json.dumps("run-1")])
def test_a_task_that_waited_for_a_dag_that_failed_is_attached_to_that(value: str) -> None:
    triggered(value)
    store(task_failed("chain", "transform"))
    store(task_failed("parent", "trigger", "run-p", error="chain failed with failed state failed", minutes=1))
    assert quiet_under("parent/trigger") == ("suppressed", "triggered_dag", incident("chain/transform").id)


def test_the_failure_of_another_run_of_the_triggered_dag_explains_nothing() -> None:
    triggered("run-1")
    store(task_failed("chain", "transform", "run-2"))
    store(task_failed("parent", "trigger", "run-p", error="chain failed with failed state failed", minutes=1))
    assert incident("parent/trigger").status == "open"


def test_a_triggered_run_is_attached_to_what_failed_before_in_the_run_that_triggered_it() -> None:
    run_dag("chain", "run-t", triggered_by=DagRunTriggeredByType.OPERATOR, queued_at=LONG_AGO)
    triggered("run-t")
    store(task_failed("parent", "prepare", "run-p"))
    store(task_failed("chain", "extract", "run-t", error="no such file", minutes=1))
    assert quiet_under("chain/extract") == ("suppressed", "triggering_dag", incident("parent/prepare").id)


def test_the_task_that_triggered_does_not_explain_the_run_that_it_waits_for() -> None:
    run_dag("chain", "run-t", triggered_by=DagRunTriggeredByType.OPERATOR, queued_at=LONG_AGO)
    triggered("run-t")
    store(task_failed("parent", "trigger", "run-p", error="chain failed with failed state failed"))
    store(task_failed("chain", "extract", "run-t", error="no such file", minutes=1))
    assert incident("chain/extract").status == "open"


def on_cluster(resource: str, event: str, **more):
    return alerted(resource, event, source=Source.DATABRICKS, labels={"cluster_id": "0923-x"}, **more)


def test_jobs_on_a_cluster_that_died_are_attached_to_it() -> None:
    store(on_cluster("w1/clusters/0923-x", "1", error="CLOUD_PROVIDER_LAUNCH_FAILURE"))
    store(on_cluster("w1/7/load", "2", error="cluster terminated", minutes=1))
    store(on_cluster("w2/7/load", "3", error="cluster terminated", minutes=1))
    assert quiet_under("w1/7/load") == ("suppressed", "cluster", incident("w1/clusters/0923-x").id)
    assert incident("w2/7/load").status == "open"


def test_a_cause_that_is_part_of_something_larger_leads_there() -> None:
    store(*(task_failed(f"dag-{n}") for n in range(6)), task_failed("chain", "extract"))
    storm = incident("storm/connection_error")
    assert quiet_under("chain/extract") == ("suppressed", "storm", storm.id)
    store(task_failed("chain", "clean_up", error="no such table", minutes=1))
    assert quiet_under("chain/clean_up") == ("suppressed", "upstream_task", storm.id)


def test_what_is_attached_is_still_resolved_by_its_own_recovery() -> None:
    store(on_cluster("w1/clusters/0923-x", "1", error="CLOUD_PROVIDER_LAUNCH_FAILURE"))
    store(on_cluster("w1/7/load", "2", error="cluster terminated", minutes=1))
    store(recovered(resource="w1/7", source=Source.DATABRICKS, minutes=5))
    assert incident("w1/7/load").status == "resolved"
