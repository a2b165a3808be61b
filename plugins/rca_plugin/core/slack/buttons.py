"""What people can do about an incident in its message. Whether they may is decided where a click arrives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rca_plugin.core.incident import VISIBLE, Status
from rca_plugin.core.slack.text import plain

ACKNOWLEDGE = "rca_acknowledge"
ASSIGN = "rca_assign"
SILENCE_1H = "rca_silence_1h"
SILENCE_8H = "rca_silence_8h"
#: An input, whose value is the reason; the number of the incident is the end of its block's id.
RESOLVE = "rca_resolve"
#: Only opens a page. Slack tells the app of the click all the same.
OPEN_PAGE = "rca_open"

_LABELS = {
    ACKNOWLEDGE: "Acknowledge",
    ASSIGN: "Assign to me",
    SILENCE_1H: "Silence 1 h",
    SILENCE_8H: "Silence 8 h",
}
_REASON_CHARS = 500


def buttons(incident: Mapping[str, Any], url: str | None) -> list[dict[str, Any]]:
    """The blocks of the buttons: those that act only while somebody has still to deal with the incident."""
    status, number = Status(incident["status"]), str(incident["id"])
    acts = status in VISIBLE
    shown = [_button(action, number) for action in _LABELS if acts and _makes_sense(action, status)]
    shown += [_link(url)] if url else []
    rows = [{"type": "actions", "block_id": f"rca_actions_{number}", "elements": shown}] if shown else []
    return [*rows, _resolve(number)] if acts else rows


def _makes_sense(action: str, status: Status) -> bool:
    return action != ACKNOWLEDGE or status is Status.OPEN


def _button(action: str, number: str) -> dict[str, Any]:
    return {"type": "button", "action_id": action, "text": plain(_LABELS[action], 75), "value": number}


def _link(url: str) -> dict[str, Any]:
    return {"type": "button", "action_id": OPEN_PAGE, "text": plain("Open in Airflow", 75), "url": url}


def _resolve(number: str) -> dict[str, Any]:
    element = {
        "type": "plain_text_input",
        "action_id": RESOLVE,
        "max_length": _REASON_CHARS,
        "placeholder": plain("What solved it", 150),
        "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]},
    }
    return {
        "type": "input",
        "block_id": f"rca_resolve_{number}",
        "dispatch_action": True,
        "optional": True,
        "label": plain("Resolve, with the reason and Enter", 2000),
        "element": element,
    }
