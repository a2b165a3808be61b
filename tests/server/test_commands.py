"""Airflow's own commands know our tables, and `rca downgrade` takes them away."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo.local_airflow import REPOSITORY, LocalAirflow


def rca(airflow: LocalAirflow, *words: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**airflow.environment, "PYTHONPATH": str(REPOSITORY / "plugins")}
    return subprocess.run(
        [sys.executable, "-m", "rca_plugin", *words], env=environment, cwd=airflow.home, input=answer,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.timeout(600)
def test_migrate_check_downgrade_and_back(installed: Path, tmp_path: Path) -> None:
    airflow = LocalAirflow(tmp_path, {"rca": REPOSITORY / "dags"})
    shutil.copyfile(installed, tmp_path / "airflow.db")
    check = ("db", "check-migrations", "--migration-wait-timeout", "0")
    assert airflow.run(*check, check=False).returncode == 0

    assert rca(airflow, "downgrade", "--to-revision", "base", answer="no\n").returncode == 1
    done = rca(airflow, "downgrade", "--to-revision", "base", "--yes")
    assert done.returncode == 0, done.stderr
    assert airflow.run(*check, check=False).returncode != 0

    airflow.migrate()
    assert airflow.run(*check, check=False).returncode == 0


def test_help_names_every_command(tmp_path: Path) -> None:
    airflow = LocalAirflow(tmp_path, {"rca": REPOSITORY / "dags"})
    done = rca(airflow, "--help")
    assert done.returncode == 0
    for command in ("classify", "doctor", "downgrade", "options"):
        assert command in done.stdout
    assert rca(airflow, "nonsense").returncode == 2
