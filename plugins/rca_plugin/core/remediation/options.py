"""Which actions are worth looking at for an incident, before anything outside is asked about targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rca_plugin.core.knowledge import Knowledge
from rca_plugin.core.policy import OF_INCIDENT, Guard
from rca_plugin.core.remediation import action_guards
from rca_plugin.core.remediation.candidate import Candidate
from rca_plugin.core.remediation.case import Case
from rca_plugin.core.remediation.policy import Policy
from rca_plugin.core.remediation.proposal import Proposal

# What can be said before the target is known.
_OF_ACTION: tuple[Guard, ...] = (action_guards.action, action_guards.settings, action_guards.attempts)


@dataclass(frozen=True)
class Option:
    """An action that policy may allow, and what it has to know."""

    action: str
    settings: Mapping[str, Any]


def worth_proposing(policy: Policy, knowledge: Knowledge, case: Case) -> tuple[tuple[Option, ...], str]:
    """The actions in the order in which they are tried, or none and why not."""
    said = [guard(Candidate(policy, knowledge, case, None)) for guard in OF_INCIDENT]
    if why := " ".join(rule.why for rule in said if not rule.allows):
        return (), why
    candidates = [_without_target(policy, knowledge, case, action.name) for action in knowledge.actions]
    options = tuple(option for one in candidates if (option := _option(one)))
    return options, "" if options else " ".join(why for one in candidates for why in _refusals(one)[:1])


def _without_target(policy: Policy, knowledge: Knowledge, case: Case, action: str) -> Candidate:
    return Candidate(policy, knowledge, case, Proposal(action, "", {}, ()))


def _option(candidate: Candidate) -> Option | None:
    proposal = candidate.proposal
    if proposal is None or _refusals(candidate):
        return None
    known = candidate.policy.settings_of(proposal.action, candidate.case.subject)
    return Option(proposal.action, known or {})


def _refusals(candidate: Candidate) -> list[str]:
    action = candidate.proposal.action if candidate.proposal else ""
    if candidate.policy.is_off(candidate.case.subject, action):
        return [f"The mode is off for {action}."]
    return [said.why for guard in _OF_ACTION if not (said := guard(candidate)).allows]
