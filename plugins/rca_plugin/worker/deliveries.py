"""Brings an incident to a place outside of Airflow, at most one at a time, and tells the server what came of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rca_plugin.bounded_call import within
from rca_plugin.core.delivery import DeliveryState, Destination
from rca_plugin.worker.client import RcaClient
from rca_plugin.worker.integrations.blob import BlobArchive
from rca_plugin.worker.integrations.jira import Jira
from rca_plugin.worker.integrations.jira_ticket import UNSEEN_SECONDS
from rca_plugin.worker.integrations.slack import Slack
from rca_plugin.worker.masking import redactor
from rca_plugin.worker.recipient import DeliveryError, NotSetUpError, Recipient

#: For one delivery. A place that is well takes a second.
DELIVERY_SECONDS = 30.0
# A ticket that was asked for and never heard of may be there, and be found a little later only.
_STRAY_SECONDS: Mapping[Destination, float] = {Destination.TICKET: UNSEEN_SECONDS}

_RECIPIENTS: Mapping[Destination, Callable[[], Recipient]] = {
    Destination.TICKET: Jira.connect,
    Destination.MESSAGE: Slack.connect,
    Destination.ARCHIVE: BlobArchive.connect,
}


@dataclass(frozen=True)
class Outcome:
    """What came of a try. `state` is None where none was made; `problem` says why it is not delivered."""

    state: DeliveryState | None
    problem: str = ""
    retry_after: float = 0.0
    reference: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As the server keeps it."""
        return {
            "state": self.state.value if self.state else None,
            "problem": self.problem,
            "retry_after": self.retry_after,
            "reference": self.reference,
        }


def deliver(
    client: RcaClient,
    incident_id: int,
    destination: Destination,
    *,
    due_only: bool = False,
    seconds: float = DELIVERY_SECONDS,
) -> Outcome:
    """Try once, for at most about so many seconds: the server says when the next try is.

    Raises ServerError while the server cannot be reached: then the lease ends by itself, and another tries.
    """
    claim = client.claim_delivery(incident_id, destination, due_only=due_only)
    if not claim["granted"]:
        return Outcome(None, claim["reason"])
    outcome = _attempt(client, incident_id, destination, claim["reference"], seconds)
    known = {"lease": claim["lease"], "version": claim["version"]}
    client.record_delivery(incident_id, destination, known | outcome.to_json())
    return outcome


def _connected(destination: Destination) -> Recipient:
    if destination not in _RECIPIENTS:
        raise NotSetUpError(f"this version brings nothing to the {destination.value}")
    return _RECIPIENTS[destination]()


def _attempt(
    client: RcaClient, incident_id: int, destination: Destination, reference: str | None, seconds: float
) -> Outcome:
    try:
        recipient = _connected(destination)
        # After the claim: what changes from now on is a newer version, which is delivered next.
        incident = redactor().tree(client.incident(incident_id))
        deadline = time.monotonic() + seconds
        became = within(seconds, lambda: recipient.deliver(incident, reference, deadline))
        return Outcome(DeliveryState.DELIVERED, reference=became)
    except NotSetUpError as error:
        return Outcome(DeliveryState.OFF, str(error))
    except DeliveryError as error:
        return Outcome(DeliveryState.WAITING, str(error), error.retry_after, error.reference)
    except TimeoutError:
        problem = f"no answer within {math.ceil(seconds)} seconds"
        return Outcome(DeliveryState.WAITING, problem, _STRAY_SECONDS.get(destination, 0.0))
