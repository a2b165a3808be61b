"""The API server is killed while it takes failures in: what it answered 202 is stored, and nothing is half done.

RCA_KILLS says how often on each database, where twice is not enough.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from demo.local_airflow import LocalAirflow
from tests.intake.conftest import Api, prepared

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]
KILLS = int(os.environ.get("RCA_KILLS", "2"))
SENDERS = 8


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    # Each incident is to have a hand-off of its own.
    options = {"RCA__STORM_THRESHOLD": "0", "RCA__SOURCE_STORM_THRESHOLD": "0"}
    with prepared(request, tmp_path / "airflow", options) as api:
        yield api


class Sender(threading.Thread):
    """Posts new failures, one in four on a resource that others fail on too, and notes what was answered 202."""

    def __init__(self, api: Api, name: str) -> None:
        super().__init__(daemon=True)
        self.api, self.label = api, name
        self.accepted: list[tuple[str, int]] = []
        self.wrong: list[str] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        number = 0
        with httpx.Client() as http:
            while not self.stopped.is_set():
                number += 1
                event = f"{self.label}-{number}"
                body = {"id": event, "resource": resource_of(event), "message": "boom"}
                try:
                    answer = self.api.post("generic", body, http)
                except httpx.TransportError:
                    time.sleep(0.05)
                    continue
                if answer.status_code == 202:
                    self.accepted.append((event, answer.json()["results"][0]["incident_id"]))
                else:
                    self.wrong.append(answer.text)


def resource_of(event: str) -> str:
    return "shared/load" if int(event.rpartition("-")[2]) % 4 == 0 else f"own/{event}"


def kill(airflow: LocalAirflow) -> None:
    process = airflow.processes.pop("api-server")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    airflow.wait_for("the end of the API server", lambda: airflow.leftover_processes() == [])


def test_what_was_answered_202_is_stored_whatever_is_killed(api: Api) -> None:
    rng = random.Random(20261124)
    accepted: list[tuple[str, int]] = []
    for round_ in range(KILLS):
        api.airflow.start("api-server")
        api.airflow.wait_until_ready()
        senders = [Sender(api, f"{round_}-{n}") for n in range(SENDERS)]
        for sender in senders:
            sender.start()
        api.airflow.wait_for(
            "some", lambda senders=senders: all(len(s.accepted) > 3 for s in senders), pause=0.01
        )
        time.sleep(rng.uniform(0, 1))
        kill(api.airflow)
        for sender in senders:
            sender.stopped.set()
            sender.join()
            assert sender.wrong == []
            accepted += sender.accepted
        check(api, accepted)
    assert len(accepted) > 3 * SENDERS * KILLS
    print(f"{KILLS} kills, {len(accepted)} answered 202, all stored")


def check(api: Api, accepted: list[tuple[str, int]]) -> None:
    failures = api.rows("SELECT event_key, incident_id, resource FROM rca_failure")
    incidents = api.rows("SELECT id, resource, failure_count, rca_run_id FROM rca_incident")
    runs = [row.run_id for row in api.rows("SELECT run_id FROM dag_run WHERE dag_id = 'rca_incident'")]
    handed_off = api.rows("SELECT incident_id FROM rca_audit WHERE action = 'handed_off'")
    resources = {incident.id: incident.resource for incident in incidents}
    stored = {(failure.incident_id, failure.resource) for failure in failures}
    for event, incident_id in accepted:
        assert resources[incident_id] == resource_of(event)
        assert (incident_id, resource_of(event)) in stored
    per_incident = dict.fromkeys(resources, 0)
    for failure in failures:
        per_incident[failure.incident_id] += 1
    assert per_incident == {incident.id: incident.failure_count for incident in incidents}
    assert len([event for event, _ in accepted if resource_of(event) == "shared/load"]) <= max(
        [incident.failure_count for incident in incidents if incident.resource == "shared/load"], default=0
    )
    assert sorted(incident.rca_run_id for incident in incidents) == sorted(runs)
    assert sorted(row.incident_id for row in handed_off) == sorted(resources)
