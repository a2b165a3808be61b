"""What a ticket is told when its incident failed again: a comment, at most one an hour, and none of them twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from rca_plugin.core.ticket.block import Block
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
    say(ticket, comment(incident, marker(incident)))
    return int(count)


def say(ticket: Ticket, blocks: Sequence[Block]) -> None:
    """Add a comment. Raises DeliveryError."""
    body = {"body": ticket.site.dialect.text(blocks)}
    ticket.site.ask(
        f"a comment on {ticket.key}", "POST", f"issue/{ticket.key}/comment", body=body, success=(201,)
    )


def _told(ticket: Ticket, incident: Mapping[str, Any]) -> Iterator[tuple[int, datetime]]:
    for text, at in comments(ticket):
        if (number := told_of(text, incident)) is not None:
            yield number, at


def comments(ticket: Ticket) -> Iterator[tuple[str, datetime]]:
    """What was said, the newest first, and when. Raises DeliveryError."""
    params = {"orderBy": "-created", "maxResults": _MOST_COMMENTS}
    what = f"the comments on {ticket.key}"
    answer = ticket.site.ask(what, "GET", f"issue/{ticket.key}/comment", params=params)
    try:
        for said in answer["comments"]:
            yield ticket.site.dialect.read_text(said.get("body")), moment(said["created"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DeliveryError(f"Jira's answer to {what} cannot be read") from None
