"""A server that dies at any statement of a step of a repair has done nothing of it; asked again, it does it once."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from airflow import settings
from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.utils.session import create_session
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from rca_plugin.server import approvals, remediation_begin, remediation_switch
from rca_plugin.server.database import transaction
from rca_plugin.server.models import Base
from rca_plugin.server.remediation_settling import settle_repairs
from tests.server.made import stored
from tests.server.repair_runs import answered, asks, ended, repair_dag
from tests.server.repairing import (
    ADA,
    FAILED,
    SUCCESS,
    became,
    begin,
    conclude,
    job_repair,
    orders_failed,
    plan,
    planned,
    policy_file,
    stockout,
    wait_over,
)

pytestmark = pytest.mark.usefixtures("database")
AUTO = "mode: auto\ncooldown_minutes: 0\nrisks: {databricks_repair_run: low, airflow_clear: low}\n"
Step = Callable[[], object]
_TABLES = [*Base.metadata.sorted_tables, DagRun.__table__, TaskInstance.__table__, TaskInstanceHistory.__table__,
           HITLDetail.__table__]  # fmt: skip


class Killed(BaseException):
    """Nothing catches it: a process that is killed does not go on."""


@pytest.fixture(autouse=True)
def dag() -> None:
    repair_dag()


@pytest.fixture
def unasked(options: Callable[..., None], tmp_path: Path) -> None:
    options(remediation_file=policy_file(tmp_path, AUTO))


def everything() -> dict[str, list[str]]:
    """All rows that a repair could touch."""
    with create_session(scoped=False) as session:
        return {
            str(table.name): sorted(map(repr, session.execute(select(*table.columns)))) for table in _TABLES
        }


@contextmanager
def dies_after(statements: int) -> Iterator[None]:
    """After so many statements; with none left, when it commits."""
    left = itertools.count(statements - 1, -1)

    def said(*_: Any) -> None:
        if next(left) == 0:
            raise Killed

    def commits(_session: Any) -> None:
        raise Killed

    event.listen(settings.engine, "after_cursor_execute", said)
    if not statements:
        event.listen(Session, "before_commit", commits)
    try:
        yield
    finally:
        event.remove(settings.engine, "after_cursor_execute", said)
        if not statements:
            event.remove(Session, "before_commit", commits)


def cut(step: Step, statements: int) -> bool:
    """Whether it died on the way."""
    try:
        with dies_after(statements):
            step()
    except Killed as killed:
        # A cursor that is left in them would keep the lock of SQLite.
        traceback.clear_frames(killed.__traceback__)
        return True
    return False


def planning() -> Step:
    number = orders_failed()
    return lambda: plan(number)


def answering() -> Step:
    row = planned(stockout(), job_repair())
    asks(row.run_id)
    return lambda: transaction(lambda session: approvals.answer(session, row.id, ADA, True))  # type: ignore[arg-type]


def rejecting() -> Step:
    row = planned(stockout(), job_repair())
    asks(row.run_id)
    return lambda: transaction(lambda session: approvals.answer(session, row.id, ADA, False))  # type: ignore[arg-type]


def to_begin(remediation_id: int) -> Step:
    wait_over(remediation_id)
    return lambda: transaction(lambda session: remediation_begin.begin(session, remediation_id))


def beginning_approved() -> Step:
    row = planned(orders_failed())
    asks(row.run_id)
    answered(row.run_id, "Approve", "ada")
    return to_begin(row.id)


def beginning() -> Step:
    row = planned(orders_failed())
    return to_begin(row.id)


def beginning_refused() -> Step:
    row = planned(orders_failed())
    transaction(lambda session: remediation_switch.turn(session, on=False, person="ada", reason="a fire"))
    return to_begin(row.id)


def recording() -> Step:
    row = planned(stockout(), job_repair())
    begin(row.id)
    return lambda: transaction(lambda session: remediation_begin.started(session, row.id, "41/5001", None).id)


def _begun() -> int:
    row = planned(orders_failed())
    begin(row.id)
    return row.id


def concluding_well() -> Step:
    number = _begun()
    became({"load": SUCCESS})
    return lambda: conclude(number, "succeeded")


def concluding_with_another() -> Step:
    number = _begun()
    became({"load": FAILED})
    return lambda: conclude(number, "failed")


def concluding_unknown() -> Step:
    row = planned(stockout(), job_repair())
    begin(row.id)
    return lambda: conclude(row.id, "unknown", "nobody knows")


def settling() -> Step:
    row = planned(stockout(), job_repair())
    begin(row.id)
    ended(row.run_id)
    return settle_repairs


@pytest.mark.parametrize(
    "to_do",
    [planning, beginning, beginning_refused, recording, concluding_well, concluding_with_another,
     concluding_unknown, settling],
)  # fmt: skip
def test_nothing_or_all_of_it_without_asking(to_do: Callable[[], Step], unasked: None) -> None:
    nothing_or_all(to_do())


@pytest.mark.parametrize("to_do", [planning, answering, rejecting, beginning_approved])
def test_nothing_or_all_of_it_where_people_are_asked(to_do: Callable[[], Step]) -> None:
    nothing_or_all(to_do(), again=to_do not in (answering, rejecting))


def nothing_or_all(step: Step, *, again: bool = True) -> None:
    """`again`: it may be asked for once more, and then changes nothing; otherwise it is refused."""
    before = everything()
    deaths = 0
    for statements in itertools.count(1):
        if not cut(step, statements):
            break
        deaths += 1
        assert everything() == before, f"died after {statements} statements"
        if deaths == 1:
            assert cut(step, 0)
            assert everything() == before, "died when it committed"
    assert deaths > 3
    after = everything()
    assert after != before
    assert len(stored_repairs()) == len(set(stored_repairs()))
    if again:
        step()
    else:
        with pytest.raises(approvals.ApprovalError):
            step()
    assert everything() == after


def stored_repairs() -> list[tuple[int, int]]:
    """Incident and attempt of each."""
    from rca_plugin.server.models import Remediation

    return [(row.incident_id, row.attempt) for row in stored(Remediation)]
