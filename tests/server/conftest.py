"""The metadata database, as SQLite and as PostgreSQL, with Airflow's tables, ours and the RCA DAGs in it."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import delete, event, text

from demo.local_airflow import LocalAirflow
from tests.conftest import _HOME, BUNDLES, IN_PROCESS


@pytest.fixture(scope="session")
def sqlite_airflow(installed: Path) -> LocalAirflow:
    shutil.copyfile(installed, IN_PROCESS.home / "airflow.db")
    return IN_PROCESS


@pytest.fixture(scope="session")
def postgres_airflow(postgres_url: str) -> LocalAirflow:
    airflow = LocalAirflow(_HOME / "airflow-postgres", BUNDLES, database=postgres_url)
    airflow.install()
    return airflow


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Set options of [rca] for one test."""
    from rca_plugin.config import settings

    def change(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"AIRFLOW__RCA__{name.upper()}", str(value))
        settings.cache_clear()

    yield change
    settings.cache_clear()


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def metadata_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Point the Airflow of this process at one of the two; all tests of one run before those of the other."""
    from airflow import settings
    from airflow.configuration import conf

    airflow: LocalAirflow = request.getfixturevalue(f"{request.param}_airflow")
    url = airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    before = conf.get("database", "sql_alchemy_conn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", url)
        settings.dispose_orm()
        settings.configure_vars()
        settings.configure_orm()
        if request.param == "sqlite":
            event.listen(settings.engine, "connect", _do_not_wait_for_the_disk)
        yield request.param
        settings.dispose_orm()
    assert conf.get("database", "sql_alchemy_conn") == before
    settings.configure_vars()
    settings.configure_orm()


@pytest.fixture(scope="module")
def api_url() -> Iterator[str]:
    """Our JSON API, served as Airflow mounts it."""
    from rca_plugin.server.api import create_app

    whole = FastAPI()
    whole.mount("/rca", create_app())
    server = uvicorn.Server(uvicorn.Config(whole, log_level="warning"))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


def _do_not_wait_for_the_disk(connection: Any, _: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture
def database(metadata_database: str) -> Iterator[str]:
    """The same with none of our rows and no DAG run in it; the RCA DAGs are not paused."""
    _empty()
    yield metadata_database
    _empty()


def _empty() -> None:
    from airflow.models.dag import DagModel
    from airflow.models.dagrun import DagRun
    from airflow.models.log import Log
    from airflow.models.renderedtifields import RenderedTaskInstanceFields
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    from rca_plugin.server import models as rows

    with create_session(scoped=False) as session:
        ours = (
            rows.Remediation, rows.Switch, rows.SimilarityKey, rows.Ticket, rows.Delivery, rows.Feedback,
            rows.ModelCall, rows.Spending, rows.AuditRow, rows.FailureRow, rows.RecoveryRow, rows.Incident,
            rows.Silence, rows.DigestRow,
        )  # fmt: skip
        # One by one: a migration before may have left a connection to SQLite without foreign keys.
        for model in (*ours, RenderedTaskInstanceFields, XComModel, TaskInstance, DagRun, Log):
            session.execute(delete(model))
        session.execute(text("DELETE FROM import_error"))
        session.execute(update(DagModel).values(is_paused=False, is_stale=False, has_import_errors=False))
