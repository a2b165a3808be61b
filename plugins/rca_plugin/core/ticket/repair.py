"""What a ticket says of repairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rca_plugin.core.exhibit import readable
from rca_plugin.core.remediation.sentence import newest, sentence, touched
from rca_plugin.core.text import head
from rca_plugin.core.ticket.block import Block, Bullets, Heading, Paragraph

_MOST_ATTEMPTS = 6
_MOST_TOUCHED = 20
_CHARS = 1_200


def repairs(incident: Mapping[str, Any]) -> Iterator[Block]:
    """The blocks, with the newest attempt first; none where nothing was ever proposed."""
    attempts = list(incident.get("remediations") or ())[:_MOST_ATTEMPTS]
    if attempts:
        yield Heading("Repair")
        yield Bullets(tuple(f"Attempt {each['attempt']}: {_text(sentence(each))}" for each in attempts))
        yield Paragraph(_touched(attempts[0]))


def escalation(incident: Mapping[str, Any], marker: str) -> tuple[Block, ...]:
    """What is said when a repair did not help, and nothing more is tried; the marker tells ours from others'."""
    attempt = newest(incident) or {}
    said = (
        f"The repair is over, and {incident['label']} ({incident['priority']}) is not: it is for people now."
    )
    return (
        Paragraph(said),
        Paragraph(_text(sentence(attempt))),
        Paragraph(_touched(attempt)),
        Paragraph(marker),
    )


def _touched(attempt: Mapping[str, Any]) -> str:
    return _text(f"It touches {touched(attempt['blast_radius'], _MOST_TOUCHED)}.")


def _text(text: str) -> str:
    return head(readable(text).strip(), _CHARS)
