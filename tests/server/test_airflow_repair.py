"""Which tasks of Airflow are cleared, where and with how much time, and when they are left alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.models.dagrun import DagRun
from airflow.models.pool import Pool
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.taskinstance import TaskInstance
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import delete, insert, select

from rca_plugin.core.failure import Report
from rca_plugin.server import airflow_repair, own_runs
from rca_plugin.server.airflow_repair_checks import NoRepairError
from rca_plugin.server.database import transaction
from rca_plugin.server.intake import take_in
from rca_plugin.server.models import Incident
from tests.server import repairing
from tests.server.airflow_rows import add_dag, add_run, add_task
from tests.server.made import NOON, actions, incident, store, task_failed
from tests.server.repair_runs import repair_dag
from tests.server.repairing import (
    DAG_ID,
    FAILED,
    RUN,
    SUCCESS,
    became,
    job_repair,
    orders_failed,
    planned,
    stockout,
)

pytestmark = pytest.mark.usefixtures("database")
CLEAR, CHECKED = "airflow_clear", "airflow_clear_after_upstream_check"
LONGER, ELSEWHERE = "airflow_clear_with_longer_timeout", "airflow_clear_in_other_pool"


def propose(number: int, action: str = CLEAR, **settings: Any) -> Any:
    return transaction(
        lambda session: airflow_repair.propose(session, session.get_one(Incident, number), action, settings)
    )


def refusal(number: int, action: str = CLEAR, **settings: Any) -> str:
    with pytest.raises(NoRepairError) as refused:
        propose(number, action, **settings)
    return str(refused.value)


def clear(proposal: Any) -> int:
    return transaction(lambda session: airflow_repair.clear(session, proposal))


def instance(task_id: str) -> TaskInstance:
    with create_session(scoped=False) as session:
        this = (TaskInstance.dag_id == DAG_ID, TaskInstance.task_id == task_id)
        return session.scalars(select(TaskInstance).where(*this)).one()


def test_another_pool_and_queue_are_for_the_task_alone() -> None:
    number = orders_failed()
    assert (
        refusal(number, ELSEWHERE, pool="repairs") == "pool repairs is missing: create it in the Airflow UI"
    )
    with create_session(scoped=False) as session:
        session.add(Pool(pool="repairs", slots=1, description="", include_deferred=False))
    try:
        proposal = propose(number, ELSEWHERE, pool="repairs", queue="high_memory")
        assert clear(proposal) == 2
        assert (instance("load").pool, instance("load").queue) == ("repairs", "high_memory")
        assert (instance("publish").pool, instance("publish").queue) == ("default_pool", "default")
    finally:
        with create_session(scoped=False) as session:
            session.execute(delete(Pool).where(Pool.pool == "repairs"))


def test_more_time_is_for_this_run_of_the_task_alone() -> None:
    number = orders_failed(execution_timeout=timedelta(minutes=10))
    assert clear(propose(number, LONGER, factor=2.5)) == 2
    with create_session(scoped=False) as session:
        [run] = session.scalars(select(DagRun).where(DagRun.dag_id == DAG_ID))
        assert run.conf == {"rca_execution_timeout": {"load": 1500.0}}


def test_a_task_without_a_limit_gets_no_more_time() -> None:
    assert refusal(orders_failed(), LONGER, factor=2) == "task load has no execution_timeout to make longer"


def test_what_is_before_the_task_has_to_be_done() -> None:
    number = orders_failed()
    propose(number, CHECKED)
    became({"extract": FAILED})
    assert refusal(number, CHECKED) == "upstream task extract is failed"
    propose(number, CLEAR)


def test_the_dag_that_a_sensor_waits_for_has_to_have_succeeded() -> None:
    number = orders_failed()
    fields = {"dag_id": DAG_ID, "run_id": RUN, "task_id": "load", "map_index": -1}
    with create_session(scoped=False) as session:
        session.execute(insert(RenderedTaskInstanceFields).values(
            **fields, rendered_fields={"external_dag_id": "deliveries"}))  # fmt: skip
    propose(number, CHECKED)
    add_run("deliveries", "today", state=DagRunState.FAILED, started=NOON)
    assert refusal(number, CHECKED) == "the newest run of DAG deliveries, which it waits for, is failed"
    add_run("deliveries", "again", state=DagRunState.SUCCESS, started=NOON + timedelta(hours=1))
    propose(number, CHECKED)


def test_the_dags_that_bring_its_data_have_to_have_succeeded() -> None:
    data = Asset("rca_test_orders")
    with DAG("producer", schedule=None) as producer:
        EmptyOperator(task_id="write", outlets=[data])
    add_dag(producer)
    number = orders_failed()
    with DAG(DAG_ID, schedule=[data], is_paused_upon_creation=False) as consumer:
        tasks = [BashOperator(task_id=name, bash_command="true") for name in ("extract", "load", "publish")]
        tasks[0] >> tasks[1] >> tasks[2]
    add_dag(consumer)
    try:
        add_run("producer", "today", state=DagRunState.FAILED, started=NOON)
        assert refusal(number, CHECKED) == "the newest run of DAG producer, which it waits for, is failed"
    finally:
        repairing.orders()


def test_only_the_instances_that_failed_are_cleared() -> None:
    with DAG(DAG_ID, schedule=None, is_paused_upon_creation=False) as dag:
        load = BashOperator.partial(task_id="load").expand(bash_command=["true", "false", "true"])
        load >> EmptyOperator(task_id="publish")
    add_dag(dag)
    add_run(DAG_ID, RUN, state=DagRunState.FAILED)
    for index, state in enumerate((SUCCESS, FAILED, SUCCESS)):
        add_task(DAG_ID, RUN, "load", state, started=NOON, map_index=index)
    add_task(DAG_ID, RUN, "publish", TaskInstanceState.UPSTREAM_FAILED, started=NOON)
    store(task_failed(DAG_ID))
    proposal = propose(incident("orders/load").id)
    assert proposal.blast_radius == ("load[1] of run-1", "publish of run-1")
    target = proposal.target

    def seen() -> str | None:
        with create_session(scoped=False) as session:
            return airflow_repair.observed(session, target)

    assert (seen(), clear(proposal), seen()) == ("failed", 2, "running")
    became({"load": SUCCESS})
    assert seen() == "succeeded"


@pytest.mark.parametrize("state", ["running", "queued", "up_for_retry", "deferred"])
def test_what_is_at_work_is_left_alone(state: str) -> None:
    number = orders_failed()
    became({"publish": TaskInstanceState(state)})
    assert refusal(number) == "it is at work again: publish of run-1"


def test_what_is_gone_is_left_alone() -> None:
    number = orders_failed()
    with create_session(scoped=False) as session:
        session.execute(delete(TaskInstance).where(TaskInstance.dag_id == DAG_ID))
        session.execute(delete(DagRun).where(DagRun.dag_id == DAG_ID))
    assert refusal(number) == "the run run-1 is not there any more"
    target = {"dag_id": DAG_ID, "run_id": RUN, "task_id": "load"}
    with create_session(scoped=False) as session:
        assert airflow_repair.observed(session, target) is None


def test_a_run_that_failed_as_a_whole_has_no_task_to_clear() -> None:
    repairing.orders()
    store(task_failed(DAG_ID, None))
    assert refusal(incident(DAG_ID).id) == "the run failed as a whole: there is no failed task to clear"


def test_a_task_of_a_repair_that_fails_is_on_the_timeline_and_no_incident() -> None:
    repair_dag()
    number = stockout()
    row = planned(number, job_repair())
    failure = task_failed(own_runs.REPAIR_DAG_ID, "act", str(row.run_id), error="no route to host")
    [receipt] = take_in(Report((failure,), ()))
    assert (receipt.result, receipt.incident_id) == ("own", number)
    assert actions(number)[-1] == "repair_task_failed"
