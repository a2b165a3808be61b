"""From a failure to its archive: the steps as they run in task processes, our real API on one side and Microsoft's
emulator of Azure Blob Storage on the other, up and down.
"""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from rca_plugin.worker.client import RcaClient
from rca_plugin.worker.operators.delivery import ArchiveOperator, DeliverDueOperator
from rca_plugin.worker.operators.incident import AnalyzeOperator, ClassifyOperator, CollectEvidenceOperator
from tests.fakes.azurite import BlobAccount
from tests.fakes.blob_storage import gateway
from tests.secrets_of_each_kind import planted
from tests.server.made import alerted, incident, store
from tests.server.test_deliveries import later, resolved

# What differs between databases is shown where deliveries are claimed and recorded.
pytestmark = pytest.mark.parametrize("metadata_database", ["sqlite"], indirect=True)
FILES = ["analysis.json.gz", "evidence.json.gz", "failures.json.gz"]


@dataclass(frozen=True)
class Case:
    """One analyzed incident, and where it is to be archived."""

    number: int
    account: BlobAccount
    container: str
    folder: str

    def archive(self) -> str | None:
        operator = ArchiveOperator(task_id="archive", incident_id=self.number)
        with operator._client:
            found: str | None = operator.execute({})
        return found

    def incident(self) -> dict[str, Any]:
        with RcaClient("tests") as http:
            return http.incident(self.number)

    def delivery(self) -> dict[str, Any]:
        [found] = [d for d in self.incident()["deliveries"] if d["destination"] == "archive"]
        return dict(found)

    def archived(self) -> dict[str, Any]:
        blobs = self.account.blobs(self.container)
        return {name: json.loads(gzip.decompress(content)) for name, content in blobs.items()}


def housekeeping() -> dict[str, int]:
    return dict(DeliverDueOperator(task_id="deliver").execute({}))


@pytest.fixture
def analyzed(
    database: str,
    api_url: str,
    options: Callable[..., None],
    blob_account: BlobAccount,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Case]:
    monkeypatch.delenv("AIRFLOW_CONN_RCA_GEMINI", raising=False)
    container = f"rca-{uuid.uuid4().hex}"

    def analyze(message: str = "Connection refused", **more: Any) -> Case:
        options(api_url=api_url, service_secret="the secret of these tests", archive_container=container)
        store(alerted("orders/load", error=message, **more))
        number = incident("orders/load").id
        for step in (CollectEvidenceOperator, ClassifyOperator, AnalyzeOperator):
            operator = step(task_id=step.__name__, incident_id=number)
            with operator._client:
                operator.execute({})
        return Case(number, blob_account, container, f"2026/11/23/RCA-{number}")

    return analyze


def test_an_incident_waits_while_the_account_is_down_and_is_delivered_once(
    analyzed: Callable[..., Case], blob_account: BlobAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = analyzed()
    monkeypatch.setenv("AIRFLOW_CONN_WASB_DEFAULT", blob_account.at(9).connection)
    assert case.archive() is None
    found = case.delivery()
    assert (found["state"], found["tries"], found["reference"]) == ("waiting", 1, None)
    assert found["problem"] == "Azure Blob Storage could not be reached: NewConnectionError"
    with gateway(blob_account) as service:
        monkeypatch.setenv("AIRFLOW_CONN_WASB_DEFAULT", service.way.connection)
        # It is not tried before its time.
        housekeeping()
        assert service.calls == []
        later(timedelta(minutes=2))
        with ThreadPoolExecutor() as pool:
            rounds = [pool.submit(housekeeping) for _ in range(3)]
        assert sum(each.result()["delivered"] for each in rounds) == 1
        later(timedelta(days=1))
        assert housekeeping()["delivered"] == 0
        assert sorted(set(service.calls)) == [*FILES[:1], "container", *FILES[1:]]
        assert [service.calls.count(name) for name in FILES] == [1, 1, 2]  # the first told of the container
        there = f"{service.way.url}/{case.container}/{case.folder}"
    found = case.delivery()
    assert (found["state"], found["problem"], found["reference"]) == ("delivered", "", there)
    kept = case.archived()
    assert sorted(kept) == [f"{case.folder}/{name}" for name in FILES]
    shown = case.incident()
    assert kept[f"{case.folder}/evidence.json.gz"]["evidence"] == shown["evidence"]
    assert kept[f"{case.folder}/failures.json.gz"]["failures"] == shown["failures"]
    assert kept[f"{case.folder}/analysis.json.gz"]["analysis"] == shown["analysis"]


def test_what_becomes_of_an_incident_is_archived_in_its_place(
    analyzed: Callable[..., Case], blob_account: BlobAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = analyzed()
    monkeypatch.setenv("AIRFLOW_CONN_WASB_DEFAULT", blob_account.connection)
    there = case.archive()
    assert case.archived()[f"{case.folder}/analysis.json.gz"]["status"] == "open"
    resolved(case.number)
    assert case.delivery()["state"] == "waiting"
    later(timedelta(minutes=2))
    assert housekeeping()["delivered"] == 1
    kept = case.archived()
    assert sorted(kept) == [f"{case.folder}/{name}" for name in FILES]
    assert kept[f"{case.folder}/analysis.json.gz"]["resolved_how"] == "It works again."
    assert case.delivery()["reference"] == there


def test_no_secret_of_a_report_comes_into_the_archive(
    analyzed: Callable[..., Case], blob_account: BlobAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = planted("q7Kx2")
    monkeypatch.setenv("AIRFLOW_CONN_WASB_DEFAULT", blob_account.connection)
    # A key that is cut off takes with it what comes after.
    kinds = sorted(secrets, key=lambda kind: "key" in kind)
    text = "\n".join(secrets[kind][0] for kind in kinds)
    case = analyzed(detail=text)
    assert case.archive()
    blobs = {name: gzip.decompress(blob) for name, blob in blob_account.blobs(case.container).items()}
    assert len(blobs) == 3
    assert b"could not log in" in blobs[f"{case.folder}/failures.json.gz"]
    assert [
        kind for kind, (_, secret) in secrets.items() if secret.encode() in b"".join(blobs.values())
    ] == []


def test_without_an_archive_nothing_waits(
    analyzed: Callable[..., Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    monkeypatch.delenv("AIRFLOW_CONN_WASB_DEFAULT", raising=False)
    case = analyzed()
    with pytest.raises(AirflowSkipException, match="there is no connection wasb_default"):
        case.archive()
    later(timedelta(days=1))
    assert housekeeping()["waiting"] == 0
    assert case.incident()["deliveries"] == []
    later(timedelta(days=1))
    assert housekeeping() == {"delivered": 0, "waiting": 0, "off": 0, "left": 0}
