"""What repairs build on in the real Airflow: runs that start later, and answers given by our server."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from fastapi import HTTPException
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rca_plugin.server.database import transaction
from rca_plugin.server.rca_dag import REPAIR_DAG_ID, rca_dag
from tests.server.repair_runs import APPROVE, asks, repair_dag, task_state

pytestmark = pytest.mark.usefixtures("database")
RUN = "RCA-1_repair"


@pytest.fixture(autouse=True)
def dag() -> None:
    repair_dag()


def create(session: Session, run_after: datetime | None) -> None:
    rca_dag(session, REPAIR_DAG_ID).create_runs(session, {RUN: {"remediation_id": 1}}, run_after)


def started() -> list[str]:
    with create_session(scoped=False) as session:
        return [run.run_id for run in DagRun.get_queued_dag_runs_to_set_running(session)]


def test_the_scheduler_leaves_a_run_alone_until_its_time(database: str) -> None:
    transaction(lambda session: create(session, datetime.now(timezone.utc) + timedelta(seconds=60)))
    assert started() == []
    with create_session(scoped=False) as session:
        session.execute(update(DagRun).values(run_after=datetime.now(timezone.utc) - timedelta(seconds=2)))
    assert started() == [RUN]


def test_our_server_answers_by_the_function_of_airflow_and_once(database: str) -> None:
    transaction(lambda session: create(session, None))
    asks(RUN)

    def answer(session: Session, choice: str) -> None:
        user = SimpleNamespace(get_id=lambda: "7", get_name=lambda: "ada")
        payload = UpdateHITLDetailPayload(chosen_options=[choice], params_input={})
        update_hitl_detail(REPAIR_DAG_ID, RUN, APPROVE, payload, user, session, map_index=-1)

    transaction(lambda session: answer(session, "Approve"))
    with create_session(scoped=False) as session:
        detail = session.scalars(select(HITLDetail)).one()
        assert (detail.chosen_options, detail.responded_by) == (["Approve"], {"id": "7", "name": "ada"})
    assert task_state(RUN) == TaskInstanceState.SCHEDULED
    with pytest.raises(HTTPException) as refused:
        transaction(lambda session: answer(session, "Reject"))
    assert refused.value.status_code == 409
