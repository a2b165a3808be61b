"""What has to be so for any repair of an incident, whichever it is."""

from __future__ import annotations

from rca_plugin.core.category import NOT_REMEDIABLE
from rca_plugin.core.incident import VISIBLE, Kind
from rca_plugin.core.remediation.candidate import Candidate
from rca_plugin.core.remediation.decision import RuleSaid
from rca_plugin.core.remediation.state import ENDED, RemediationState


def kill_switch(candidate: Candidate) -> RuleSaid:
    """Nobody has switched repairs off."""
    reason = candidate.case.switched_off
    return RuleSaid(
        "kill switch", not reason, f"Repairs are switched off: {reason}" if reason else "Repairs are on."
    )


def incident(candidate: Candidate) -> RuleSaid:
    """There is still something to repair, and it is the incident's own."""
    subject = candidate.case.subject
    if subject.status not in VISIBLE:
        return RuleSaid("incident", False, f"The incident is {subject.status.value}.")
    if subject.suppressed:
        return RuleSaid("incident", False, "The incident is kept quiet.")
    if subject.kind is not Kind.FAILURE:
        return RuleSaid("incident", False, "It stands for other incidents, not for one failure.")
    return RuleSaid("incident", True, f"The incident is {subject.status.value}.")


def category(candidate: Candidate) -> RuleSaid:
    """Repeating can help this kind of failure."""
    subject = candidate.case.subject
    if subject.category in NOT_REMEDIABLE:
        return RuleSaid("category", False, f"{subject.category} is never repaired: repeating cannot help.")
    if subject.rule_remediable is False:
        return RuleSaid(
            "category", False, "The rule that named the category says that repeating cannot help."
        )
    if not candidate.knowledge.actions:
        return RuleSaid("category", False, f"No repair is known for {subject.category}.")
    return RuleSaid("category", True, f"There are repairs for {subject.category}.")


def freeze_window(candidate: Candidate) -> RuleSaid:
    """Nothing is frozen at the moment."""
    freeze = candidate.policy.freeze_at(candidate.case.now, candidate.case.subject)
    why = f"The freeze window {freeze.name!r} holds." if freeze else "No freeze window holds."
    return RuleSaid("freeze window", freeze is None, why)


def other_attempts(candidate: Candidate) -> RuleSaid:
    """Everything that was done before has ended, and everybody knows how."""
    states = {attempt.state for attempt in candidate.case.attempts}
    if states - ENDED:
        return RuleSaid("other attempts", False, "Another repair of this incident has not ended.")
    if RemediationState.UNKNOWN in states:
        return RuleSaid("other attempts", False, "Nobody knows how an earlier repair of this incident ended.")
    return RuleSaid("other attempts", True, "No other repair of this incident is under way.")
