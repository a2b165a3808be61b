"""The archive, in Microsoft's own emulator of Azure Blob Storage: what is written, what is not, and what goes wrong."""

from __future__ import annotations

import gzip
import json
import logging
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from rca_plugin.config import settings
from rca_plugin.core.delivery import DeliveryState, Destination
from rca_plugin.worker import deliveries
from rca_plugin.worker.client import RcaClient, ServerError
from rca_plugin.worker.deliveries import Outcome, deliver
from rca_plugin.worker.integrations import blob
from rca_plugin.worker.operators.delivery import ArchiveOperator, DeliverDueOperator
from tests.fakes.azurite import BlobAccount
from tests.fakes.blob_storage import gateway
from tests.secrets_of_each_kind import planted

FOLDER = "2026/11/23/RCA-7"
FILES = {f"{FOLDER}/{name}.json.gz" for name in ("analysis", "evidence", "failures")}


def an_incident(**changes: Any) -> dict[str, Any]:
    """As the API gives it."""
    return {
        "id": 7, "label": "RCA-7", "source": "airflow", "resource": "orders/load", "status": "open",
        "category": "connection_error", "first_failure_at": "2026-11-23T23:59:59.500000Z",
        "failures": [{"message": "Connection refused", "detail": "", "occurred_at": "2026-11-23T23:59:59.500000Z"}],
        "evidence": [{"id": "E1", "kind": "log", "source": "log", "observed_at": None, "text": "größer → refused"}],
        "analysis": {"summary": "The database is down.", "root_cause": {"text": "It is down", "evidence": ["E1"]}},
        "timeline": [{"seq": 1, "action": "opened"}],
        "deliveries": [{"destination": "archive", "state": "waiting", "tries": 3}],
        **changes,
    }  # fmt: skip


class Server(RcaClient):
    """What a worker is told by the server, without one: every claim is granted, and what came of it is kept."""

    def __init__(self, incident: dict[str, Any], granted: bool = True) -> None:
        self.kept = incident
        self.granted = granted
        self.recorded: list[dict[str, Any]] = []
        self.only_due: list[bool] = []

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    def incident(self, incident_id: int) -> dict[str, Any]:
        if incident_id != self.kept["id"]:
            raise ServerError(404, "unknown_incident", "there is no such incident")
        return self.kept

    def claim_delivery(self, incident_id: int, destination: Destination, *, due_only: bool) -> dict[str, Any]:
        self.only_due.append(due_only)
        reference = next((r["reference"] for r in reversed(self.recorded) if r["reference"]), None)
        refused = {
            "granted": False,
            "reason": "somebody else is at it",
            "lease": None,
            "version": 1,
            "reference": None,
        }
        granted = {"granted": True, "reason": "", "lease": "l", "version": 1, "reference": reference}
        return granted if self.granted else refused

    def record_delivery(self, incident_id: int, destination: Destination, attempt: dict[str, Any]) -> None:
        self.recorded.append(attempt)

    def due_deliveries(self) -> list[dict[str, Any]]:
        return [{"incident_id": number, "destination": "archive"} for number in (6, 7)]


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of one that is not there yet."""
    name = f"rca-{uuid.uuid4().hex}"
    monkeypatch.setenv("AIRFLOW__RCA__ARCHIVE_CONTAINER", name)
    settings.cache_clear()
    return name


Known = Callable[[str], None]


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[Known]:
    """Make a connection the archive's."""
    monkeypatch.setattr(
        blob, "_ONE_TRY", {**blob._ONE_TRY, "read_timeout": 1}
    )  # a stall is not waited for as long
    yield lambda value: monkeypatch.setenv("AIRFLOW_CONN_WASB_DEFAULT", value)


def archived(incident: dict[str, Any], **more: Any) -> tuple[Outcome, Server]:
    server = Server(incident)
    return deliver(server, incident["id"], Destination.ARCHIVE, **more), server


def unpacked(account: BlobAccount, container: str) -> dict[str, Any]:
    return {name: json.loads(gzip.decompress(data)) for name, data in account.blobs(container).items()}


def test_an_incident_is_archived_and_read_back(
    blob_account: BlobAccount, container: str, connection: Known
) -> None:
    connection(blob_account.connection)
    incident = an_incident()
    outcome, server = archived(incident)
    folder = f"{blob_account.url}/{container}/{FOLDER}"
    assert outcome == Outcome(DeliveryState.DELIVERED, reference=folder)
    assert server.recorded == [
        {
            "lease": "l",
            "version": 1,
            "state": "delivered",
            "problem": "",
            "retry_after": 0.0,
            "reference": folder,
        }
    ]
    found = unpacked(blob_account, container)
    assert set(found) == FILES
    assert found[f"{FOLDER}/failures.json.gz"] == {"incident": "RCA-7", "failures": incident["failures"]}
    assert found[f"{FOLDER}/evidence.json.gz"] == {"incident": "RCA-7", "evidence": incident["evidence"]}
    rest = {
        name: value for name, value in incident.items() if name not in ("failures", "evidence", "deliveries")
    }
    assert found[f"{FOLDER}/analysis.json.gz"] == rest
    said = blob_account.settings(container, f"{FOLDER}/analysis.json.gz")
    assert (said.content_type, said.content_encoding) == ("application/json", "gzip")


def test_the_same_is_the_same_bytes_at_the_same_place(
    blob_account: BlobAccount, container: str, connection: Known
) -> None:
    connection(blob_account.connection)
    archived(an_incident())
    first = blob_account.blobs(container)
    archived(an_incident(deliveries=[]))
    assert blob_account.blobs(container) == first
    assert set(first) == FILES


def test_a_newer_state_replaces_the_older_where_it_was(
    blob_account: BlobAccount, container: str, connection: Known
) -> None:
    connection(blob_account.connection)
    server = Server(an_incident())
    first = deliver(server, 7, Destination.ARCHIVE)
    # An earlier failure was reported meanwhile.
    server.kept = an_incident(status="resolved", first_failure_at="2026-11-22T12:00:00Z")
    assert deliver(server, 7, Destination.ARCHIVE).reference == first.reference
    found = unpacked(blob_account, container)
    assert set(found) == FILES
    assert found[f"{FOLDER}/analysis.json.gz"]["status"] == "resolved"


def test_another_container_begins_anew(
    blob_account: BlobAccount, container: str, connection: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection(blob_account.connection)
    server = Server(an_incident())
    deliver(server, 7, Destination.ARCHIVE)
    other = f"{container[:50]}-2"
    monkeypatch.setenv("AIRFLOW__RCA__ARCHIVE_CONTAINER", other)
    settings.cache_clear()
    moved = deliver(server, 7, Destination.ARCHIVE).reference
    assert moved == f"{blob_account.url}/{other}/{FOLDER}"
    assert set(blob_account.blobs(other)) == FILES


def test_the_day_is_that_of_utc(blob_account: BlobAccount, container: str, connection: Known) -> None:
    connection(blob_account.connection)
    outcome, _ = archived(an_incident(first_failure_at="2026-11-24T00:30:00+02:00"))
    assert str(outcome.reference).endswith("/2026/11/23/RCA-7")


def test_no_secret_is_in_any_blob(blob_account: BlobAccount, container: str, connection: Known) -> None:
    connection(blob_account.connection)
    secrets = planted("q7Kx2")
    texts = [text for text, _ in secrets.values()]
    evidence = [
        {"id": f"E{n}", "kind": "log", "source": "x", "observed_at": None, "text": text}
        for n, text in enumerate(texts, 1)
    ]
    failures = [{"message": text, "detail": text, "labels": {"note": text}} for text in texts]
    analysis = {"summary": "\n".join(texts), "recommendations": texts}
    outcome, _ = archived(
        an_incident(evidence=evidence, failures=failures, analysis=analysis, timeline=texts)
    )
    assert outcome.state is DeliveryState.DELIVERED
    blobs = {name: gzip.decompress(data).decode() for name, data in blob_account.blobs(container).items()}
    assert set(blobs) == FILES
    kept = [
        (name, kind)
        for name, text in blobs.items()
        for kind, (_, secret) in secrets.items()
        if secret in text or json.dumps(secret)[1:-1] in text
    ]
    assert kept == []
    # It is the secrets that are gone, not the texts.
    assert blobs[f"{FOLDER}/evidence.json.gz"].count('"kind": "log"') == len(texts)
    assert "could not log in" in blobs[f"{FOLDER}/evidence.json.gz"]


UNREACHABLE = "Azure Blob Storage could not be reached: "
TROUBLES: dict[str, tuple[dict[str, list[Any]], str, float]] = {
    "429 with a wait": ({"*": [(429, "90")]}, "Azure Blob Storage answered 429 (TooManyRequests)", 90.0),
    "500": ({"*": [500]}, "Azure Blob Storage answered 500 (InternalError)", 0.0),
    "503": ({"*": [503]}, "Azure Blob Storage answered 503 (ServerBusy)", 0.0),
    "503 with a wait": ({"*": [(503, "17")]}, "Azure Blob Storage answered 503 (ServerBusy)", 17.0),
    "503 at the last file": ({"analysis.json.gz": [503]}, "Azure Blob Storage answered 503 (ServerBusy)", 0.0),
    "403": ({"*": [403]}, "Azure Blob Storage answered 403 (AuthorizationFailure)", 0.0),
    "404": ({"*": [404]}, "Azure Blob Storage answered 404 (ResourceNotFound)", 0.0),
    "403 for the container": ({"container": [403]}, "Azure Blob Storage answered 403 (AuthorizationFailure)", 0.0),
    "reset": ({"*": ["reset"]}, UNREACHABLE, 0.0),
    "reset after it was done": ({"evidence.json.gz": ["lost"]}, UNREACHABLE, 0.0),
    "stall": ({"*": ["stall"]}, UNREACHABLE + "ReadTimeoutError", 0.0),
    "trickle": ({"failures.json.gz": ["trickle"]}, "no answer within 2 seconds", 0.0),
}  # fmt: skip


@pytest.mark.parametrize("kind", TROUBLES)
def test_trouble_is_said_and_the_next_try_leaves_one_set_of_files(
    blob_account: BlobAccount, container: str, connection: Known, kind: str
) -> None:
    troubles, problem, wait = TROUBLES[kind]
    server = Server(an_incident())
    with gateway(blob_account, **troubles) as service:
        connection(service.way.connection)
        deliver(server, 7, Destination.ARCHIVE, seconds=2 if kind == "trickle" else 20)
        failed = list(service.calls)
        service.troubles.clear()
        assert deliver(server, 7, Destination.ARCHIVE).state is DeliveryState.DELIVERED
    waiting, delivered = server.recorded
    assert (waiting["state"], waiting["retry_after"]) == ("waiting", wait)
    assert waiting["problem"].startswith(problem)
    assert (waiting["reference"], delivered["state"]) == (None, "delivered")
    # Once each, or again where the container was not there: patience is the server's.
    assert max(failed.count(call) for call in failed) <= 2
    assert set(blob_account.blobs(container)) == FILES


def test_a_date_is_a_wait_too(blob_account: BlobAccount, container: str, connection: Known) -> None:
    date = (datetime.now(timezone.utc) + timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    with gateway(blob_account, **{"*": [(503, date)]}) as service:
        connection(service.way.connection)
        outcome, _ = archived(an_incident())
    assert 3_000 < outcome.retry_after <= 3_600


def test_a_sas_token_opens_the_archive_and_is_not_in_its_address(
    blob_account: BlobAccount, container: str, connection: Known
) -> None:
    from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

    token = generate_account_sas(
        blob_account.name, blob_account.key, ResourceTypes(container=True, object=True),
        AccountSasPermissions(create=True, write=True), datetime.now(timezone.utc) + timedelta(hours=1),
    )  # fmt: skip
    extra = {"connection_string": f"BlobEndpoint={blob_account.url};SharedAccessSignature={token}"}
    for value in ({"host": blob_account.url, "extra": {"sas_token": token}}, {"extra": extra}):
        connection(json.dumps({"conn_type": "wasb", **value}))
        outcome, _ = archived(an_incident())
        assert outcome.reference == f"{blob_account.url}/{container}/{FOLDER}"


SAS = "sv=2024-11-04&ss=b&srt=sco&sp=rwc&se=2036-01-01&sig=Sg7Kx2Sg7Kx2Sg7Kx2%3D"


@pytest.mark.parametrize("trouble", [None, 403, "reset", "stall"])
def test_a_sas_token_is_in_no_problem_and_in_no_log(
    blob_account: BlobAccount,
    container: str,
    connection: Known,
    caplog: pytest.LogCaptureFixture,
    trouble: Any,
) -> None:
    caplog.set_level(logging.INFO)
    with gateway(blob_account, **{"*": [trouble]}) as service:
        extra = {"sas_token": SAS}
        connection(json.dumps({"conn_type": "wasb", "host": service.way.url, "extra": extra}))
        outcome, server = archived(an_incident())
    # Without trouble the account itself refuses it.
    assert outcome.state is DeliveryState.WAITING
    assert "Azure Blob Storage" in outcome.problem
    assert "Sg7Kx2" not in json.dumps(server.recorded) + caplog.text


UNUSABLE = {
    "nobody there": (
        {"host": "http://127.0.0.1:9/rcatests", "login": "rcatests", "password": "a2V5"},
        "NewConnectionError",
    ),
    "a key that is none": (
        {"host": "http://127.0.0.1:9/rcatests", "login": "rcatests", "password": "k9"},
        "invalid shared key",
    ),
    "a connection string that is none": ({"extra": {"connection_string": "Kx2"}}, "malformed"),
    "without protection": (
        {"host": "http://rcatests.blob.core.example.com", "login": "rcatests", "password": "a2V5"},
        "by https",
    ),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_connection_that_cannot_be_used_is_said_on_the_incident(
    kind: str, container: str, connection: Known
) -> None:
    value, problem = UNUSABLE[kind]
    connection(json.dumps({"conn_type": "wasb", **value}))
    outcome, server = archived(an_incident())
    assert server.recorded[0]["state"] == "waiting"
    assert problem in outcome.problem
    assert "Kx2" not in outcome.problem


OFF = {
    "no connection": (None, "wasb_default", "there is no connection wasb_default"),
    "the option is empty": (None, "", "[rca] archive_conn_id is empty"),
    "Airflow's example": (
        '{"conn_type": "wasb", "extra": {"sas_token": null}}',
        "wasb_default",
        "connection wasb_default names no storage account",
    ),
}


@pytest.mark.parametrize("kind", OFF)
def test_without_an_archive_the_step_is_skipped_and_says_why(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, conn_id, why = OFF[kind]
    monkeypatch.setenv("AIRFLOW__RCA__ARCHIVE_CONN_ID", conn_id)
    settings.cache_clear()
    monkeypatch.delenv("AIRFLOW_CONN_WASB_DEFAULT", raising=False)
    if value:
        monkeypatch.setenv("AIRFLOW_CONN_WASB_DEFAULT", value)
    server = Server(an_incident())
    with pytest.raises(AirflowSkipException, match="Nothing is archived: ") as skipped:
        step(server).execute({})
    assert why in str(skipped.value)
    assert [(r["state"], r["problem"]) for r in server.recorded] == [("off", why)]


def step(server: Server) -> ArchiveOperator:
    operator = ArchiveOperator(task_id="archive", incident_id=7)
    operator.__dict__["_client"] = server
    return operator


def test_the_step_answers_where_it_is_and_fails_for_no_outage(
    blob_account: BlobAccount, container: str, connection: Known
) -> None:
    server = Server(an_incident())
    connection(blob_account.at(9).connection)
    assert step(server).execute({}) is None
    connection(blob_account.connection)
    assert step(server).execute({}) == f"{blob_account.url}/{container}/{FOLDER}"
    assert [attempt["state"] for attempt in server.recorded] == ["waiting", "delivered"]


def test_what_another_delivers_is_left_to_it(
    blob_account: BlobAccount, container: str, connection: Known
) -> None:
    connection(blob_account.connection)
    server = Server(an_incident(), granted=False)
    with pytest.raises(AirflowSkipException, match="somebody else is at it"):
        step(server).execute({})
    assert server.recorded == []
    assert blob_account.blobs(container) == {}


@pytest.fixture
def housekeeping(monkeypatch: pytest.MonkeyPatch) -> Callable[[Server], dict[str, int]]:
    """A round with that server."""

    def round_with(server: Server) -> dict[str, int]:
        monkeypatch.setattr("rca_plugin.worker.operators.delivery.RcaClient", lambda **_: server)
        return dict(DeliverDueOperator(task_id="deliver").execute({}))

    return round_with


def test_one_that_cannot_be_delivered_keeps_no_other_back(
    blob_account: BlobAccount, container: str, connection: Known, housekeeping: Any
) -> None:
    connection(blob_account.connection)
    # RCA-6 is gone.
    server = Server(an_incident())
    assert housekeeping(server) == {"delivered": 1, "waiting": 1, "off": 0, "left": 0}
    assert set(blob_account.blobs(container)) == FILES
    # Another round may have been at it, and wait, since this one was told what is due.
    assert server.only_due == [True, True]


def test_a_round_ends_in_time(housekeeping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rca_plugin.worker.operators.delivery._ROUND_SECONDS", 0.5)
    server = Server(an_incident())
    assert housekeeping(server) == {"delivered": 0, "waiting": 0, "off": 0, "left": 0}
    assert server.recorded == []


def test_a_try_that_was_given_up_writes_nothing_later(
    blob_account: BlobAccount, container: str, connection: Known
) -> None:
    connection(blob_account.connection)
    archive = blob.BlobArchive.connect()
    with pytest.raises(deliveries.DeliveryError, match="the time for it was over"):
        archive.deliver(an_incident(), None, deadline=0.0)
    assert blob_account.blobs(container) == {}
