"""Many reports at once over HTTP: counters are exact, and the API server stays an API server."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from rca_plugin.core.service_token import sign
from tests.e2e.conftest import Site

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]
WEBHOOK = "/pluginsv2/rca/webhooks/airflow"


def report(run_id: str, task_id: str = "load") -> dict[str, object]:
    return {
        "dag_id": "burst",
        "run_id": run_id,
        "task_id": task_id,
        "try_number": 1,
        "occurred_at": "2026-11-23T12:00:00Z",
        "exception_type": "OperationalError",
        "message": "connection refused",
    }


def post_all(site: Site, reports: list[dict[str, object]]) -> Counter[str]:
    """As our listener does: in order, with a fresh token each."""
    results: Counter[str] = Counter()
    with httpx.Client(base_url=site.airflow.url, timeout=60) as http:
        for body in reports:
            token = sign(site.airflow.environment["AIRFLOW__API__SECRET_KEY"], "test", time.time())
            answer = http.post(WEBHOOK, json=body, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 202, answer.text
            results[answer.json()["results"][0]["result"]] += 1
    return results


def test_16_threads_post_50_failures_each(site: Site) -> None:
    shares = [[report(f"run-{thread}-{number}") for number in range(50)] for thread in range(16)]
    with ThreadPoolExecutor(16) as pool:
        results = sum(pool.map(lambda share: post_all(site, share), shares), Counter())
    assert results == {"opened": 1, "counted": 799}
    [incident] = site.incidents("burst")
    assert incident["failure_count"] == 800
    assert len([run for run in site.rca_runs() if run["conf"] == {"incident_id": incident["id"]}]) == 1

    with ThreadPoolExecutor(16) as pool:
        again = sum(pool.map(lambda share: post_all(site, share), shares), Counter())
    assert again == {"duplicate": 800}
    assert site.incidents("burst") == [incident | {"analysis": site.incidents("burst")[0]["analysis"]}]
