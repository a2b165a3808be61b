"""What becomes of incidents as time goes by: they are resolved when their task succeeds, closed in the end, and
filed for those that resemble them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from rca_plugin.config import settings
from rca_plugin.core.failure import Source
from rca_plugin.core.incident import UNRESOLVED, VISIBLE, Kind, Status
from rca_plugin.core.remediation.state import RemediationState
from rca_plugin.server import lifecycle, outdated, recoveries
from rca_plugin.server.database import transaction
from rca_plugin.server.incidents import locked
from rca_plugin.server.models import Incident, Remediation
from rca_plugin.server.remediation_settling import settle_repairs
from rca_plugin.server.similarity_index import file_incidents

# A run of the housekeeping DAG is short; the next one goes on.
_BATCH = 500
_DONE = (TaskInstanceState.SUCCESS, TaskInstanceState.SKIPPED, TaskInstanceState.REMOVED)


@dataclass(frozen=True)
class Settled:
    """How many incidents were resolved, closed and filed, and how many repairs concluded that nobody else would."""

    resolved: int
    closed: int
    filed: int
    repairs: int


def settle() -> Settled:
    """Resolve what works again, have told what failed on, close what stayed resolved, and file what is new."""
    window = datetime.now(timezone.utc) - timedelta(hours=settings().reopen_window)
    # First: what works again because it was repaired is resolved with how and by whom.
    repairs = settle_repairs()
    steps: list[tuple[Any, Callable[[Session, Incident], bool]]] = [
        (_works_again(), partial(_resolve, how="a later run of it succeeded")),
        (_calm_again(window), partial(_calm_down, hours=settings().reopen_window)),
        (_empty_storm(), partial(_resolve, how="all incidents of the storm are resolved")),
    ]
    resolved = sum(_each(condition, change) for condition, change in steps)
    outdated.bring_up_to_date()
    return Settled(resolved, _each(_stayed_resolved(window), _close), file_incidents(), repairs)


def _each(condition: Any, change: Callable[[Session, Incident], bool]) -> int:
    """Change every incident of which a condition holds, each in a transaction of its own."""
    with create_session(scoped=False) as session:
        found = list(
            session.scalars(select(Incident.id).where(condition).order_by(Incident.id).limit(_BATCH))
        )
    return sum(transaction(partial(_if_still, incident_id, condition, change)) for incident_id in found)


def _if_still(
    incident_id: int, condition: Any, change: Callable[[Session, Incident], bool], session: Session
) -> bool:
    incident = locked(session, incident_id)
    holds = session.scalar(select(Incident.id).where(Incident.id == incident_id, condition))
    return holds is not None and change(session, incident)


def _resolve(session: Session, incident: Incident, how: str) -> bool:
    return recoveries.settle(session, incident, "airflow", how, datetime.now(timezone.utc))


def _calm_down(session: Session, incident: Incident, hours: float) -> bool:
    lifecycle.resolve(session, incident, "rca", f"no failure for {hours:g} hours")
    return True


def _close(session: Session, incident: Incident) -> bool:
    lifecycle.close(session, incident)
    return True


def _status(among: tuple[Status, ...]) -> Any:
    return Incident.status.in_([status.value for status in among])


def _works_again() -> Any:
    """A task, or run, that started after the last failure succeeded; of a mapped task, all of its indexes."""
    return and_(
        _status(UNRESOLVED),
        Incident.source == Source.AIRFLOW.value,
        Incident.kind == Kind.FAILURE.value,
        Incident.flapping.is_(False),
        ~_is_being_repaired(),
        or_(_task_succeeded(), _run_succeeded()),
    )


def _is_being_repaired() -> Any:
    """A repair goes on: it will say that it worked, and how."""
    return exists().where(
        Remediation.incident_id == Incident.id, Remediation.state == RemediationState.RUNNING.value
    )


def _task_succeeded() -> Any:
    # The resource of a task is `dag/task`: written so, the database can use its index on both.
    task_id = func.substr(Incident.resource, func.length(Incident.dag_id) + 2)
    undone = aliased(TaskInstance)
    others = exists().where(
        undone.dag_id == TaskInstance.dag_id,
        undone.task_id == TaskInstance.task_id,
        undone.run_id == TaskInstance.run_id,
        or_(undone.state.is_(None), undone.state.not_in(_DONE)),
    )
    return exists().where(
        TaskInstance.dag_id == Incident.dag_id,
        TaskInstance.task_id == task_id,
        TaskInstance.state == TaskInstanceState.SUCCESS,
        TaskInstance.start_date > Incident.last_failure_at,
        ~others,
    )


def _run_succeeded() -> Any:
    return exists().where(
        Incident.resource == Incident.dag_id,
        DagRun.dag_id == Incident.dag_id,
        DagRun.state == DagRunState.SUCCESS,
        DagRun.start_date > Incident.last_failure_at,
    )


def _calm_again(window: datetime) -> Any:
    return and_(_status(VISIBLE), Incident.flapping.is_(True), Incident.last_failure_at < window)


def _empty_storm() -> Any:
    member = aliased(Incident)
    unresolved = member.status.in_([status.value for status in UNRESOLVED])
    return and_(
        _status(VISIBLE),
        Incident.kind == Kind.STORM.value,
        ~exists().where(member.parent_id == Incident.id, unresolved),
    )


def _stayed_resolved(window: datetime) -> Any:
    return and_(Incident.status == Status.RESOLVED.value, Incident.resolved_at < window)
