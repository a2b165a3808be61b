"""What it costs to find the incidents that are similar to a new one, when 1,000, 100,000 and 1,000,000 are stored:
one that says what half of them say, one that says what few do in other words, and one for a person who may read one
DAG.

On PostgreSQL, beside a floor of the same run: an incident looked up by its number, with its failures. Half of what is
stored says the very same thing, the other half one of 2,000 other things, and all are incidents of their own: of the
commonest text there are half a million. Filed they are by what housekeeping does.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

SIZES = (1_000, 100_000, 1_000_000)
PHASES = ("floor", "common", "rare", "restricted")
_TEXTS = 2_000
_SEED = 20261125
_COMMON = "OperationalError: could not connect to server"

_VARY = """
UPDATE rca_failure SET signature = texts.text FROM texts
WHERE incident_id > :after AND incident_id % 2 = 0 AND texts.n = incident_id / 2 % :texts
"""


def texts() -> list[str]:
    """Errors of twelve words, of which each shares some with others."""
    rng = random.Random(_SEED)
    vocabulary = [f"{rng.choice('bcdfgklmnprstvz')}{rng.choice('aeiou')}{n}" for n in range(400)]
    return [" ".join(rng.sample(vocabulary, 12)) for _ in range(_TEXTS)]


@contextmanager
def database() -> Iterator[Any]:
    """A PostgreSQL with our tables and nothing in them."""
    with tempfile.TemporaryDirectory(prefix="rca-bench-") as folder, ExitStack() as stack:
        os.environ["AIRFLOW_HOME"] = f"{folder}/airflow"
        import sqlalchemy as sa

        from bench.ingest import Server, _postgres
        from rca_plugin.server.models import Base

        engine = sa.create_engine(stack.enter_context(_postgres(Path(folder))))
        Base.metadata.create_all(engine)
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE texts (n int PRIMARY KEY, text text)"))
            rows = [{"n": n, "text": text} for n, text in enumerate(texts())]
            connection.execute(sa.text("INSERT INTO texts VALUES (:n, :text)"), rows)
        yield Server(None, engine)  # type: ignore[arg-type]
        engine.dispose()


def fill(target: Any, have: int, want: int) -> float:
    """Store incidents and file them; answer how many were filed a second."""
    import sqlalchemy as sa
    from sqlalchemy.orm import Session

    from bench import growth
    from rca_plugin.server.similarity_index import _file_front, _newest, _oldest

    with target.engine.begin() as connection:
        after = connection.execute(sa.text("SELECT coalesce(max(id), 0) FROM rca_incident")).scalar()
    growth.fill(target, have, want)
    with target.engine.begin() as connection:
        connection.execute(sa.text(_VARY), {"after": after, "texts": _TEXTS})
    started, filed = time.perf_counter(), 0
    for front in (_newest, _oldest):
        done = -1
        while done:
            with Session(target.engine) as session, session.begin():
                done = _file_front(session, front)
                filed += done
    rate = filed / (time.perf_counter() - started)
    if filed < want - have:
        raise SystemExit(f"{filed} incidents were filed, of {want - have}")
    with target.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
    return rate


def new_incident(session: Any, text: str) -> Any:
    """One that has just opened, of a DAG with a past."""
    from tests.server.rows import a_failure_row, an_incident

    number = random.randrange(5_000)
    now = datetime.now(timezone.utc)
    incident = an_incident(
        f"dag_{number}/new", opened_at=now, first_failure_at=now, last_failure_at=now, title=text
    )
    session.add(incident)
    session.flush()
    session.add(a_failure_row(incident.id, signature=text, message=text, resource=incident.resource))
    return incident


def measure(target: Any, rounds: int) -> dict[str, list[float]]:
    """Milliseconds for each phase, which take turns."""
    from sqlalchemy.orm import Session

    # Of those that are stored at every size, in other words.
    rare = [" ".join(["again", *text.split()[2:]]) for text in texts()[1:400]]
    spent: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        for phase in PHASES:
            with Session(target.engine) as session:
                incident = new_incident(session, rare[number % len(rare)] if phase == "rare" else _COMMON)
                wanted = incident.id
                session.flush()
                # It is read again, as it is for a page.
                session.expunge_all()
                spent[phase].append(_timed(session, phase, wanted))
                session.rollback()
    return spent


def _timed(session: Any, phase: str, wanted: int) -> float:
    from rca_plugin.server.incidents import failures_of
    from rca_plugin.server.models import Incident
    from rca_plugin.server.similar import find

    if phase == "floor":
        started = time.perf_counter()
        found: Any = [session.get(Incident, wanted), *failures_of(session, wanted)]
        return 1000 * (time.perf_counter() - started)
    incident = session.get(Incident, wanted)
    own = {incident.dag_id}
    started = time.perf_counter()
    found = find(session, incident, lambda dags: dags & own if phase == "restricted" else dags)
    spent = 1000 * (time.perf_counter() - started)
    if not found and phase != "restricted":
        raise SystemExit(f"{phase}: nothing was found")
    return spent


def _row(spent: dict[str, list[float]]) -> dict[str, Any]:
    return {
        phase: {
            "p50_ms": round(statistics.median(times), 2),
            "p95_ms": round(statistics.quantiles(times, n=20)[-1], 2),
        }
        for phase, times in spent.items()
    }


def _size(target: Any) -> dict[str, float]:
    """Megabytes of the table that similar incidents are found by, and of all tables, indexes included."""
    import sqlalchemy as sa

    ours = "SELECT sum(pg_total_relation_size(oid)) / 1e6 FROM pg_class WHERE relkind = 'r' AND relname LIKE :name"
    with target.engine.connect() as connection:
        sizes = {
            key: connection.execute(sa.text(ours), {"name": name}).scalar()
            for key, name in (("keys_mb", "rca_similarity_key"), ("all_mb", "rca%"))
        }
    return {key: round(float(size), 1) for key, size in sizes.items()}


def main() -> int:
    """Print what a query costs at each size, and by how much that grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=200)
    arguments = parser.parse_args()
    costs: dict[int, dict[str, Any]] = {}
    with database() as target:
        stored = 0
        for size in arguments.sizes:
            rate = fill(target, stored, size)
            stored = size
            measure(target, 20)
            costs[size] = {**_row(measure(target, arguments.rounds)), "filed_per_second": round(rate)}
            costs[size] |= _size(target)
            print(f"{size:>9,} incidents: {costs[size]}", flush=True)
    _show(costs)
    print(json.dumps({"similar": costs, "growth": _growth(costs)}))
    return 0


def _growth(costs: dict[int, dict[str, Any]]) -> dict[str, float]:
    """How much longer a query takes at the largest size than at the one before it."""
    before, last = (costs[size] for size in sorted(costs)[-2:])
    return {phase: round(last[phase]["p50_ms"] / before[phase]["p50_ms"], 2) for phase in PHASES}


def _show(costs: dict[int, dict[str, Any]]) -> None:
    print("\nmilliseconds for one query, p50 / p95")
    print(f"{'incidents':>10} " + " ".join(f"{phase:>15}" for phase in PHASES))
    for size, row in costs.items():
        cells = (f"{row[phase]['p50_ms']:.2f} / {row[phase]['p95_ms']:.2f}" for phase in PHASES)
        print(f"{size:>10,} " + " ".join(f"{cell:>15}" for cell in cells))


if __name__ == "__main__":
    raise SystemExit(main())
