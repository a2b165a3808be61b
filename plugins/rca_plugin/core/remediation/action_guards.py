"""What has to be so for one action on one target."""

from __future__ import annotations

from rca_plugin.core.remediation.candidate import Candidate
from rca_plugin.core.remediation.decision import RuleSaid
from rca_plugin.core.remediation.state import Mode

_MODES = {
    Mode.OFF: "nothing is done",
    Mode.SUGGEST: "it is only suggested",
    Mode.APPROVE: "it is done when somebody agrees",
    Mode.AUTO: "it is done without asking",
}


def action(candidate: Candidate) -> RuleSaid:
    """There is something to do, and the category allows it."""
    subject, proposal = candidate.case.subject, candidate.proposal
    if proposal is None:
        return RuleSaid("action", False, "There is nothing that could be done.")
    allowed = candidate.action is not None
    answer = "a repair" if allowed else "no repair"
    return RuleSaid(
        "action", allowed, f"{proposal.action} is {answer} for {subject.category} of {subject.source}."
    )


def settings(candidate: Candidate) -> RuleSaid:
    """Whatever the action needs to know has been set."""
    name = candidate.proposal.action if candidate.proposal else ""
    known = candidate.has_settings
    why = "It has all settings that it needs." if known else f"Nobody has set what {name} needs to know."
    return RuleSaid("settings", known, why)


def mode(candidate: Candidate) -> RuleSaid:
    """The mode lets it happen."""
    found, place = candidate.mode
    return RuleSaid(
        "mode", found in (Mode.APPROVE, Mode.AUTO), f"The mode is {found}: {_MODES[found]} ({place})."
    )


def attempts(candidate: Candidate) -> RuleSaid:
    """It has not been tried too often."""
    most, begun = len(candidate.waits), candidate.begun
    if candidate.said_no:
        return RuleSaid("attempts", False, "Somebody was asked for this action, and did not agree.")
    if begun >= most:
        used = "The only attempt" if most == 1 else f"All {most} attempts"
        be = "is" if most == 1 else "are"
        return RuleSaid("attempts", False, f"{used} of {candidate.risk} risk {be} used up.")
    return RuleSaid("attempts", True, f"It is attempt {begun + 1} of {most} of {candidate.risk} risk.")


def blast_radius(candidate: Candidate) -> RuleSaid:
    """It touches few enough things."""
    touched = len(candidate.proposal.blast_radius) if candidate.proposal else 0
    most = candidate.policy.blast_radius
    return RuleSaid("blast radius", 0 < touched <= most, f"It touches {touched}; at most {most} are allowed.")
