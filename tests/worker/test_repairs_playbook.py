"""What a playbook is sent: once, signed, as documented; what came of it it says itself."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from demo.local_airflow import REPOSITORY
from rca_plugin import config
from rca_plugin.worker.repairs import playbook as repairs
from rca_plugin.worker.repairs.choice import REPAIRS, proposals_for
from rca_plugin.worker.repairs.repair import Order, RefusedError, Started
from rca_plugin.worker.repairs.starting import start_once
from tests.fakes.playbook import PlaybookService, playbook
from tests.worker.repairing import incident, order

SECRET, OLD_SECRET = "the-secret-of-playbooks", "the-secret-before-that-one"
SCHEMA = json.loads((REPOSITORY / "docs" / "playbook.schema.json").read_text())
ACTION = "http_playbook"


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch, impatient: None) -> None:
    monkeypatch.setenv("AIRFLOW__RCA__PLAYBOOK_SECRET", f"{SECRET},{OLD_SECRET}")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/")
    monkeypatch.setattr(repairs, "_BUSY_SECONDS", 0.02)
    monkeypatch.setattr(repairs, "_SECONDS", 0.3)
    config.settings.cache_clear()


def ordered(service: PlaybookService) -> Order:
    about = incident("azure_monitor", {"alert_rule": "gateway down"}, resource="gateway-1")
    settings = {"name": "restart-gateway", "url": service.url}
    proposals, problems = proposals_for(about, [{"action": ACTION, "settings": settings}])
    assert problems == []
    assert proposals[0].resource == "playbook:restart-gateway"
    assert proposals[0].blast_radius == ("playbook restart-gateway for gateway-1",)
    return order(proposals[0])


def tried(told: Order, *, begun_before: bool = False) -> Started | str:
    try:
        return start_once(REPAIRS[ACTION], told, begun_before=begun_before)
    except RefusedError as error:
        return f"refused: {error}"


def test_it_is_sent_as_documented_and_signed() -> None:
    with playbook() as service:
        told = ordered(service)
        assert tried(told) == Started("token-007")
        headers, body = service.taken[0]
    sent = json.loads(body)
    Draft202012Validator(SCHEMA).validate(sent)
    assert sent["callback_url"] == "https://airflow.example.com/rca/api/v1/remediations/7/outcome"
    assert sent["id"] == headers["Idempotency-Key"] == "token-007"
    signed = headers["X-RCA-Timestamp"].encode() + b"." + body
    assert (
        headers["X-RCA-Signature"]
        == f"sha256={hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()}"
    )
    assert SECRET.encode() not in body


@pytest.mark.parametrize(
    "trouble",
    [301, 400, 401, 403, 404, 429, 500, 503, "lost", "reset", "stall", "truncated", "invalid", "wrong"],
)
def test_it_is_never_sent_again_once_it_may_have_arrived(trouble: Any) -> None:
    with playbook(trouble, None) as service:
        outcome = tried(ordered(service))
        refused = isinstance(trouble, int) and trouble < 429
        assert str(outcome).startswith("refused") == refused
        assert len(service.calls) == (2 if trouble == 429 else 1)
        assert len(service.taken) == (not refused and trouble != "lost")


def test_one_that_takes_nothing_is_left_alone_in_the_end() -> None:
    with playbook(429) as service:
        assert str(tried(ordered(service))).startswith("refused")
        assert service.taken == []


def test_one_that_is_not_there_is_told_nothing() -> None:
    with playbook() as service:
        told = ordered(service)
    assert "cannot be reached" in str(tried(told))


def test_what_may_have_been_sent_before_is_waited_for() -> None:
    with playbook() as service:
        assert tried(ordered(service), begun_before=True) == Started("token-007")
        assert service.calls == []
        assert REPAIRS[ACTION].look(ordered(service), "token-007").state == "running"


def test_nothing_is_sent_without_a_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__RCA__PLAYBOOK_SECRET", "")
    config.settings.cache_clear()
    with playbook() as service:
        assert "[rca] playbook_secret" in str(tried(ordered(service)))
        assert service.calls == []
