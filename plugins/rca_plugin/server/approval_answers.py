"""What people answered to the question whether to repair, as Airflow keeps it (human in the loop)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.core.remediation.case import Approval
from rca_plugin.server import airflow_users
from rca_plugin.server.models import Remediation
from rca_plugin.server.rca_dag import REPAIR_DAG_ID

#: The tasks that ask, in their order: the second one for a second person.
ASKING = ("approve", "approve_again")
APPROVE, REJECT = "Approve", "Reject"


@dataclass(frozen=True)
class Answer:
    """One question. `at` is None while it is open; without a person, the time to answer ended."""

    task_id: str
    choice: str | None
    person_id: str | None
    name: str | None
    at: datetime | None


def of_run(session: Session, run_id: str | None) -> list[Answer]:
    """The questions that were asked in a run, in their order."""
    asked = (
        select(TaskInstance.task_id, HITLDetail.chosen_options, HITLDetail.responded_by, HITLDetail.responded_at)
        .join(HITLDetail, HITLDetail.ti_id == TaskInstance.id)
        .where(TaskInstance.dag_id == REPAIR_DAG_ID, TaskInstance.run_id == run_id)
        .where(TaskInstance.task_id.in_(ASKING))
    )  # fmt: skip
    found = [_answer(*row) for row in session.execute(asked)]
    return sorted(found, key=lambda answer: ASKING.index(answer.task_id))


def approvals(session: Session, row: Remediation) -> tuple[Approval, ...]:
    """Who agreed, in time; each person once, however often."""
    agreed: dict[str, Approval] = {}
    for answer in of_run(session, row.run_id):
        if answer.choice == APPROVE and answer.person_id and answer.at and answer.at <= row.expires_at:
            known = Approval(answer.person_id, answer.name or answer.person_id, answer.at)
            agreed.setdefault(answer.person_id, known)
    return tuple(one for one in agreed.values() if _may_approve(one.person_id))


def not_counted(session: Session, row: Remediation) -> list[str]:
    """The names of those who agreed in the page of Airflow, which lets in more people than may act here."""
    answers = of_run(session, row.run_id)
    agreed = [one for one in answers if one.choice == APPROVE and one.person_id]
    return [str(one.name) for one in agreed if not _may_approve(str(one.person_id))]


def _may_approve(person_id: str) -> bool:
    # Whom the auth manager does not list, Airflow itself has let in.
    person = airflow_users.with_id(person_id)
    return person is None or person.may_act()


def rejection(session: Session, row: Remediation) -> Answer | None:
    """The answer by which it was rejected, by somebody or because nobody answered."""
    return next((answer for answer in of_run(session, row.run_id) if answer.choice == REJECT), None)


def _answer(task_id: str, chosen: object, by: dict[str, str] | None, at: datetime | None) -> Answer:
    choices = chosen if isinstance(chosen, list) else []
    # One choice only, as asked: anything else is no approval.
    choice = choices[0] if len(choices) == 1 else (REJECT if at else None)
    person = by or {}
    return Answer(task_id, choice, person.get("id"), person.get("name"), at)
