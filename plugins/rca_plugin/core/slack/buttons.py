"""What people can do about an incident in its message. Whether they may is decided where a click arrives."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from rca_plugin.core.incident import VISIBLE, Kind, Status
from rca_plugin.core.slack.text import plain

ACKNOWLEDGE = "rca_acknowledge"
ASSIGN = "rca_assign"
SILENCE_1H = "rca_silence_1h"
SILENCE_8H = "rca_silence_8h"
#: An input, whose value is the reason.
RESOLVE = "rca_resolve"
#: Only opens a page. Slack tells the app of the click all the same.
OPEN_PAGE = "rca_open"

ACTIONS_BLOCK = "rca_actions_"
RESOLVE_BLOCK = "rca_resolve_"
_LABELS = {
    ACKNOWLEDGE: "Acknowledge",
    ASSIGN: "Assign to me",
    SILENCE_1H: "Silence 1 h",
    SILENCE_8H: "Silence 8 h",
}
_REASON_CHARS = 500


def buttons(incident: Mapping[str, Any], url: str | None) -> list[dict[str, Any]]:
    """The blocks of the buttons: those that act only while somebody has still to deal with the incident."""
    acts = Status(incident["status"]) in VISIBLE
    block = block_suffix(incident)
    shown = [_button(action) for action in _LABELS if acts and _makes_sense(action, incident)]
    shown += [_link(url)] if url else []
    rows = [{"type": "actions", "block_id": f"{ACTIONS_BLOCK}{block}", "elements": shown}] if shown else []
    return [*rows, _resolve(block)] if acts else rows


def block_suffix(incident: Mapping[str, Any]) -> str:
    """The end of the ids of its blocks, by which a click names the incident.

    Not by its number alone: a message may be of a deployment that shares the Slack app, or older than the database.
    """
    return f"{incident['id']}_{mark(incident['fingerprint'], incident['environment'])}"


def mark(fingerprint: str, environment: str) -> str:
    """What incidents of the same number have different."""
    return hashlib.sha256(f"{environment}\x1f{fingerprint}".encode()).hexdigest()[:12]


def _makes_sense(action: str, incident: Mapping[str, Any]) -> bool:
    if action in (SILENCE_1H, SILENCE_8H):
        # A storm is many resources.
        return bool(incident["kind"] != Kind.STORM.value)
    return action != ACKNOWLEDGE or incident["status"] == Status.OPEN.value


def _button(action: str) -> dict[str, Any]:
    return {"type": "button", "action_id": action, "text": plain(_LABELS[action], 75)}


def _link(url: str) -> dict[str, Any]:
    return {"type": "button", "action_id": OPEN_PAGE, "text": plain("Open in Airflow", 75), "url": url}


def _resolve(block: str) -> dict[str, Any]:
    element = {
        "type": "plain_text_input",
        "action_id": RESOLVE,
        "max_length": _REASON_CHARS,
        "placeholder": plain("What solved it", 150),
        "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]},
    }
    return {
        "type": "input",
        "block_id": f"{RESOLVE_BLOCK}{block}",
        "dispatch_action": True,
        "optional": True,
        "label": plain("Resolve, with the reason and Enter", 2000),
        "element": element,
    }
