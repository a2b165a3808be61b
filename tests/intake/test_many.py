"""Many reports at once over HTTP: nothing is lost, nothing counted twice, and a storm is a handful of incidents.

RCA_BURST says how many duplicates, where 2,000 are not enough.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.intake.conftest import Api

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]
BURST = int(os.environ.get("RCA_BURST", "2000"))


def post_all(api: Api, source: str, bodies: list[Any], connections: int) -> Counter[str]:
    """Post each body once; answer how often each result came back. Whatever is not a 202 fails the test."""
    rest = iter(bodies)
    lock, results = threading.Lock(), Counter[str]()

    def work(_: int) -> None:
        with httpx.Client() as http:
            while True:
                with lock:
                    body = next(rest, None)
                if body is None:
                    return
                answer = api.post(source, body, http)
                assert answer.status_code == 202, answer.text
                with lock:
                    results.update(receipt["result"] for receipt in answer.json()["results"])

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(work, range(connections)))
    return results


def failed(
    dag: str, task: str = "load", run: str = "scheduled__2026-11-24", message: str = "boom"
) -> dict[str, Any]:
    return {
        "dag_id": dag,
        "run_id": run,
        "task_id": task,
        "try_number": 1,
        "occurred_at": "2026-11-24T03:00:00Z",
        "exception_type": "OperationalError",
        "message": message,
    }


def test_duplicates_at_16_connections_are_one_incident_counted_exactly(api: Api) -> None:
    bodies = [{"id": f"{n}", "resource": "orders/load", "message": "boom"} for n in range(BURST)]
    results = post_all(api, "generic", bodies, 16)
    assert results == {"opened": 1, "counted": BURST - 1}
    assert api.rows("SELECT failure_count, status FROM rca_incident") == [(BURST, "open")]
    assert api.count("rca_failure") == BURST
    assert api.count("dag_run", "dag_id = 'rca_incident'") == 1


def test_the_same_events_again_change_nothing(api: Api) -> None:
    bodies = [{"id": f"{n}", "resource": f"service-{n % 3}", "message": "boom"} for n in range(300)]
    post_all(api, "generic", bodies, 16)
    before = (
        api.rows("SELECT id, failure_count, status FROM rca_incident ORDER BY id"),
        api.count("rca_audit"),
    )
    assert post_all(api, "generic", bodies, 16) == {"duplicate": 300}
    after = api.rows("SELECT id, failure_count, status FROM rca_incident ORDER BY id"), api.count("rca_audit")
    assert before == after
    assert api.count("rca_failure") == 300


def test_500_posts_at_once_of_500_distinct_failures_are_500_incidents(api: Api) -> None:
    words = ["".join(chr(97 + n // 26**place % 26) for place in range(3)) for n in range(500)]
    bodies = [
        {"id": word, "resource": f"service/{word}", "message": f"part {word} is broken"} for word in words
    ]
    results = post_all(api, "generic", bodies, 500)
    assert sum(results.values()) == 500
    assert set(results) <= {"opened", "suppressed"}
    incidents = api.rows("SELECT resource, failure_count FROM rca_incident WHERE kind = 'failure'")
    assert sorted(incidents) == sorted((f"service/{word}", 1) for word in words)
    assert api.count("rca_failure", "incident_id IS NOT NULL") == 500


def test_five_dags_that_share_a_run_id_are_five_incidents(api: Api) -> None:
    bodies = [failed(f"dag_{n}", message=f"KeyError: '{name}'") for n, name in enumerate("abcde")]
    assert post_all(api, "airflow", bodies, 5) == {"opened": 5}
    assert api.count("rca_incident") == 5


def test_four_runs_of_one_pipeline_with_different_errors_are_four_incidents(api: Api) -> None:
    errors = {
        "2100": "Cannot connect to SQL Database: 'sql-1.database.windows.net'",
        "2200": "ErrorCode=UserErrorColumnNameInvalid, The column name amount is invalid",
        "2300": "ErrorCode=UserErrorSourceBlobNotExists, The required Blob is missing",
        "2500": "The self-hosted integration runtime ir-1 is offline",
    }
    bodies = [
        {
            "dataFactoryName": "adf-prod", "pipelineName": "pl_daily", "status": "Failed",
            "runId": f"0000000{n}-aaaa-bbbb-cccc-000000000000", "errorCode": code, "errorMessage": message,
        }
        for n, (code, message) in enumerate(errors.items())
    ]  # fmt: skip
    assert post_all(api, "adf", bodies, 4) == {"opened": 4}
    assert {row[0] for row in api.rows("SELECT resource FROM rca_incident")} == {"adf-prod/pl_daily"}
    assert api.count("rca_incident") == 4


OUTAGE: list[Callable[[int], str]] = [
    lambda n: (
        f'connection to server at "db-1" (10.0.0.7), port 5432 failed: Connection refused (attempt {n})'
    ),
    lambda n: "could not connect to server: Connection timed out",
    lambda n: f"(psycopg2.OperationalError) server closed the connection unexpectedly, pid {10_000 + n}",
]


def test_a_database_outage_that_fails_2000_tasks_is_a_handful_of_incidents(api: Api) -> None:
    bodies = [failed(f"dag_{n // 10}", f"task_{n % 10}", message=OUTAGE[n % 3](n)) for n in range(2000)]
    results = post_all(api, "airflow", bodies, 16)
    assert sum(results.values()) == 2000
    visible = api.rows("SELECT kind, category, title, failure_count FROM rca_incident WHERE status = 'open'")
    storms = [row for row in visible if row.kind == "storm"]
    assert len(visible) <= 15
    assert api.rows("SELECT DISTINCT analysis_problem FROM rca_incident") == [(None,)]
    assert api.count("dag_run", "dag_id = 'rca_incident'") == len(visible)
    assert storms, visible
    assert all(f"Storm of {storm.category.replace('_', ' ')}" in storm.title for storm in storms)
    assert sum(storm.failure_count for storm in storms) + len(visible) - len(storms) == 2000
    assert api.count("rca_failure") == 2000
