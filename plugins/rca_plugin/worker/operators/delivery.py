"""The steps that bring incidents to places outside of Airflow. None of them fails because such a place is down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from rca_plugin.core.delivery import DeliveryState, Destination
from rca_plugin.core.incident import incident_label
from rca_plugin.worker.client import RcaClient
from rca_plugin.worker.deliveries import deliver
from rca_plugin.worker.operators.incident import IncidentOperator

_ROUND_SECONDS = 45.0
# Housekeeping has others to serve: one that hangs does not take the time of all.
_ONE_SECONDS = 15.0
_LEAST_SECONDS = 1.0


class DeliverOperator(IncidentOperator):
    """Bring the incident to one place.

    Skipped where there is none, and where it has all of it already. When it takes nothing now, the incident says so,
    and housekeeping tries again.
    """

    destination: Destination
    nothing: str

    def execute(self, context: Context) -> str | None:
        """Answer the URL of what it became there, None while it waits."""
        outcome = deliver(self._client, int(self.incident_id), self.destination)
        if outcome.state in (None, DeliveryState.OFF):
            raise AirflowSkipException(f"{self.nothing}: {outcome.problem}")
        if outcome.state is DeliveryState.WAITING:
            self.log.warning("Not there yet, it will be tried again: %s", outcome.problem)
            return None
        self.log.info("It is there: %s", outcome.reference)
        return outcome.reference


class ArchiveOperator(DeliverOperator):
    """Write the failures, the evidence and the analysis into the archive."""

    destination = Destination.ARCHIVE
    nothing = "Nothing is archived"


class OpenTicketOperator(DeliverOperator):
    """Open the ticket of the incident in the project that its route names, or bring it up to date."""

    destination = Destination.TICKET
    nothing = "There is no ticket"


class NotifyOperator(DeliverOperator):
    """Tell of the incident in the channel that its route names."""

    destination = Destination.MESSAGE
    nothing = "Nobody is told"


class DeliverDueOperator(BaseOperator):
    """Deliver what could not be delivered before, the oldest first; what there is no time for is left for next time."""

    def execute(self, context: Context) -> dict[str, int]:
        """Answer how many were delivered, wait on, have nowhere to go, and were left to somebody else."""
        deadline = time.monotonic() + _ROUND_SECONDS
        counts = {"delivered": 0, "waiting": 0, "off": 0, "left": 0}
        with RcaClient(subject=self.task_id, timeout=_ONE_SECONDS) as client:
            for due in _each_due(client, deadline):
                counts[self._deliver(client, due, deadline - time.monotonic())] += 1
        self.log.info("%(delivered)d delivered, %(waiting)d still wait", counts)
        return counts

    def _deliver(self, client: RcaClient, due: dict[str, Any], seconds_left: float) -> str:
        name = f"{incident_label(due['incident_id'])} to the {due['destination']}"
        seconds = min(_ONE_SECONDS, seconds_left)
        try:
            destination = Destination(due["destination"])
            outcome = deliver(client, due["incident_id"], destination, due_only=True, seconds=seconds)
        except Exception as error:  # whatever it is: the others are delivered
            self.log.warning("%s: %s: %s", name, type(error).__name__, error)
            return "waiting"
        self.log.info("%s: %s", name, outcome.problem or outcome.reference)
        return outcome.state.value if outcome.state else "left"


def _each_due(client: RcaClient, deadline: float) -> Iterator[dict[str, Any]]:
    """Each once, as long as there is time: the server names the first fifty."""
    seen: set[tuple[int, str]] = set()
    while True:
        due = [one for one in client.due_deliveries() if (one["incident_id"], one["destination"]) not in seen]
        for one in due:
            if time.monotonic() + _LEAST_SECONDS >= deadline:
                return
            seen.add((one["incident_id"], one["destination"]))
            yield one
        if not due:
            return
