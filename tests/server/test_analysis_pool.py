"""Airflow never starts a task whose pool is missing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from airflow.models.pool import Pool
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from sqlalchemy import delete, select, update

from rca_plugin.core.model_call import ANALYSIS_POOL
from rca_plugin.server import pool
from rca_plugin.server.database import transaction
from rca_plugin.server.health import health
from rca_plugin.server.waiting import hand_off_waiting
from tests.server.made import store, task_failed

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def no_pool(database: str) -> Iterator[None]:
    _delete()
    yield
    _delete()


def _delete() -> None:
    with create_session(scoped=False) as session:
        session.execute(delete(Pool).where(Pool.pool == ANALYSIS_POOL))


def slots() -> list[int]:
    with create_session(scoped=False) as session:
        return list(session.scalars(select(Pool.slots).where(Pool.pool == ANALYSIS_POOL)))


def missing() -> bool:
    with create_session(scoped=False) as session:
        return any(f"Pool {ANALYSIS_POOL} is missing" in problem for problem in health(session).problems)


def test_whoever_hands_an_incident_off_makes_sure_of_the_pool() -> None:
    assert not missing()
    store(task_failed("orders"))
    assert slots() == [4]
    with create_session(scoped=False) as session:
        tasks = select(TaskInstance.task_id, TaskInstance.pool).where(TaskInstance.dag_id == "rca_incident")
        assert set(session.execute(tasks)) == {
            ("collect_evidence", "default_pool"), ("classify", "default_pool"), ("analyze", ANALYSIS_POOL),
            ("archive", "default_pool"),
            ("open_ticket", "default_pool"), ("notify", "default_pool"), ("plan_repair", "default_pool"),
        }  # fmt: skip


def test_the_slots_are_what_the_operator_sets() -> None:
    store(task_failed("orders"))
    with create_session(scoped=False) as session:
        session.execute(update(Pool).where(Pool.pool == ANALYSIS_POOL).values(slots=9))
    store(task_failed("sales"))
    hand_off_waiting()
    assert slots() == [9]


def test_a_deleted_pool_is_missed_and_put_back_by_housekeeping() -> None:
    store(task_failed("orders"))
    _delete()
    assert missing()
    hand_off_waiting()
    assert slots() == [4]
    assert not missing()


def test_many_that_create_it_at_once_create_one() -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: transaction(pool.create), range(16)))
    assert slots() == [4]
