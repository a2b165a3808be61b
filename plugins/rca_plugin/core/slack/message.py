"""An incident as one message of Slack: what it is, how it stands, why, and what to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rca_plugin.core.analysis import GEMINI
from rca_plugin.core.incident import Kind, Status
from rca_plugin.core.slack.buttons import buttons
from rca_plugin.core.slack.repair import repair
from rca_plugin.core.slack.standing import standing
from rca_plugin.core.slack.text import minute, plain, words

# Slack allows 150 characters in a header, 2,000 in a field and 3,000 in a section; a message that is read at a glance
# has fewer. Of all blocks together it refuses some that have 12,000, so that all parts here have less.
_HEADER_CHARS = 150
_FIELD_CHARS = 300
_CAUSE_CHARS = 1_000
_CONTEXT_CHARS = 500
_RECOMMENDATION_CHARS = 600
_TEXT_CHARS = 300
_MOST_RECOMMENDATIONS = 3
_AUTHORS = {GEMINI: "Gemini"}


@dataclass(frozen=True)
class Message:
    """What is posted. `text` is for notifications, and for whoever cannot be shown the blocks."""

    text: str
    blocks: tuple[dict[str, Any], ...]

    @property
    def digest(self) -> str:
        """Another one for another content."""
        content = json.dumps([self.text, self.blocks], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:32]


def message(incident: Mapping[str, Any], url: str | None) -> Message:
    """The message of an incident, as the API shows it. `url` is its page's, None where nobody knows it."""
    title = _title(incident)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": plain(f"{_name(incident)}: {title}", _HEADER_CHARS)},
        {"type": "section", "fields": [plain(field, _FIELD_CHARS) for field in _fields(incident)]},
        *_cause(incident),
        *repair(incident),
        *buttons(incident, url),
    ]
    return Message(words(f"{_name(incident)} {incident['status']}: {title}", _TEXT_CHARS), tuple(blocks))


def author(analysis: Mapping[str, Any]) -> str:
    """Who wrote it."""
    return _AUTHORS.get(analysis["method"], "the knowledge base")


def _name(incident: Mapping[str, Any]) -> str:
    return f"{incident['priority']} {incident['label']}"


def _title(incident: Mapping[str, Any]) -> str:
    # The title of a storm says what it is of, its resource only that again.
    return incident["title"] if _is_storm(incident) else f"{incident['resource']}: {incident['title']}"


def _is_storm(incident: Mapping[str, Any]) -> bool:
    return bool(incident["kind"] == Kind.STORM.value)


def _fields(incident: Mapping[str, Any]) -> list[str]:
    sure = f"{incident['confidence']:.0%} sure"
    what_failed = "Incidents" if _is_storm(incident) else "Failures"
    known = {
        "Status": standing(incident),
        "Priority": f"{incident['priority']} (severity {incident['severity']})",
        "Category": f"{_spaced(incident['category'])}, {sure}",
        "Where": f"{incident['resource']} ({incident['source']}, {incident['environment']})",
        "Owner": incident["owner"],
        "Assigned to": incident["assignee"],
        "Due": _due(incident),
        what_failed: f"{incident['failure_count']}, last {minute(incident['last_failure_at'])}",
    }
    return [f"{name}\n{value}" for name, value in known.items() if value]


def _due(incident: Mapping[str, Any]) -> str | None:
    name = {Status.OPEN.value: "response_due_at", Status.ACKNOWLEDGED.value: "resolve_due_at"}.get(
        incident["status"]
    )
    at = incident[name] if name else None
    return at and f"{'Respond' if name == 'response_due_at' else 'Resolve'} until {minute(at)}"


def _cause(incident: Mapping[str, Any]) -> list[dict[str, Any]]:
    analysis = incident["analysis"]
    if analysis is None:
        why = incident["analysis_problem"] or "it is under way"
        return [_context(f"No root cause yet: {why}")]
    cause = f"Root cause\n{analysis['root_cause']['text']}"
    return [
        {"type": "section", "text": plain(cause, _CAUSE_CHARS)},
        _context(_origin(analysis)),
        *_advice(analysis["recommendations"]),
    ]


def _origin(analysis: Mapping[str, Any]) -> str:
    said = f"Written by {author(analysis)}, {analysis['confidence']:.0%} sure."
    problem = analysis.get("model_problem")
    return f"{said} Gemini did not write it: {problem}" if problem else said


def _advice(recommendations: list[str]) -> list[dict[str, Any]]:
    top = recommendations[:_MOST_RECOMMENDATIONS]
    return [
        {"type": "section", "text": plain(f"{number}. {text}", _RECOMMENDATION_CHARS)}
        for number, text in enumerate(top, 1)
    ]


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [plain(text, _CONTEXT_CHARS)]}


def _spaced(name: str) -> str:
    return name.replace("_", " ")
