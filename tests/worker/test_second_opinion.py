"""What a model gets to see of a failure: never a secret, in the bytes as they arrive there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rca_plugin.worker.asking import Asking
from rca_plugin.worker.failure_case import FailureCase
from rca_plugin.worker.integrations.gemini import Gemini
from rca_plugin.worker.integrations.gemini_access import GeminiAccess
from rca_plugin.worker.second_opinion import question
from tests.fakes.gemini import KEY, gemini
from tests.secrets_of_each_kind import planted

KINDS = (
    "error", "log", "note", "traceback", "template", "parameters", "labels", "change", "audit", "history", "tries",
    "trend", "run", "run_output", "upstream", "pool", "similar", "missing", "termination", "cluster", "cluster_events",
    "pipeline", "activity", "integration_runtime",
)  # fmt: skip
SECRETS = planted("q7Kx2")


def an_incident(text: str) -> dict[str, Any]:
    evidence = [
        {"id": f"E{number}", "kind": kind, "source": f"from {kind}", "observed_at": None,
         "text": f"before\n{text}\nafter"}
        for number, kind in enumerate(KINDS, start=1)
    ]  # fmt: skip
    failure = {"final": True, "message": "it failed", "detail": "", "code": None}
    return {
        "id": 1, "source": "airflow", "resource": "orders/load", "fingerprint": "f" * 64, "category": "unknown",
        "failures": [failure], "evidence": evidence,
    }  # fmt: skip


@pytest.mark.parametrize("kind", SECRETS)
def test_no_secret_arrives_at_the_model(kind: str) -> None:
    text, secret = SECRETS[kind]
    _, request = question(FailureCase(an_incident(text)))
    with gemini("{}") as service:
        way = Gemini(GeminiAccess(service.url, KEY))
        assert Asking(way, request, 60).outcome().answer == "{}"
    [body] = service.bodies
    assert secret.encode() not in body
    asked = service.asked[0]["contents"][0]["parts"][0]["text"]
    assert secret not in asked
    # What is stored is this request, and nothing else was sent.
    assert asked == request.text
    assert service.asked[0]["systemInstruction"]["parts"][0]["text"] == request.system
    # Every kind of evidence was there to leak it.
    assert asked.count("before") >= len(KINDS)
    assert json.dumps(secret)[1:-1].encode() not in body
