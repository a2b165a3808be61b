"""What happened in a day to the incidents of a channel, as one message of Slack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from rca_plugin.core.duration import in_words
from rca_plugin.core.incident import Kind
from rca_plugin.core.slack.message import Message
from rca_plugin.core.slack.text import beginning, minute, plain, words

# Four lists of ten lines stay below what Slack takes in a section (3,000), and in all blocks together (12,000).
_LINE_CHARS = 200
_SECTION_CHARS = 2_400
_TITLE_CHARS = 90
_HEADER_CHARS = 150
_TEXT_CHARS = 300


def digest(told: Mapping[str, Any]) -> Message:
    """The message of a digest, as the API has it. What there is none of is not in it."""
    counts = ", ".join(
        f"{told[name]['count']} {said}" for name, (said, _, _) in _LISTS.items() if told[name]["count"]
    )
    title = f"Digest of {told['day']}, {told['environment']}"
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": plain(title, _HEADER_CHARS)},
        {
            "type": "context",
            "elements": [plain(f"{counts}. Since {minute(told['begins_at'])}.", _TEXT_CHARS)],
        },
        *(
            {"type": "section", "text": plain(_list(heading, told[name], line), _SECTION_CHARS)}
            for name, (_, heading, line) in _LISTS.items()
            if told[name]["count"]
        ),
    ]
    return Message(words(f"{title} - {counts}", _TEXT_CHARS), tuple(blocks))


def _list(heading: str, found: Mapping[str, Any], line: Callable[[Mapping[str, Any]], str]) -> str:
    lines = [beginning(f"• {_one_line(line(incident))}", _LINE_CHARS) for incident in found["first"]]
    more = found["count"] - len(lines)
    return "\n".join([heading, *lines, *([f"… and {more} more"] if more > 0 else [])])


def _open(incident: Mapping[str, Any]) -> str:
    whose = f", {incident['assignee']} is at it" if incident["assignee"] else ""
    return f"{_name(incident)}, {incident['status']} for {_span(incident['minutes'])}{whose}"


def _overdue(incident: Mapping[str, Any]) -> str:
    return f"{_name(incident)}: nobody has {incident['missed']} it, {_span(incident['minutes'])} too late"


def _resolved(incident: Mapping[str, Any]) -> str:
    return f"{_name(incident)}, after {_span(incident['minutes'])}: {incident['how'] or 'nobody said how'}"


def _recurring(incident: Mapping[str, Any]) -> str:
    return f"{_name(incident)}, {incident['times']} failures"


#: By their name: what is counted, the heading, and what is said of each.
_LISTS: Mapping[str, tuple[str, str, Callable[[Mapping[str, Any]], str]]] = {
    "overdue": ("past their due time", "Past their due time", _overdue),
    "open": ("open", "Open", _open),
    "resolved": ("resolved", "Resolved", _resolved),
    "recurring": ("that recur", "Recur most", _recurring),
}


def _name(incident: Mapping[str, Any]) -> str:
    what = incident["title"] if incident["kind"] == Kind.STORM.value else incident["resource"]
    # Of a long name, what comes after it is not lost.
    return f"{incident['priority']} {incident['label']} {beginning(what, _TITLE_CHARS)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _span(minutes: int) -> str:
    return in_words(timedelta(minutes=minutes))
