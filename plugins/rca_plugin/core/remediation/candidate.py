"""One proposal under one policy in one case: what all guards look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from rca_plugin.core.knowledge import Action, Knowledge
from rca_plugin.core.remediation.case import Case, Load, PastAttempt
from rca_plugin.core.remediation.policy import Policy
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.remediation.state import BEGUN, Mode, RemediationState, Risk

#: The waits, in seconds, before each attempt that a risk allows; a category may allow fewer, after longer waits.
WAITS: Mapping[Risk, tuple[int, ...]] = {Risk.LOW: (30, 60, 120), Risk.MEDIUM: (60, 180), Risk.HIGH: (180,)}
_SAID_NO = frozenset({RemediationState.REJECTED, RemediationState.EXPIRED})


@dataclass(frozen=True)
class Candidate:
    """A proposal, None where there is none, and all that a decision about it depends on."""

    policy: Policy
    knowledge: Knowledge
    case: Case
    proposal: Proposal | None

    @cached_property
    def action(self) -> Action | None:
        """What the knowledge base says about the action; None where it does not allow it here."""
        name, source = self.proposal and self.proposal.action, self.case.subject.source
        return next((one for one in self.knowledge.actions if one.name == name and one.fits(source)), None)

    @cached_property
    def mode(self) -> tuple[Mode, str]:
        """The mode, and the place in the file that says so."""
        return self.policy.mode_of(self.case.subject, self.proposal)

    @property
    def risk(self) -> Risk | None:
        """What the action can do wrong; None where there is none."""
        return self.policy.risk_of(self.proposal.action) if self.proposal else None

    @cached_property
    def waits(self) -> tuple[timedelta, ...]:
        """The wait before each attempt there may be: the longer one of what the category and the risk say."""
        if self.action is None or self.risk is None:
            return ()
        pairs = zip(self.action.backoff[: self.action.attempts], WAITS[self.risk], strict=False)
        return tuple(timedelta(seconds=max(pair)) for pair in pairs)

    @cached_property
    def tried(self) -> tuple[PastAttempt, ...]:
        """The attempts with this action for this incident, the newest first."""
        name = self.proposal and self.proposal.action
        return tuple(attempt for attempt in self.case.attempts if attempt.action == name)

    @property
    def begun(self) -> int:
        """How many of them have done something."""
        return sum(attempt.state in BEGUN for attempt in self.tried)

    @property
    def said_no(self) -> bool:
        """Whether somebody was asked for this action and did not agree."""
        return any(attempt.state in _SAID_NO for attempt in self.tried)

    @property
    def has_attempts_left(self) -> bool:
        """Whether it may be tried once more."""
        return self.begun < len(self.waits) and not self.said_no

    @property
    def has_settings(self) -> bool:
        """Whether the action has been told all that it needs to know."""
        return self.proposal is not None and (
            self.policy.settings_of(self.proposal.action, self.case.subject) is not None
        )

    @property
    def is_possible(self) -> bool:
        """Whether it is worth asking the guards about at all."""
        return self.has_settings and self.has_attempts_left and self.mode[0] is not Mode.OFF

    @property
    def not_before(self) -> datetime | None:
        """When the next attempt may begin: so long after the one before has ended, and after now for the first."""
        if self.begun >= len(self.waits):
            return None
        ended = [one.ended_at for one in self.case.attempts if one.state in BEGUN and one.ended_at]
        return max(self.case.now, max(ended, default=self.case.now) + self.waits[self.begun])

    @property
    def load(self) -> Load:
        """What repairs do to the same resource."""
        return (self.proposal and self.case.on_resource.get(self.proposal.resource)) or Load()
