"""Whether a repair may happen: the one place that decides. Pure, and every decision says why.

It happens where every rule allows it, and nowhere else. What a model wrote, what it suggests, and what stands in logs,
messages and tickets is not among the things that are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rca_plugin.core.knowledge import Knowledge
from rca_plugin.core.remediation import action_guards, incident_guards, load_guards
from rca_plugin.core.remediation.approval_guard import approval, approvals_needed
from rca_plugin.core.remediation.candidate import Candidate
from rca_plugin.core.remediation.case import Case
from rca_plugin.core.remediation.decision import UNDECIDED, Decision, RuleSaid, Verdict
from rca_plugin.core.remediation.policy import Policy
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.remediation.state import Mode

Guard = Callable[[Candidate], RuleSaid]

#: What is asked about the incident, and then about the action that is proposed for it.
OF_INCIDENT: tuple[Guard, ...] = (
    incident_guards.kill_switch,
    incident_guards.incident,
    incident_guards.category,
    incident_guards.freeze_window,
    incident_guards.other_attempts,
)
OF_ACTION: tuple[Guard, ...] = (
    action_guards.action,
    action_guards.settings,
    action_guards.mode,
    action_guards.attempts,
    action_guards.blast_radius,
    load_guards.cooldown,
    load_guards.resource_limit,
    load_guards.global_limit,
    load_guards.breaker,
    approval,
)


def decide(policy: Policy, knowledge: Knowledge, case: Case, proposals: Sequence[Proposal]) -> Decision:
    """What may happen about an incident, of what could be done.

    `knowledge` is that of the incident's category; raises ValueError for another one. The same function decides when a
    repair is planned and, with that one proposal, when it begins.
    """
    if knowledge.category is not case.subject.category:
        raise ValueError(f"this is what is known of {knowledge.category}, not of {case.subject.category}")
    candidate = Candidate(policy, knowledge, case, _chosen(policy, knowledge, case, proposals))
    rules = _asked(candidate)
    return Decision(
        verdict=_verdict(candidate, rules),
        proposal=candidate.proposal,
        mode=candidate.mode[0],
        risk=candidate.risk,
        attempt=candidate.begun + 1,
        attempts=len(candidate.waits),
        not_before=candidate.not_before,
        approvals_needed=approvals_needed(candidate),
        expires=policy.approval,
        rules=rules,
    )


def _chosen(
    policy: Policy, knowledge: Knowledge, case: Case, proposals: Sequence[Proposal]
) -> Proposal | None:
    """The first that is possible; else the first at all, to say why not."""
    order = [action.name for action in knowledge.actions]
    known = sorted((one for one in proposals if one.action in order), key=lambda one: order.index(one.action))
    candidates = [Candidate(policy, knowledge, case, one) for one in known]
    possible = (one.proposal for one in candidates if one.is_possible)
    return next(possible, next(iter([*known, *proposals]), None))


def _asked(candidate: Candidate) -> tuple[RuleSaid, ...]:
    guards = OF_INCIDENT + (OF_ACTION if candidate.proposal else (action_guards.action, action_guards.mode))
    return tuple(guard(candidate) for guard in guards)


def _verdict(candidate: Candidate, rules: tuple[RuleSaid, ...]) -> Verdict:
    mode = candidate.mode[0]
    if mode is Mode.OFF:
        return Verdict.OFF
    if not all(rule.allows for rule in rules if rule.name not in UNDECIDED):
        return Verdict.REFUSE
    if mode is Mode.SUGGEST:
        return Verdict.SUGGEST
    return Verdict.ACT if all(rule.allows for rule in rules) else Verdict.ASK
