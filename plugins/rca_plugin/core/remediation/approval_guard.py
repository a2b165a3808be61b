"""Who has to agree, and who has."""

from __future__ import annotations

from collections.abc import Iterator

from rca_plugin.core.analysis import RULES
from rca_plugin.core.remediation.candidate import Candidate
from rca_plugin.core.remediation.decision import RuleSaid
from rca_plugin.core.remediation.state import Mode, Risk

#: Who may say which category it is without anybody having to agree to the repair.
PERSON = "person"
_TRUSTED = frozenset({RULES, PERSON})


def approval(candidate: Candidate) -> RuleSaid:
    """As many people agree as have to."""
    needed, agreed = approvals_needed(candidate), _agreed(candidate)
    if needed == 0:
        return RuleSaid("approval", True, "Nobody has to agree.")
    because = "; ".join(_reasons(candidate))
    names = f" ({', '.join(agreed.values())})" if agreed else ""
    why = f"{len(agreed)} of {needed} have agreed{names}: {because}."
    return RuleSaid("approval", len(agreed) >= needed, why)


def approvals_needed(candidate: Candidate) -> int:
    """How many different people have to agree: 0 to 2."""
    if candidate.policy.needs_four_eyes(candidate.case.subject, candidate.proposal):
        return 2
    return 1 if any(_reasons(candidate)) else 0


def _reasons(candidate: Candidate) -> Iterator[str]:
    if candidate.policy.needs_four_eyes(candidate.case.subject, candidate.proposal):
        yield "two people have to agree here"
    if candidate.mode[0] is Mode.APPROVE:
        yield "the mode is approve"
    if candidate.risk is Risk.HIGH:
        yield "the risk is high"
    if candidate.case.subject.category_by not in _TRUSTED:
        yield "only a model named the category"


def _agreed(candidate: Candidate) -> dict[str, str]:
    """Names by person: whoever agrees twice is one."""
    return {approval.person_id: approval.name for approval in candidate.case.approvals}
