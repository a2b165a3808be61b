"""A real Airflow on this machine: its own home, a free port, processes that are ended by their ids.

Used by the demo, by the tests that need real processes, and by the benchmarks.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

REPOSITORY = Path(__file__).resolve().parents[1]
DB_MANAGER = "rca_plugin.server.db_manager.RcaDBManager"
AUTH_MANAGERS = {
    "fab": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
    "simple": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
}
ADMIN = "admin"
# The same for all Airflows of this process, so that one can begin with a copy of another's database.
_PASSWORD = secrets.token_urlsafe(12)
_FERNET_KEY = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
_STOP_SECONDS = 15
# Runs commands of Airflow one after the other: most of what one takes is the import of Airflow.
_COMMANDS = """
import json, sys
from airflow.__main__ import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["airflow", *words]
    main()
"""


class LocalAirflowError(RuntimeError):
    """A process of the local Airflow did not do what it should; the text names its log."""


class LocalAirflow:
    """One Airflow under `home`. The processes run until `stop`, which the context manager calls.

    `bundles` names the folders with DAGs; `database` is an SQLAlchemy URL, a SQLite file in `home` if not given;
    `options` are more settings, such as {"RCA__LISTENER_TIMEOUT": "2"}.
    """

    def __init__(
        self,
        home: Path,
        bundles: Mapping[str, Path],
        *,
        auth_manager: str = "fab",
        database: str | None = None,
        plugins: Path = REPOSITORY / "plugins",
        options: Mapping[str, str] | None = None,
        preferred_port: int = 0,
    ) -> None:
        self.home = home
        self.auth_manager = auth_manager
        self.port = _free_port(preferred_port)
        self.url = f"http://localhost:{self.port}"
        self.password = _PASSWORD
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._sessions: set[int] = set()
        home.mkdir(parents=True, exist_ok=True)
        # While another process writes, SQLite waits for five seconds by itself; a busy machine needs longer.
        file = f"sqlite:///{home}/airflow.db?timeout=60"
        self.environment = self._environment(bundles, database or file, plugins, options or {})

    def __enter__(self) -> LocalAirflow:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _environment(
        self, bundles: Mapping[str, Path], database: str, plugins: Path, options: Mapping[str, str]
    ) -> dict[str, str]:
        bundle_list = [
            {"name": name, "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
             "kwargs": {"path": str(path), "refresh_interval": 5}}
            for name, path in bundles.items()
        ]  # fmt: skip
        # All is set here. Without the file each of the processes that start together makes one, with other keys.
        (self.home / "airflow.cfg").touch()
        passwords = self.home / "passwords.json"
        passwords.write_text(json.dumps({ADMIN: self.password}))
        settings = {
            "CORE__AUTH_MANAGER": AUTH_MANAGERS[self.auth_manager],
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__FERNET_KEY": _FERNET_KEY,
            "CORE__PARALLELISM": "6",
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__PLUGINS_FOLDER": str(plugins),
            "CORE__DAGS_FOLDER": str(next(iter(bundles.values()))),
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "API__BASE_URL": self.url,
            "API__PORT": str(self.port),
            "API__SECRET_KEY": secrets.token_hex(16),
            "API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "DATABASE__SQL_ALCHEMY_CONN": database,
            "DATABASE__EXTERNAL_DB_MANAGERS": DB_MANAGER,
            "DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundle_list),
            "DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            # A file that changed is read again at once; this is for those that did not.
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
            "LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            # The log server of the LocalExecutor would need a fixed port; the logs are on this disk anyway.
            "LOGGING__WORKER_LOG_SERVER_PORT": str(_free_port()),
            "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            # Also how late Airflow 3.3 may notice that a task's process has ended: its slot is taken until then.
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
            **options,
        }
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "PYTHON"))}
        bin_folder = str(Path(sys.executable).parent)
        return {
            **inherited,
            **{f"AIRFLOW__{name}": value for name, value in settings.items()},
            "AIRFLOW_HOME": str(self.home),
            "PATH": f"{bin_folder}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONUNBUFFERED": "1",
            "NO_PROXY": "localhost,127.0.0.1",
        }

    def run(
        self, *command: str, timeout: float = 300, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of Airflow, such as `db migrate`, to its end."""
        return self._python("-m", "airflow", *command, timeout=timeout, check=check)

    def _python(self, *words: str, timeout: float, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *words],
            env=self.environment, cwd=self.home, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        if check and done.returncode:
            told = " ".join(words).replace(self.password, "***")
            raise LocalAirflowError(f"{told} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        return done

    def migrate(self) -> None:
        """Create or migrate all tables, ours included."""
        self.run("db", "migrate", timeout=600)

    def install(self) -> None:
        """Create all tables, the administrator, and the DAGs that are there now."""
        commands: list[Sequence[str]] = [("db", "migrate")]
        if self.auth_manager == "fab":  # the simple one has its administrator already
            commands.append(
                ("users", "create", "--username", ADMIN, f"--password={self.password}", "--role", "Admin",
                 "--firstname", ADMIN, "--lastname", "Demo", "--email", f"{ADMIN}@example.invalid")
            )  # fmt: skip
        commands.append(("dags", "reserialize"))
        self._python("-c", _COMMANDS, json.dumps(commands), timeout=600)

    def start(self, *components: str) -> None:
        """Start components: api-server, scheduler, dag-processor, triggerer."""
        for component in components:
            extra = ["--workers", "1", "--host", "127.0.0.1"] if component == "api-server" else []
            with (self.home / f"{component}.log").open("ab") as log:
                self.processes[component] = subprocess.Popen(
                    [sys.executable, "-m", "airflow", component, *extra],
                    env=self.environment, cwd=self.home, stdin=subprocess.DEVNULL,
                    stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
            self._sessions.add(self.processes[component].pid)

    def stop(self, *components: str) -> None:
        """End components, all of them if none is named, and everything they started."""
        ending = {name: self.processes.pop(name) for name in components or list(self.processes)}
        for process in ending.values():
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for process in ending.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            _signal_group(process, signal.SIGKILL)
            process.wait()

    def kill(self, component: str) -> None:
        """End a component and everything it started at once, as the machine would that it runs on."""
        process = self.processes.pop(component)
        for pid, session, _ in _running():
            if session == process.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        process.wait()

    def wait_for(
        self, what: str, condition: Callable[[], Any], timeout: float = 120, pause: float = 0.5
    ) -> Any:
        """Wait until `condition` answers something true, and answer that. Ends early when a process dies."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if outcome := condition():
                    return outcome
            self._check_alive()
            time.sleep(pause)
        raise LocalAirflowError(f"{what}: not within {timeout:.0f} s; logs are in {self.home}")

    def _check_alive(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is not None:
                log = (self.home / f"{name}.log").read_text(errors="replace")
                raise LocalAirflowError(f"{name} ended with {process.returncode}:\n{log[-3000:]}")

    def wait_until_ready(self) -> None:
        """Wait for the API server to answer."""
        with httpx.Client(base_url=self.url) as http:
            self.wait_for("the API server", lambda: http.get("/api/v2/version").is_success, 300)

    def client(self, user: str = ADMIN, password: str | None = None) -> httpx.Client:
        """An HTTP client that is signed in with an API token."""
        login = {"username": user, "password": password or self.password}
        answer = httpx.post(f"{self.url}/auth/token", json=login, timeout=120)
        answer.raise_for_status()
        token = answer.json()["access_token"]
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=120)

    def leftover_processes(self) -> list[int]:
        """The ids of running processes that belong to this Airflow, whoever started them."""
        mark = f"AIRFLOW_HOME={self.home}".encode()
        return [
            pid
            for pid, session, environ in _running()
            if pid != os.getpid() and (session in self._sessions or mark in environ.split(b"\0"))
        ]


def _running() -> Iterator[tuple[int, int, bytes]]:
    """Process, session and environment; a process that has given itself a title has overwritten the last."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if state != "Z":
                yield int(folder.name), int(session), (folder / "environ").read_bytes()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _free_port(preferred: int = 0) -> int:
    """A port that is free now; `preferred` if it is."""
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise LocalAirflowError("no free port")
