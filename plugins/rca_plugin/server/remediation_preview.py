"""What would be decided about a repair now. Nothing is done by it, and nothing kept."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy.orm import Session

from rca_plugin.core.category import Category
from rca_plugin.core.policy import decide
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.server import approval_answers, remediation_switch, remediations
from rca_plugin.server.models import Incident, Remediation
from rca_plugin.server.remediation_case import case_of
from rca_plugin.server.remediation_plan import plan
from rca_plugin.server.remediation_rules import knowledge, policy


def preview(session: Session, incident: Incident) -> dict[str, Any]:
    """The decision, as JSON: about the repair that is planned, as when it begins; else about one that could be.

    What can be repaired outside of Airflow is what was found there last. The transaction is to be given up.
    Raises ConfigError where nobody knows what is laid down about repairs.
    """
    planned = remediations.unfinished(session, incident.id)
    if planned is not None:
        return _at_begin(session, incident, planned)
    newest = next(iter(remediations.of_incident(session, incident.id)), None)
    known = [Proposal.from_json(one) for one in newest.proposals] if newest else []
    return plan(session, incident.id, known, dry_run=True).decision


def _at_begin(session: Session, incident: Incident, row: Remediation) -> dict[str, Any]:
    proposal, rules = remediations.proposal_of(row), policy()
    case = case_of(
        session, incident, [proposal], rules.window, datetime.now(timezone.utc),
        switched_off=remediation_switch.why_off(remediation_switch.read(session)),
        approvals=approval_answers.approvals(session, row), without=row.id,
    )  # fmt: skip
    return decide(rules, knowledge()[Category(incident.category)], case, [proposal]).to_json()
