"""What the two buttons do that answer whether to repair. Nothing happens unless the answer was taken."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from rca_plugin.core.incident import incident_label
from rca_plugin.core.slack_click import Click
from rca_plugin.server import approvals, remediations
from rca_plugin.server.auth import Person
from rca_plugin.server.click_outcome import Outcome
from rca_plugin.server.models import Incident, Remediation


def answer(*, approve: bool) -> Callable[[Session, Incident, Person, Click], Outcome]:
    """What one of the buttons does."""

    def answered(session: Session, incident: Incident, person: Person, click: Click) -> Outcome:
        label = incident_label(incident.id)
        try:
            if remediations.find(session, click.remediation_id).incident_id != incident.id:
                raise remediations.UnknownRemediationError(f"there is no repair {click.remediation_id}")
            row = approvals.answer(session, click.remediation_id, person, approve)
        except (
            approvals.ApprovalError,
            approvals.NotApproverError,
            remediations.UnknownRemediationError,
        ) as error:
            return Outcome("refused", f"Nothing was done: {error}.")
        return Outcome("done", _approved(row, label) if approve else f"You rejected the repair of {label}.")

    return answered


def _approved(row: Remediation, label: str) -> str:
    missing = int(row.decision["approvals_needed"]) - len(row.approvals)
    more = " Somebody else has to approve it as well." if missing > 0 else ""
    return f"You approved the repair of {label}.{more}"
