"""A real API server on each database, with nothing else of Airflow running: what is taken in stays as it was."""

from __future__ import annotations

import base64
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from demo.local_airflow import LocalAirflow
from rca_plugin.core.service_token import sign
from tests.conftest import BUNDLES, new_database

SECRET = "only-for-these-tests"
SOURCES = ("adf", "azure_monitor", "databricks", "generic")
OPTIONS = {f"RCA__WEBHOOK_SECRET_{source.upper()}": SECRET for source in SOURCES}
_ANSWER_SECONDS = 120


@dataclass(frozen=True)
class Api:
    """A running API server and its database."""

    airflow: LocalAirflow
    engine: sa.Engine
    http: httpx.Client

    def post(self, source: str, body: Any, http: httpx.Client | None = None) -> httpx.Response:
        """Post a report as its source would."""
        return (http or self.http).post(
            f"{self.airflow.url}/pluginsv2/rca/webhooks/{source}",
            json=body,
            headers=self.proof(source),
            params={"secret": SECRET} if source == "azure_monitor" else {},
            timeout=_ANSWER_SECONDS,
        )

    def proof(self, source: str) -> dict[str, str]:
        if source == "airflow":
            token = sign(self.airflow.environment["AIRFLOW__API__SECRET_KEY"], "tests", time.time())
            return {"Authorization": f"Bearer {token}"}
        if source == "databricks":
            return {"Authorization": f"Basic {base64.b64encode(f'x:{SECRET}'.encode()).decode()}"}
        return {"Authorization": f"Bearer {SECRET}"} if source != "azure_monitor" else {}

    def rows(self, statement: str) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(sa.text(statement)))

    def count(self, table: str, where: str = "1 = 1") -> int:
        return int(self.rows(f"SELECT count(*) FROM {table} WHERE {where}")[0][0])

    def empty(self) -> None:
        with self.engine.begin() as connection:
            for table in (
                "rca_feedback",
                "rca_delivery",
                "rca_model_call",
                "rca_spending",
                "rca_audit",
                "rca_failure",
                "rca_recovery",
                "rca_incident",
                "rca_silence",
            ):
                connection.execute(sa.text(f"DELETE FROM {table}"))
            for table in ("task_instance", "dag_run"):
                connection.execute(sa.text(f"DELETE FROM {table} WHERE dag_id = 'rca_incident'"))


@contextmanager
def prepared(request: pytest.FixtureRequest, home: Path, options: dict[str, str]) -> Iterator[Api]:
    """Tables, DAGs and users on the database that the test is run for, but nothing running yet."""
    home.mkdir(parents=True)
    with ExitStack() as stack:
        url = None
        if request.param == "postgres":
            template = request.getfixturevalue("installed_in_postgres")
            url = stack.enter_context(new_database(request.getfixturevalue("postgres_url"), template))
        else:
            shutil.copyfile(request.getfixturevalue("installed"), home / "airflow.db")
        airflow = stack.enter_context(
            LocalAirflow(home, BUNDLES, database=url, options={**OPTIONS, **options})
        )
        engine = sa.create_engine(airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
        # A connection for each request: one that is kept may be closed by the server while it is used again.
        limits = httpx.Limits(max_keepalive_connections=0)
        http = stack.enter_context(httpx.Client(limits=limits))
        with engine.begin() as connection:
            connection.execute(sa.text("UPDATE dag SET is_paused = false"))
        yield Api(airflow, engine, http)
        engine.dispose()


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def running_api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with prepared(request, tmp_path_factory.mktemp("intake") / "airflow", {}) as api:
        api.airflow.start("api-server")
        api.airflow.wait_until_ready()
        yield api


@pytest.fixture
def api(running_api: Api) -> Api:
    """The same with nothing stored."""
    running_api.empty()
    return running_api
