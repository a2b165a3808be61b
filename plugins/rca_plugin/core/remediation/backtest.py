"""What policy would have decided in the past, without acting."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice, takewhile

from rca_plugin.core.category import Category
from rca_plugin.core.incident import Status
from rca_plugin.core.knowledge import Knowledge
from rca_plugin.core.policy import decide
from rca_plugin.core.remediation.case import Case, Load, PastAttempt, Subject
from rca_plugin.core.remediation.decision import Decision, Verdict
from rca_plugin.core.remediation.policy import Policy
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.remediation.record import Hindsight
from rca_plugin.core.remediation.state import RemediationState

# More than any breaker looks at, of all actions together.
_MOST_OF_A_CLASS = 1_000
_DONE = frozenset({Verdict.ASK, Verdict.ACT})


@dataclass(frozen=True)
class PastIncident:
    """An incident that was opened then. Whatever became of it, it is looked at as it was: open.

    proposals: what could have been done; None: one that touches the resource alone, for each action that fits.
    hindsight: what became of it when somebody tried again.
    """

    label: str
    opened_at: datetime
    subject: Subject
    hindsight: Hindsight = Hindsight.NOBODY_TRIED
    proposals: tuple[Proposal, ...] | None = None


@dataclass(frozen=True)
class Replayed:
    """One incident, and what would have been decided about its first repair."""

    incident: PastIncident
    decision: Decision


def backtest(
    policy: Policy, knowledge: Mapping[Category, Knowledge], incidents: Iterable[PastIncident]
) -> tuple[Replayed, ...]:
    """In the order in which they were opened, counted as if whatever policy lets happen had been done at once: each
    approval given, and each repair over when it began, with the end that hindsight knows, else with success.
    """
    history = _History()
    return tuple(
        _replayed(policy, knowledge[incident.subject.category], incident, history)
        for incident in sorted(incidents, key=lambda one: one.opened_at)
    )


@dataclass
class _History:
    """What would have been done so far, the newest first."""

    everywhere: deque[datetime] = field(default_factory=deque)
    on_resource: dict[str, deque[datetime]] = field(default_factory=dict)
    same_category: dict[Category, deque[PastAttempt]] = field(default_factory=dict)

    def add(self, incident: PastIncident, proposal: Proposal) -> None:
        failed = incident.hindsight is Hindsight.FAILED_AGAIN
        state = RemediationState.FAILED if failed else RemediationState.SUCCEEDED
        attempt = PastAttempt(proposal.action, state, incident.opened_at)
        self.everywhere.appendleft(incident.opened_at)
        self.on_resource.setdefault(proposal.resource, deque()).appendleft(incident.opened_at)
        self.same_category.setdefault(incident.subject.category, deque()).appendleft(attempt)

    def load(self, resource: str, since: datetime) -> Load:
        times = self.on_resource.get(resource, deque())
        return Load(0, _until(times, since), times[0] if times else None)


def _replayed(policy: Policy, known: Knowledge, incident: PastIncident, history: _History) -> Replayed:
    proposals = incident.proposals if incident.proposals is not None else _assumed(known, incident.subject)
    decision = decide(policy, known, _case(policy, incident, proposals, history), proposals)
    if decision.verdict in _DONE and decision.proposal:
        history.add(incident, decision.proposal)
    return Replayed(incident, decision)


def _assumed(known: Knowledge, subject: Subject) -> tuple[Proposal, ...]:
    fitting = [action.name for action in known.actions if action.fits(subject.source)]
    return tuple(Proposal(name, subject.resource, {}, (subject.resource,)) for name in fitting)


def _case(policy: Policy, incident: PastIncident, proposals: tuple[Proposal, ...], history: _History) -> Case:
    since = incident.opened_at - policy.window
    same = history.same_category.get(incident.subject.category, ())
    return Case(
        subject=replace(incident.subject, status=Status.OPEN),
        now=incident.opened_at,
        on_resource={one.resource: history.load(one.resource, since) for one in proposals},
        everywhere=Load(0, _until(history.everywhere, since)),
        same_category=tuple(islice(same, _MOST_OF_A_CLASS)),
    )


def _until(times: Iterable[datetime], since: datetime) -> tuple[datetime, ...]:
    return tuple(takewhile(lambda moment: moment > since, times))
