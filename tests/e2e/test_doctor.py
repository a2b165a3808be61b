"""`rca doctor` on a real installation: nothing to mend, or what exactly."""

from __future__ import annotations

import subprocess
import sys

import pytest

from demo.local_airflow import REPOSITORY
from tests.e2e.conftest import Site

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]


def doctor(site: Site, *words: str, **changed: str) -> subprocess.CompletedProcess[str]:
    environment = {**site.airflow.environment, "PYTHONPATH": str(REPOSITORY / "plugins"), **changed}
    return subprocess.run(
        [sys.executable, "-m", "rca_plugin", "doctor", *words], env=environment, cwd=site.airflow.home,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_a_sound_installation_has_nothing_to_mend(site: Site) -> None:
    done = doctor(site)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all fine" in done.stdout
    assert "answers, and knows our service token" in done.stdout


def test_a_worker_needs_no_database(site: Site) -> None:
    done = doctor(
        site,
        "--worker",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="postgresql+psycopg2://nobody:x@127.0.0.1:9/none",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "answers, and knows our service token" in done.stdout


@pytest.mark.parametrize(
    ("changed", "finding"),
    [
        ({"AIRFLOW__RCA__SERVICE_SECRET": "another secret, long enough"}, "service_secret to the same value"),
        ({"AIRFLOW__RCA__API_URL": "http://127.0.0.1:9"}, "start the API server"),
        ({"AIRFLOW__RCA__LISTENER_TIMEOUT": "99"}, "listener_timeout"),
        ({"AIRFLOW__DATABASE__EXTERNAL_DB_MANAGERS": ""}, "external_db_managers = rca_plugin"),
    ],
)
def test_what_is_wrong_is_named_with_its_fix(site: Site, changed: dict[str, str], finding: str) -> None:
    done = doctor(site, **changed)
    assert finding in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1


def test_an_unpaused_dag_is_asked_for(site: Site) -> None:
    site.http.patch("/api/v2/dags/rca_incident", json={"is_paused": True}).raise_for_status()
    try:
        done = doctor(site)
    finally:
        site.http.patch("/api/v2/dags/rca_incident", json={"is_paused": False}).raise_for_status()
    assert "unpause it in the Airflow UI" in done.stdout
    assert done.returncode == 1
