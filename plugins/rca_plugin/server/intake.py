"""The one way in: what a source reports becomes rows and incidents, and new incidents are handed off.

Everything of one report is one transaction, shared with the reports that arrive at the same time.
"""

from __future__ import annotations

import logging
from functools import partial

from sqlalchemy.exc import InterfaceError, OperationalError

from rca_plugin.core.failure import Failure, Recovery, Report
from rca_plugin.core.storable import storable
from rca_plugin.server.database import transaction
from rca_plugin.server.group_commit import BusyError, GroupCommit
from rca_plugin.server.masking import redactor
from rca_plugin.server.rca_dag import HandoffError
from rca_plugin.server.receipt import Receipt
from rca_plugin.server.recording import record

__all__ = ["BusyError", "Receipt", "take_in"]

log = logging.getLogger(__name__)

# As many as a transaction of about a second can hold when each of them opens an incident.
_MOST_AT_ONCE = 100
# Airflow serves its pages from the same 40 threads: ours must not stay in them behind a database that hangs.
_PATIENCE_SECONDS = 10.0


def take_in(report: Report) -> list[Receipt]:
    """Store a report; answer when it is committed, one receipt for each failure, then for each recovery.

    When the RCA DAG cannot take a new incident, the incident is kept all the same and says why; the
    housekeeping DAG hands it off later. Raises BusyError when it is not this report's turn in 10 seconds.
    """
    redact = redactor()
    reported: tuple[Failure | Recovery, ...] = (*report.failures, *report.recoveries)
    events = [storable(event, redact) for event in reported]
    return _together.submit(events) if events else []


def _store(events: list[Failure | Recovery]) -> list[Receipt]:
    try:
        return transaction(partial(record, events=events, waits_for=None))
    except HandoffError as error:
        # The failed hand-off may have left that transaction unusable: a second one stores what is certain.
        reason = str(error)
        log.warning("New incidents wait for their analysis: %s", reason)
        return transaction(partial(record, events=events, waits_for=reason))


_together: GroupCommit[Failure | Recovery, Receipt] = GroupCommit(
    _store,
    most=_MOST_AT_ONCE,
    patience=_PATIENCE_SECONDS,
    for_all=(OperationalError, InterfaceError),
)
