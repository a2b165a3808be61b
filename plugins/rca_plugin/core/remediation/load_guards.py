"""How often repairs may happen: what is repaired again and again, or in masses, needs a person."""

from __future__ import annotations

from datetime import datetime, timedelta

from rca_plugin.core.duration import in_words
from rca_plugin.core.remediation.candidate import Candidate
from rca_plugin.core.remediation.case import Load, PastAttempt
from rca_plugin.core.remediation.decision import RuleSaid
from rca_plugin.core.remediation.policy import Limit
from rca_plugin.core.remediation.state import RemediationState

_FAILED = frozenset({RemediationState.FAILED, RemediationState.UNKNOWN})
_TRIED = _FAILED | {RemediationState.SUCCEEDED}


def cooldown(candidate: Candidate) -> RuleSaid:
    """The resource has been left alone for long enough."""
    since, wait = candidate.load.cooling_since, candidate.policy.cooldown
    passed = since is None or candidate.case.now >= since + wait
    why = "was not repaired" if passed else "was repaired"
    return RuleSaid("cooldown", passed, f"The resource {why} in the last {in_words(wait)}.")


def resource_limit(candidate: Candidate) -> RuleSaid:
    """Few enough repairs of the resource."""
    return _limit(candidate, "limit of the resource", candidate.load, candidate.policy.per_resource)


def global_limit(candidate: Candidate) -> RuleSaid:
    """Few enough repairs everywhere."""
    return _limit(candidate, "limit everywhere", candidate.case.everywhere, candidate.policy.everywhere)


def _limit(candidate: Candidate, name: str, load: Load, limit: Limit) -> RuleSaid:
    window, now = candidate.policy.window, candidate.case.now
    started = sum(moment > now - window for moment in load.started)
    why = (
        f"{load.running} of {limit.running} repairs run; "
        f"{started} of {limit.started} began in the last {in_words(window)}."
    )
    return RuleSaid(name, load.running < limit.running and started < limit.started, why)


def breaker(candidate: Candidate) -> RuleSaid:
    """Repairs of this class (category and action) have not failed too often in a row."""
    name = candidate.proposal and candidate.proposal.action
    same = [one for one in candidate.case.same_category if one.action == name]
    newest = [one for one in same if one.state in _TRIED][: candidate.policy.breaker.failures]
    if len(newest) < candidate.policy.breaker.failures or not all(map(_failed, newest)):
        return RuleSaid("breaker", True, "The breaker is closed.")
    return _open(candidate, newest, any(one.state is RemediationState.RUNNING for one in same))


def _failed(attempt: PastAttempt) -> bool:
    # What works only until the next failure hides the fault.
    return attempt.state in _FAILED or attempt.failed_again


def _open(candidate: Candidate, newest: list[PastAttempt], one_runs: bool) -> RuleSaid:
    ended = _latest(newest)
    left = ended + candidate.policy.breaker.rest - candidate.case.now if ended else timedelta(0)
    failed = f"The last {len(newest)} such repairs failed"
    if left > timedelta(0):
        return RuleSaid("breaker", False, f"{failed}: the breaker is open for another {in_words(left)}.")
    if one_runs:
        return RuleSaid("breaker", False, f"{failed}: the breaker waits for the one that is tried now.")
    return RuleSaid("breaker", True, f"{failed}: the breaker lets one be tried.")


def _latest(attempts: list[PastAttempt]) -> datetime | None:
    return max((one.ended_at for one in attempts if one.ended_at), default=None)
