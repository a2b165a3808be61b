"""What `rca doctor` says of repairs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from airflow.jobs.job import Job
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from sqlalchemy import delete, update

from rca_plugin.cli.repair_checks import repair_policy, repairs
from rca_plugin.server import remediation_switch
from rca_plugin.server.rca_dag import REPAIR_DAG_ID

pytestmark = pytest.mark.usefixtures("database")
Options = Callable[..., None]


@pytest.fixture
def a_triggerer() -> object:
    """One that was heard of just now."""
    now = datetime.now(timezone.utc)
    job = Job(state="running", latest_heartbeat=now)
    job.job_type = "TriggererJob"
    with create_session(scoped=False) as session:
        session.add(job)
        session.flush()
        number = job.id
    yield number
    with create_session(scoped=False) as session:
        session.execute(delete(Job).where(Job.id == number))


def said() -> list[str]:
    return [str(finding) for finding in repairs()]


def to_mend() -> str:
    return "\n".join(str(finding) for finding in (*repair_policy(), *repairs()) if finding.fix)


def heard_of(number: object, ago: timedelta) -> None:
    then = datetime.now(timezone.utc) - ago
    with create_session(scoped=False) as session:
        session.execute(update(Job).where(Job.id == number).values(latest_heartbeat=then))


def test_what_is_shipped_can_be_read_and_asks_before_anything() -> None:
    assert [str(finding) for finding in repair_policy()] == ["ok   repairs: remediation.yaml read: approve"]


def test_with_all_that_it_takes_there_is_nothing_to_mend(a_triggerer: object) -> None:
    assert to_mend() == ""
    assert said() == [
        "ok   repairs: switched on", "ok   repairs: DAG rca_remediation is loaded and not paused",
        "ok   repairs: a triggerer is alive",
    ]  # fmt: skip


def test_without_a_triggerer_nobody_would_follow_a_repair(a_triggerer: object) -> None:
    heard_of(a_triggerer, timedelta(hours=1))
    assert (
        "no triggerer is alive: nobody follows what a repair has started\n     → start: airflow triggerer"
        in to_mend()
    )


def test_a_paused_dag_is_to_be_unpaused(a_triggerer: object) -> None:
    with create_session(scoped=False) as session:
        session.execute(update(DagModel).where(DagModel.dag_id == REPAIR_DAG_ID).values(is_paused=True))
    try:
        assert (
            "DAG rca_remediation is paused\n     → unpause it in the Airflow UI; until then nothing"
            in to_mend()
        )
    finally:
        with create_session(scoped=False) as session:
            session.execute(update(DagModel).where(DagModel.dag_id == REPAIR_DAG_ID).values(is_paused=False))


def test_repairs_that_were_switched_off_are_told_and_are_no_fault(a_triggerer: object) -> None:
    with create_session(scoped=False) as session:
        remediation_switch.turn(session, on=False, person="ada", reason="CHG-1234")
    assert "ada switched repairs off" in said()[0]
    assert said()[0].endswith(": CHG-1234")
    assert to_mend() == ""


def test_nor_is_the_option(options: Options) -> None:
    options(remediation="off")
    assert said() == ["ok   repairs: repairs are off: [rca] remediation"]
    assert to_mend() == ""


def test_a_file_that_cannot_be_read_is_to_be_mended(options: Options, tmp_path: Path) -> None:
    file = tmp_path / "repairs.yaml"
    file.write_text("mode: aprove\n")
    options(remediation_file=file)
    assert "repairs.yaml:1" in to_mend()
    assert "until then nothing is repaired" in to_mend()


def test_where_nothing_is_done_nothing_is_needed_for_it(options: Options, tmp_path: Path) -> None:
    file = tmp_path / "repairs.yaml"
    file.write_text("mode: suggest\n")
    options(remediation_file=file)
    assert said() == ["ok   repairs: switched on"]
