"""The DAGs that analyze and repair incidents, as Airflow's tables have them, and new runs of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.errors import ParseImportError
from airflow.models.taskinstance import TaskInstance
from airflow.models.tasklog import LogTemplate
from airflow.settings import task_instance_mutation_hook
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.orm import Session

from rca_plugin.server import pool
from rca_plugin.server.database import memory

DAG_ID = "rca_incident"
REPAIR_DAG_ID = "rca_remediation"
# Keeps the deserialized DAG of each version.
_dags = DBDagBag()
# All that a hand-off asks of Airflow's tables, in one statement: it is on the way of every new incident.
_LOOK_UP = select(
    DagModel.is_stale,
    DagModel.is_paused,
    DagModel.has_import_errors,
    DagModel.bundle_version,
    exists()
    .where(
        ParseImportError.bundle_name == DagModel.bundle_name,
        ParseImportError.filename == DagModel.relative_fileloc,
    )
    .label("is_broken"),
    select(DagVersion.id)
    .where(DagVersion.dag_id == DagModel.dag_id)
    .order_by(DagVersion.version_number.desc())
    .limit(1)
    .scalar_subquery()
    .label("version"),
    select(func.max(LogTemplate.id)).scalar_subquery().label("log_template"),
    pool.is_there().label("has_pool"),
).where(DagModel.dag_id == bindparam("dag_id"))


class HandoffError(Exception):
    """A DAG of ours could not run now. The text says why and what to do."""


@dataclass(frozen=True)
class RcaDag:
    """What is the same for all runs that are created now."""

    dag: Any
    version: UUID
    bundle_version: str | None
    log_template: int

    def create_runs(
        self, session: Session, confs: Mapping[str, dict[str, Any]], run_after: datetime | None = None
    ) -> None:
        """Create runs with these ids and confs. Airflow leaves them queued until `run_after`; None: they run now.

        In Airflow 3.3 `trigger_dag` reads the DAG anew for every run, looks for a duplicate on a connection of its own,
        and takes 8 to 16 ms. These are the same rows, for many incidents at once; our run ids are unique by
        themselves.
        """
        runs = [self._run(run_id, conf, run_after) for run_id, conf in confs.items()]
        session.add_all(runs)
        session.flush()
        if self._is_plain():
            tasks = self.dag.task_dict.values()
            session.bulk_insert_mappings(
                TaskInstance.__mapper__,
                [
                    TaskInstance.insert_mapping(
                        run.run_id, task, map_index=-1, dag_version_id=self.version, dag_run=run
                    )
                    for run in runs
                    for task in tasks
                ],
            )
            return
        for run in runs:
            run.dag = self.dag
            run.verify_integrity(session=session, dag_version_id=self.version)

    def _is_plain(self) -> bool:
        """Whether each task is one task instance, and no policy of the deployment changes those."""
        mapped = any(task.is_mapped for task in self.dag.task_dict.values())
        return not mapped and getattr(task_instance_mutation_hook, "is_noop", False)

    def _run(self, run_id: str, conf: dict[str, Any], run_after: datetime | None) -> DagRun:
        run = DagRun(
            dag_id=self.dag.dag_id,
            run_id=run_id,
            run_after=run_after or datetime.now(timezone.utc),
            conf=conf,
            state=DagRunState.QUEUED,
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.REST_API,
            triggering_user_name="rca",
            bundle_version=self.bundle_version,
        )
        run.log_template_id = self.log_template
        run.created_dag_version_id = self.version
        return run


def rca_dag(session: Session, dag_id: str = DAG_ID) -> RcaDag:
    """The DAG, looked up once in a transaction.

    Raises HandoffError when it could not run: Airflow 3.3 creates runs of paused and broken DAGs without a word, and
    they would wait unseen.
    """
    known: RcaDag | None = memory(session).get(dag_id)
    if known is None:
        found = check_dag(session, dag_id)
        dag = found.version and _dags.get_dag(found.version, session=session)
        if dag is None:
            raise HandoffError(f"DAG {dag_id} is not serialized yet: wait for the DAG processor")
        if not found.has_pool:
            pool.create(session)
        bundle_version = None if dag.disable_bundle_versioning else found.bundle_version
        known = RcaDag(dag, found.version, bundle_version, found.log_template or 0)
        memory(session)[dag_id] = known
    return known


def check_dag(session: Session, dag_id: str = DAG_ID) -> Any:
    """The row of the DAG, with its latest version. Raises HandoffError when it could not run."""
    dag = session.execute(_LOOK_UP, {"dag_id": dag_id}).one_or_none()
    if dag is None or dag.is_stale:
        raise HandoffError(f"DAG {dag_id} is missing: add the folder dags/ of the plugin to a DAG bundle")
    if dag.has_import_errors or dag.is_broken:
        raise HandoffError(f"DAG {dag_id} is broken: see the import errors in the Airflow UI")
    if dag.is_paused:
        raise HandoffError(f"DAG {dag_id} is paused: unpause it in the Airflow UI")
    return dag
