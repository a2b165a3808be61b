"""Hand an incident to the DAG that analyzes it.

The DagRun is a row in the same database and the same transaction as the incident: both exist, or neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dag import DagModel
from airflow.models.errors import ParseImportError
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import exists, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from rca_plugin.core.incident import incident_label
from rca_plugin.server.database import worth_retrying

if TYPE_CHECKING:
    from rca_plugin.server.models import Incident

DAG_ID = "rca_incident"


class HandoffError(Exception):
    """The RCA DAG cannot take an incident now. The text says why and what to do."""


def hand_off(session: Session, incident: Incident) -> str:
    """Create the RCA run of an incident in this transaction and answer its run id.

    Raises HandoffError when the DAG could not run it: `trigger_dag` of Airflow 3.3 creates runs of paused
    and broken DAGs without a word, and they would wait unseen.
    """
    check_dag(session)
    run_id = f"{incident_label(incident.id)}_{incident.failure_count}"
    try:
        trigger_dag(
            DAG_ID,
            run_id=run_id,
            conf={"incident_id": incident.id},
            triggered_by=DagRunTriggeredByType.REST_API,
            triggering_user_name="rca",
            session=session,
        )
    except Exception as error:
        if isinstance(error, DBAPIError) and worth_retrying(error):
            raise
        raise HandoffError(f"DAG {DAG_ID} could not be triggered: {type(error).__name__}: {error}") from error
    return run_id


def check_dag(session: Session) -> None:
    """Raise HandoffError when the RCA DAG could not run."""
    dag = session.scalar(select(DagModel).where(DagModel.dag_id == DAG_ID))
    if dag is None or dag.is_stale:
        raise HandoffError(f"DAG {DAG_ID} is missing: add the folder dags/ of the plugin to a DAG bundle")
    if dag.has_import_errors or _has_import_error(session, dag):
        raise HandoffError(f"DAG {DAG_ID} is broken: see the import errors in the Airflow UI")
    if dag.is_paused:
        raise HandoffError(f"DAG {DAG_ID} is paused: unpause it in the Airflow UI")


def _has_import_error(session: Session, dag: DagModel) -> bool:
    of_this_file = (ParseImportError.bundle_name == dag.bundle_name) & (
        ParseImportError.filename == dag.relative_fileloc
    )
    return bool(session.scalar(select(exists().where(of_this_file))))
