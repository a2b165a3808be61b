"""What a failure costs when 1,000, 100,000 and 1,000,000 incidents are stored already, each with its failure and
its timeline. On PostgreSQL, with the same server and the same phases as `ingest`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import defaultdict
from typing import Any

import sqlalchemy as sa

from bench.ingest import BATCH, Server, checked, server

SIZES = (1_000, 100_000, 1_000_000)
PHASES = ("duplicates", "distinct", "batches")
_CONNECTIONS = 4

_INCIDENTS = """
INSERT INTO rca_incident (kind, fingerprint, open_fingerprint, source, resource, dag_id, environment, title, category,
    severity, priority, confidence, status, cause, opened_at, reopened_count, flapping, failure_count,
    first_failure_at, last_failure_at, rca_run_id)
SELECT 'failure', print, CASE WHEN n % 10 = 0 THEN print END, 'airflow', 'dag_' || n % 5000 || '/task_' || n,
    'dag_' || n % 5000, 'production', 'OperationalError: could not connect to server', 'connection_error', 'High', 'P2',
    0.9, CASE WHEN n % 10 = 0 THEN 'open' ELSE 'closed' END, 'connection_error', at, 0, false, 1, at, at, 'RCA-' || n
FROM (SELECT n, encode(sha256(('old' || n)::bytea), 'hex') AS print, now() - n * interval '5 seconds' AS at
    FROM generate_series(:first, :last) AS n) AS old
"""
_FAILURES = """
INSERT INTO rca_failure (event_key, incident_id, source, resource, dag_id, run_id, task_id, map_index, try_number,
    final, occurred_at, recorded_at, reported_by, message, signature, detail, labels)
SELECT 'old:' || fingerprint, id, source, resource, dag_id, 'scheduled__' || id, 'task_' || id, -1, 1, true,
    opened_at, opened_at, 'listener', title, title, repeat('Traceback line ', 20), '{}'
FROM rca_incident WHERE id > :after
"""
_TIMELINES = """
INSERT INTO rca_audit (incident_id, seq, at, actor, action, detail, prev_hash, hash)
SELECT id, 1, opened_at, 'listener', 'opened', '{}', repeat('0', 64), fingerprint
FROM rca_incident WHERE id > :after
"""


def fill(target: Server, have: int, want: int) -> None:
    with target.engine.begin() as connection:
        after = connection.execute(sa.text("SELECT coalesce(max(id), 0) FROM rca_incident")).scalar()
        connection.execute(sa.text(_INCIDENTS), {"first": have + 1, "last": want})
        connection.execute(sa.text(_FAILURES), {"after": after})
        connection.execute(sa.text(_TIMELINES), {"after": after})
    with target.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))


def measure(target: Server, size: int, rounds: int, seconds: float) -> dict[str, float]:
    """Per phase, milliseconds for each failure, and beside it those of the floor."""
    cost: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        for phase in ("floor", *PHASES):
            load = checked(target, phase, f"{size}-{number}-{phase}", _CONNECTIONS, seconds=seconds)
            cost[phase].append(1000 / load.per_second / (BATCH if phase == "batches" else 1))
    return {phase: round(statistics.median(costs), 3) for phase, costs in cost.items()}


def main() -> int:
    """Print what a failure costs at each size, and by how much that grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    arguments = parser.parse_args()
    costs: dict[int, dict[str, float]] = {}
    with server("postgresql") as target:
        for phase in PHASES:
            checked(target, phase, f"warm-{phase}", 2, most=50)
        stored = 0
        for size in arguments.sizes:
            started = time.perf_counter()
            fill(target, stored, size)
            stored = size
            print(f"{size:>9,} incidents stored in {time.perf_counter() - started:.0f} s", flush=True)
            costs[size] = measure(target, size, arguments.rounds, arguments.seconds)
    _show(costs)
    print(json.dumps({"ms_per_failure": costs, "growth": _growth(costs)}))
    return 0


def _growth(costs: dict[int, dict[str, float]]) -> dict[str, float]:
    """How much more a failure costs at the largest size than at the smallest, against the floor of the same size."""
    first, last = costs[min(costs)], costs[max(costs)]
    return {
        phase: round((last[phase] / last["floor"]) / (first[phase] / first["floor"]) - 1, 3)
        for phase in PHASES
    }


def _show(costs: dict[int, dict[str, Any]]) -> None:
    print(f"\nmilliseconds for each failure, {_CONNECTIONS} connections")
    print(f"{'incidents':>10} {'floor':>8} " + " ".join(f"{phase:>11}" for phase in PHASES))
    for size, row in costs.items():
        print(f"{size:>10,} {row['floor']:>8.3f} " + " ".join(f"{row[phase]:>11.3f}" for phase in PHASES))


if __name__ == "__main__":
    raise SystemExit(main())
