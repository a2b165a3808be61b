"""Answers of a model, as JSON, made from what a test cares about."""

from __future__ import annotations

import json
from typing import Any

LOG = "INFO - starting\nConnectionRefusedError: [Errno 111] Connection refused\ndb.internal:5432 is not there"
REFUSED = "[Errno 111] Connection refused"


def claim(text: str, *citations: tuple[str, str]) -> dict[str, Any]:
    return {"text": text, "citations": [{"evidence": item, "quote": quote} for item, quote in citations]}


REFUSAL = claim("The database refused the connection.", ("E1", REFUSED))


def answer(**changes: Any) -> dict[str, Any]:
    """A good one about `LOG` as E1, with some fields changed."""
    return {
        "enough_evidence": True,
        "summary": [REFUSAL],
        "root_cause": REFUSAL,
        "hypotheses": [{**REFUSAL, "distinguish": "Nothing listens on the port."}],
        "recommendations": [claim("See whether the database runs.", ("E1", REFUSED))],
        "not_known": ["Whether the database was restarted."],
        "category": "connection_error",
        "severity": "High",
        "confidence": 0.9,
        "affected_entity": "db.internal:5432",
        "suggested_action": "airflow_clear",
        "estimated_minutes": 20,
        **changes,
    }


def text_of(**changes: Any) -> str:
    return json.dumps(answer(**changes))
