"""What importing the plugin costs and does, in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo.local_airflow import REPOSITORY, LocalAirflow

PROBE = """
import json, sys
from airflow.sdk.listener import get_listener_manager
manager = get_listener_manager()
from airflow.sdk.plugins_manager import _get_plugins
plugins, errors = _get_plugins()
print(json.dumps({
    "listeners": [getattr(p, "__name__", str(p)) for p in manager.pm.get_plugins()],
    "plugins": [p.name for p in plugins],
    "errors": errors,
    "modules": sorted(sys.modules),
}))
"""


def probe(airflow: LocalAirflow, code: str = PROBE, python: str = sys.executable) -> dict[str, list[str]]:
    """What a process of Airflow with this plugin sees, as a task process does it."""
    done = subprocess.run(
        [python, "-c", code],
        env=airflow.environment,
        cwd=airflow.home,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> LocalAirflow:
    return LocalAirflow(tmp_path_factory.mktemp("airflow"), {"rca": REPOSITORY / "dags"})


def test_a_task_process_loads_the_listener_and_no_web_framework(airflow: LocalAirflow) -> None:
    seen = probe(airflow)
    assert seen["plugins"].count("rca") == 1
    assert "rca_plugin.worker.listener" in seen["listeners"]
    assert seen["errors"] == {}
    heavy = {"fastapi", "flask", "flask_appbuilder", "starlette.applications"}
    assert heavy.isdisjoint(seen["modules"])
    assert not [name for name in seen["modules"] if name.startswith("rca_plugin.server")]


def test_only_the_plugin_file_is_executed_as_a_plugin(airflow: LocalAirflow) -> None:
    """Everything else in the folder would be executed as a top-level module named by its file."""
    modules = set(probe(airflow)["modules"])
    files = {path.stem for path in (REPOSITORY / "plugins" / "rca_plugin").rglob("*.py")} - {
        "plugin",
        "__init__",
    }
    own_names = {
        "listener",
        "callback",
        "client",
        "models",
        "intake",
        "incidents",
        "handoff",
        "redaction",
        "audit",
    }
    assert own_names <= files
    assert own_names.isdisjoint(modules)


def test_without_the_fence_it_would_be(tmp_path: Path) -> None:
    """Why the file .airflowignore is part of the plugin: this fails when Airflow does not need it any more."""
    plugins = tmp_path / "plugins"
    shutil.copytree(
        REPOSITORY / "plugins", plugins, ignore=shutil.ignore_patterns("__pycache__", ".airflowignore")
    )
    unfenced = LocalAirflow(tmp_path / "home", {"rca": REPOSITORY / "dags"}, plugins=plugins)
    assert "redaction" in probe(unfenced)["modules"]


def test_a_wrong_option_keeps_the_plugin_out_and_says_why(tmp_path: Path) -> None:
    options = {"RCA__LISTENER_TIMEOUT": "soon"}
    seen = probe(LocalAirflow(tmp_path, {"rca": REPOSITORY / "dags"}, options=options))
    assert "rca" not in seen["plugins"]
    [reason] = [text for text in seen["errors"].values() if "[rca]" in text]
    assert "listener_timeout" in reason
    assert "0.1 to 15 seconds" in reason


@pytest.fixture(scope="module")
def with_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that sees this one's packages and has the plugin's wheel installed."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(folder),
        str(REPOSITORY),
    ]
    subprocess.run(build, check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    python = folder / "venv" / "bin" / "python"
    site = next((folder / "venv" / "lib").glob("python3*/site-packages"))
    parent = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "parent.pth").write_text(parent)
    [wheel] = folder.glob("*.whl")
    shutil.unpack_archive(wheel, site, "zip")
    return python


def test_the_wheel_works_without_the_repository(with_wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    airflow = LocalAirflow(tmp_path / "home", {"rca": REPOSITORY / "dags"}, plugins=tmp_path / "plugins")
    seen = probe(airflow, python=str(with_wheel))
    assert seen["plugins"].count("rca") == 1
    assert "rca_plugin.worker.listener" in seen["listeners"]
    row = json.dumps({"id": "1", "source": "airflow", "code": None, "message": "Connection refused"})
    done = subprocess.run(
        [with_wheel, "-m", "rca_plugin", "classify", "--jsonl", "-"],
        input=row, env={"PATH": os.environ["PATH"]}, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["category"] == "connection_error", done.stderr
    where = "import pathlib, rca_plugin; print(pathlib.Path(rca_plugin.__file__).parent)"
    environment = {"PATH": os.environ["PATH"]}
    found = subprocess.run(
        [with_wheel, "-c", where], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert (Path(found.stdout.strip()) / "dags" / "rca_incident.py").is_file(), found.stderr


def test_present_as_folder_and_as_wheel_it_is_loaded_once(with_wheel: Path, airflow: LocalAirflow) -> None:
    seen = probe(airflow, python=str(with_wheel))
    assert seen["plugins"].count("rca") == 1
    assert [name for name in seen["listeners"] if "rca" in name] == ["rca_plugin.worker.listener"]
    core = PROBE.replace("from airflow.sdk.plugins_manager import", "from airflow.plugins_manager import")
    assert probe(airflow, core, str(with_wheel))["plugins"].count("rca") == 1
