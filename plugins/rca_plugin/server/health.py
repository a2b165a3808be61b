"""Whether incidents can be taken in and analyzed now."""

from __future__ import annotations

from dataclasses import dataclass

from airflow.models.dag import DagModel
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

import rca_plugin
from rca_plugin.config import settings
from rca_plugin.core.model_call import ANALYSIS_POOL
from rca_plugin.server import pool
from rca_plugin.server.models import Incident
from rca_plugin.server.rca_dag import DAG_ID, REPAIR_DAG_ID, HandoffError, check_dag
from rca_plugin.server.unreported import HOUSEKEEPING_DAG_ID
from rca_plugin.server.waiting import is_waiting


@dataclass(frozen=True)
class Health:
    """`status` is `ok` when there are no problems, else `degraded`; each problem says what to do."""

    status: str
    problems: list[str]
    waiting_incidents: int
    version: str


def health(session: Session) -> Health:
    """Look at the DAGs that do the work, and at what waits for them."""
    problems = [*_dag_problem(session, DAG_ID), *_pool_problem(session), *_housekeeping_problem(session)]
    if settings().remediation:
        problems += _dag_problem(session, REPAIR_DAG_ID)
    waiting = session.scalar(select(func.count(Incident.id)).where(is_waiting()))
    return Health("degraded" if problems else "ok", problems, waiting or 0, rca_plugin.__version__)


def _dag_problem(session: Session, dag_id: str) -> list[str]:
    try:
        check_dag(session, dag_id)
    except HandoffError as error:
        return [str(error)]
    return []


def _pool_problem(session: Session) -> list[str]:
    # The first hand-off creates it.
    needed = exists().where(Incident.rca_run_id.is_not(None))
    if session.scalar(select(needed & ~pool.is_there())):
        return [
            f"Pool {ANALYSIS_POOL} is missing: the DAG {HOUSEKEEPING_DAG_ID} puts it back within a minute"
        ]
    return []


def _housekeeping_problem(session: Session) -> list[str]:
    dag = session.scalar(select(DagModel).where(DagModel.dag_id == HOUSEKEEPING_DAG_ID))
    if dag is None or dag.is_stale:
        return [f"DAG {HOUSEKEEPING_DAG_ID} is missing: unreported failures are not found"]
    if dag.is_paused:
        return [f"DAG {HOUSEKEEPING_DAG_ID} is paused: unreported failures are not found"]
    return []
