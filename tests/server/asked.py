"""Calls of a model for tests: what is asked, and what comes back."""

from __future__ import annotations

import hashlib
from typing import Any

from rca_plugin.core.model_call import Purpose
from rca_plugin.core.model_request import ModelRequest
from rca_plugin.server.model_outcome import Outcome, Recorded, record
from rca_plugin.server.model_plan import Plan, plan

REQUEST = ModelRequest(
    model="gemini-2.5-flash",
    prompt="root_cause 1 (0f3a9c12)",
    system="You find root causes.",
    text="E1 log: could not connect to server: Connection refused",
    schema={"type": "object", "properties": {"summary": {"type": "string"}, "category": {"type": "string"}}},
    output_tokens=8_192,
)


def key(name: str = "a") -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def asked(
    incident_id: int, name: str = "a", *, purpose: Purpose = Purpose.ANALYSIS, request: ModelRequest = REQUEST
) -> Plan:
    return plan(incident_id, purpose, key(name), request)


def ended(call_id: int | None, answer: str | None = '{"summary": []}', **more: Any) -> Recorded:
    values: dict[str, Any] = {
        "answer": answer, "problem": "", "input_tokens": 1_000, "cached_tokens": 0, "output_tokens": 100,
        "seconds": 1.5, "retry_after": 0.0, "asked": True, "counted": True,
    }  # fmt: skip
    assert call_id is not None
    return record(call_id, Outcome(**(values | more)))
