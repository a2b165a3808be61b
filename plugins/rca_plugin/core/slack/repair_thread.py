"""The attempts to repair an incident, each as one reply in its thread: so that whoever follows it hears of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rca_plugin.core.remediation.sentence import newest, sentence
from rca_plugin.core.slack.repair import for_people
from rca_plugin.core.slack.text import plain

_MOST_ATTEMPTS = 5
_SENTENCE_CHARS = 1_000
_MOST_TOUCHED = 20
_LINES_CHARS = 1_300


def repairs(incident: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The blocks of the replies, by their name; those of the newest attempts."""
    attempts = list(incident.get("remediations") or ())[:_MOST_ATTEMPTS]
    # The oldest first: so they are posted, and so they are read.
    return {f"repair {attempt['id']}": _reply(incident, attempt) for attempt in reversed(attempts)}


def _reply(incident: Mapping[str, Any], attempt: Mapping[str, Any]) -> list[dict[str, Any]]:
    said = f"Repair, attempt {attempt['attempt']}\n{sentence(attempt)}"
    if attempt is newest(incident) and for_people(incident):
        said += f"\nNothing more is tried by itself: {incident['label']} ({incident['priority']}) is for people now."
    return [_section(said, _SENTENCE_CHARS), _section(_touched(attempt["blast_radius"]), _LINES_CHARS)]


def _touched(names: list[str]) -> str:
    """All that it touches, as far as there is room."""
    lines = "\n".join(f"• {name}" for name in names[:_MOST_TOUCHED])
    more = f"\n… and {len(names) - _MOST_TOUCHED} more" if len(names) > _MOST_TOUCHED else ""
    return f"What it touches: {len(names)}\n{lines}{more}"


def _section(text: str, limit: int) -> dict[str, Any]:
    return {"type": "section", "text": plain(text, limit)}
