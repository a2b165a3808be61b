"""What is done about an incident, in its message: how the newest attempt stands, and the answer it waits for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rca_plugin.core.incident import VISIBLE, Status
from rca_plugin.core.remediation.sentence import is_asked, is_over, newest, sentence, touched
from rca_plugin.core.remediation.state import RemediationState
from rca_plugin.core.slack.buttons import block_suffix
from rca_plugin.core.slack.text import plain

APPROVE = "rca_approve"
REJECT = "rca_reject"
REPAIR_BLOCK = "rca_repair_"
_SENTENCE_CHARS = 800
_TOUCHED_CHARS = 500
_MOST_TOUCHED = 8
_ASKED_CHARS = 300


def repair(incident: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The blocks; none where nothing was ever proposed."""
    attempt = newest(incident)
    if attempt is None:
        return []
    said = {"type": "section", "text": plain(f"Repair\n{sentence(attempt)}", _SENTENCE_CHARS)}
    if is_over(attempt):
        return [said]
    touches = f"{_risk(attempt)}It touches {touched(attempt['blast_radius'], _MOST_TOUCHED)}"
    return [
        said,
        {"type": "context", "elements": [plain(touches, _TOUCHED_CHARS)]},
        *_answers(incident, attempt),
    ]


def for_people(incident: Mapping[str, Any]) -> bool:
    """Whether a repair has ended, the incident has not, and nothing more is tried."""
    attempt = newest(incident)
    unresolved = Status(incident["status"]) in VISIBLE
    return bool(
        unresolved and attempt and is_over(attempt) and attempt["state"] != RemediationState.SUGGESTED.value
    )


def _risk(attempt: Mapping[str, Any]) -> str:
    risk = attempt.get("risk")
    return f"Risk: {risk}. " if risk else ""


def _answers(incident: Mapping[str, Any], attempt: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The buttons; whether who clicks may answer, and whether it is still time, is decided where a click arrives."""
    if not is_asked(attempt) or Status(incident["status"]) not in VISIBLE:
        return []
    # The attempt, not the newest one: a message that is out of date must not answer for another.
    value = str(attempt["id"])
    buttons = [
        _button(APPROVE, "Approve the repair", "primary", value) | {"confirm": _confirm(attempt)},
        _button(REJECT, "Reject", "danger", value),
    ]
    return [{"type": "actions", "block_id": f"{REPAIR_BLOCK}{block_suffix(incident)}", "elements": buttons}]


def _button(action: str, label: str, style: str, value: str) -> dict[str, Any]:
    return {"type": "button", "action_id": action, "text": plain(label, 75), "style": style, "value": value}


def _confirm(attempt: Mapping[str, Any]) -> dict[str, Any]:
    asked = f"It touches {touched(attempt['blast_radius'], 3)}"
    return {
        "title": plain("Repair it?", 100),
        "text": plain(asked, _ASKED_CHARS),
        "confirm": plain("Approve", 30),
        "deny": plain("Not now", 30),
    }
