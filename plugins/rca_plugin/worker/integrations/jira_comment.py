"""What a ticket is told when its incident failed again: a comment, at most one an hour, and none of them twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from rca_plugin.core.ticket.description import comment
from rca_plugin.core.ticket.label import marker, told_of
from rca_plugin.worker.integrations.jira_moment import moment
from rca_plugin.worker.integrations.jira_ticket import Ticket
from rca_plugin.worker.recipient import DeliveryError

_PAUSE = timedelta(hours=1)
_MOST_COMMENTS = 100


def tell(ticket: Ticket, incident: Mapping[str, Any]) -> int:
    """Say that it failed again, where that is new. Answers how many failures the ticket tells of by now.

    The comments themselves say what was told: an answer may have been lost. Raises DeliveryError.
    """
    known, count = ticket.record.failures, incident["failure_count"]
    if known is None or count <= known:
        return int(known or count)
    told = list(_told(ticket, incident))
    if told and max(number for number, _ in told) >= count:
        return int(count)
    if told and datetime.now(timezone.utc) - max(at for _, at in told) < _PAUSE:
        return known
    body = {"body": ticket.site.dialect.text(comment(incident, marker(incident)))}
    what = f"a comment on {ticket.key}"
    ticket.site.ask(what, "POST", f"issue/{ticket.key}/comment", body=body, success=(201,))
    return int(count)


def _told(ticket: Ticket, incident: Mapping[str, Any]) -> Iterator[tuple[int, datetime]]:
    params = {"orderBy": "-created", "maxResults": _MOST_COMMENTS}
    what = f"the comments on {ticket.key}"
    answer = ticket.site.ask(what, "GET", f"issue/{ticket.key}/comment", params=params)
    try:
        for said in answer["comments"]:
            number = told_of(ticket.site.dialect.read_text(said.get("body")), incident)
            if number is not None:
                yield number, moment(said["created"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DeliveryError(f"Jira's answer to {what} cannot be read") from None
