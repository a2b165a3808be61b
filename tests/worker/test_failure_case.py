"""When a model is worth asking: not where the note will say that nothing failed."""

from __future__ import annotations

from typing import Any

import pytest

from rca_plugin.worker.failure_case import FailureCase

REFUSED = "OperationalError: connection refused"
BY_HAND = "TaskInstance's state was manually set to `failed`."


def an_incident(category: str, message: str, *facts: tuple[str, str]) -> dict[str, Any]:
    evidence = [
        {"id": f"E{number}", "kind": kind, "source": "test", "observed_at": None, "text": text}
        for number, (kind, text) in enumerate(facts, start=1)
    ]
    failure = {"final": True, "message": message, "detail": "", "code": None}
    return {
        "id": 1, "source": "airflow", "resource": "orders/load", "category": category, "rule": None,
        "confidence": 0.5, "severity": "High", "failures": [failure], "evidence": evidence,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("category", "message", "facts", "nothing"),
    [
        ("unknown", "", [("tries", "Try 1: success, ran 3.0 s")], True),
        ("connection_error", "", [("log", f"{REFUSED}, trying again"), ("tries", "Try 1: success, ran 3.0 s")], True),
        ("connection_error", BY_HAND, [("log", REFUSED), ("error", BY_HAND)], True),
        ("connection_error", REFUSED, [("tries", "Try 1: success, ran 3.0 s")], False),
        ("unknown", REFUSED, [("error", REFUSED)], False),
    ],
)  # fmt: skip
def test_it_knows_before_the_note_what_the_note_will_say(
    category: str, message: str, facts: list[tuple[str, str]], nothing: bool
) -> None:
    case = FailureCase(an_incident(category, message, *facts))
    assert case.nothing_failed is nothing
    assert ("Nothing in the evidence shows a failure" in case.note.summary) is nothing
