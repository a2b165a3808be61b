"""What it costs to find the incidents that are similar to a new one, when 1,000, 100,000 and 1,000,000 are stored:
one that says what half of them say, one that says what few do in other words, and one for a person who may read one
DAG.

On PostgreSQL, beside a floor of the same run: an incident looked up by its number, with its failures. Half of what is
stored says the very same thing, the other half one of 2,000 other things, and all are incidents of their own: of the
commonest text there are half a million.
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

from rca_plugin.core.similarity import Subject

SIZES = (1_000, 100_000, 1_000_000)
PHASES = ("floor", "common", "rare", "restricted")
_TEXTS = 2_000
_DAGS = 5_000
_SEED = 20261125
_COMMON = "OperationalError: could not connect to server"

_FILED_FOR_REAL = 2_000

_VARY = """
UPDATE rca_failure SET signature = texts.text FROM texts
WHERE incident_id > :after AND incident_id % 2 = 0 AND texts.n = incident_id / 2 % :texts
"""
# What filing comes to, by the database: the keys of texts and DAGs are ours, those nobody asks for any numbers.
_KEYS = """
INSERT INTO rca_similarity_key (key, incident_id)
SELECT key, incident_id FROM (
    SELECT text_key.key, incident_id FROM rca_failure JOIN text_key ON text_key.text = signature
    UNION ALL
    SELECT dag_key.key, id FROM rca_incident JOIN dag_key USING (dag_id)
    UNION ALL
    SELECT hashtextextended(fingerprint, salt) & 9223372036854775807, id
    FROM rca_incident, generate_series(1, 2) AS salt
) AS keys
WHERE incident_id > :after AND incident_id <= :last ORDER BY key, incident_id
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
        _know_keys(engine)
        yield Server(None, engine)  # type: ignore[arg-type]
        engine.dispose()


def _subject(text: str, dag_id: str = "dag") -> Subject:
    return Subject("", "airflow", f"{dag_id}/task", "connection_error", text)


def _know_keys(engine: Any) -> None:
    import sqlalchemy as sa

    said = texts()
    tables = {
        "texts (n int PRIMARY KEY, text text)": list(enumerate(said)),
        "text_key (text text, key bigint)": [(t, k) for t in [_COMMON, *said] for k in _subject(t).keys[3:]],
        "dag_key (dag_id text, key bigint)": [
            (f"dag_{n}", _subject("", f"dag_{n}").keys[2]) for n in range(_DAGS)
        ],
    }
    with engine.begin() as connection:
        for table, rows in tables.items():
            connection.execute(sa.text(f"CREATE TABLE {table}"))
            values = [{"a": a, "b": b} for a, b in rows]
            connection.execute(sa.text(f"INSERT INTO {table.partition(' ')[0]} VALUES (:a, :b)"), values)


def fill(target: Any, have: int, want: int) -> float:
    """Store incidents and file them, the last ones as housekeeping does; answer how many of these a second."""
    import sqlalchemy as sa
    from sqlalchemy.orm import Session

    from bench import growth
    from rca_plugin.server.similarity_index import _file_front, _newest

    growth.fill(target, have, want)
    with target.engine.begin() as connection:
        after, last = connection.execute(
            sa.text(
                "SELECT (SELECT coalesce(max(incident_id), 0) FROM rca_similarity_key), max(id) FROM rca_incident"
            )
        ).one()
        for_real = min(_FILED_FOR_REAL, (last - after) // 2)
        connection.execute(sa.text(_VARY), {"after": after, "texts": _TEXTS})
        connection.execute(sa.text("SET LOCAL work_mem = '256MB'"))
        connection.execute(sa.text(_KEYS), {"after": after, "last": last - for_real})
    started, filed, done = time.perf_counter(), 0, -1
    while done:
        with Session(target.engine) as session, session.begin():
            done = _file_front(session, _newest)
            filed += done
    rate = filed / (time.perf_counter() - started)
    _check(target, last - for_real, filed == for_real)
    with target.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
    return rate


def _check(target: Any, number: int, all_filed: bool) -> None:
    """That the database filed as we do."""
    from sqlalchemy import select
    from sqlalchemy.orm import Session

    from rca_plugin.server.models import Incident, SimilarityKey
    from rca_plugin.server.similarity_index import SUBJECT, subject_of

    with Session(target.engine) as session:
        for one in (number, number - 1):
            ours = subject_of(session.execute(select(*SUBJECT).where(Incident.id == one)).one()).keys
            theirs = set(session.scalars(select(SimilarityKey.key).where(SimilarityKey.incident_id == one)))
            if not set(ours[2:]) <= theirs or len(theirs) != len(ours) or not all_filed:
                raise SystemExit(f"incident {one} is not filed as it should be: {ours}, {theirs}")


def new_incident(session: Any, text: str) -> Any:
    """One that has just opened, of a DAG with a past."""
    from tests.server.rows import a_failure_row, an_incident

    number = random.randrange(_DAGS)
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
