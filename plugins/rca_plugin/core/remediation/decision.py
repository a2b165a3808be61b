"""What was decided about a repair, and every rule that spoke for or against it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.remediation.state import Mode, Risk


class Verdict(str, Enum):
    """Nothing wanted, only to be suggested, people to be asked, to be done, or not allowed."""

    OFF = "off"
    SUGGEST = "suggest"
    ASK = "ask"
    ACT = "act"
    REFUSE = "refuse"


#: Rules that refuse nothing when they do not allow it: they say that it is only suggested, or not yet agreed to.
UNDECIDED = frozenset({"mode", "approval"})


@dataclass(frozen=True)
class RuleSaid:
    """What one rule said, and why, in one sentence for people."""

    name: str
    allows: bool
    why: str


@dataclass(frozen=True)
class Decision:
    """What may happen.

    proposal: what it is about; None where there is nothing that could be done.
    attempt: which try of this action it would be, from 1, of at most `attempts`.
    not_before: when it may begin at the earliest, because of the wait before this attempt.
    approvals_needed: how many different people have to agree, 0 to 2. expires: how long they have.
    rules: everything that was looked at, whatever the verdict.
    """

    verdict: Verdict
    proposal: Proposal | None
    mode: Mode
    risk: Risk | None
    attempt: int
    attempts: int
    not_before: datetime | None
    approvals_needed: int
    expires: timedelta
    rules: tuple[RuleSaid, ...]

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why not, whoever agrees; empty where people have only to be asked, or it is only to be suggested."""
        said = [rule for rule in self.rules if not rule.allows]
        return tuple(rule.why for rule in said if rule.name not in UNDECIDED or self._is_off(rule))

    def _is_off(self, rule: RuleSaid) -> bool:
        return rule.name == "mode" and self.mode is Mode.OFF

    def to_json(self) -> dict[str, Any]:
        """A plain dict, ready for `json.dumps`."""
        return {
            "verdict": self.verdict.value,
            "proposal": self.proposal and self.proposal.to_json(),
            "mode": self.mode.value,
            "risk": self.risk and self.risk.value,
            "attempt": self.attempt,
            "attempts": self.attempts,
            "not_before": self.not_before and self.not_before.isoformat(),
            "approvals_needed": self.approvals_needed,
            "expires_seconds": int(self.expires.total_seconds()),
            "rules": [{"name": rule.name, "allows": rule.allows, "why": rule.why} for rule in self.rules],
        }
