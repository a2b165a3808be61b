"""What a ticket is told when a repair has not helped, and nothing more is tried: one comment for each, never two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rca_plugin.core.remediation.sentence import is_escalated, newest
from rca_plugin.core.ticket.label import repair_marker
from rca_plugin.core.ticket.repair import escalation
from rca_plugin.worker.integrations.jira_comment import comments, say
from rca_plugin.worker.integrations.jira_ticket import Ticket


def tell(ticket: Ticket, incident: Mapping[str, Any]) -> int | None:
    """Say that people are needed, where that is new. Answers the repair whose end the ticket tells of by now.

    The comments themselves say what was told: an answer may have been lost. Raises DeliveryError.
    """
    attempt = newest(incident)
    if attempt is None or not is_escalated(attempt) or ticket.record.repair == attempt["id"]:
        return ticket.record.repair
    marker = repair_marker(incident, attempt["id"])
    if not any(text.rstrip().endswith(marker) for text, _ in comments(ticket)):
        say(ticket, escalation(incident, marker))
    return int(attempt["id"])
