"""The life of one attempt to repair, and the words for how far repairs may go."""

from __future__ import annotations

from enum import Enum


class RemediationState(str, Enum):
    """suggested, or waiting → ready → running → how it ended. An attempt that has ended stays as it is."""

    SUGGESTED = "suggested"
    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REFUSED = "refused"
    CANCELED = "canceled"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value


class Mode(str, Enum):
    """How far repairs may go, from not at all to without asking."""

    OFF = "off"
    SUGGEST = "suggest"
    APPROVE = "approve"
    AUTO = "auto"

    def __str__(self) -> str:
        return self.value


class Risk(str, Enum):
    """What an action can do wrong. A high one is asked about always."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    def __str__(self) -> str:
        return self.value


_S = RemediationState
_NOT_BEGUN = frozenset({_S.REJECTED, _S.EXPIRED, _S.REFUSED, _S.CANCELED})
_BEGUN = frozenset({_S.SUCCEEDED, _S.FAILED, _S.UNKNOWN})

#: Every change of state there is. An approval is seen when the attempt begins, so it may go from waiting to running.
TRANSITIONS: dict[RemediationState, frozenset[RemediationState]] = {
    _S.SUGGESTED: frozenset(),
    _S.WAITING: frozenset({_S.READY, _S.RUNNING}) | _NOT_BEGUN,
    _S.READY: frozenset({_S.RUNNING}) | _NOT_BEGUN,
    _S.RUNNING: _BEGUN,
    **dict.fromkeys(_BEGUN | _NOT_BEGUN, frozenset()),
}

#: Nothing follows these.
ENDED: frozenset[RemediationState] = frozenset(state for state, then in TRANSITIONS.items() if not then)
#: Something has been done outside: these use up an attempt.
BEGUN: frozenset[RemediationState] = _BEGUN | {_S.RUNNING}


def may_become(now: RemediationState, then: RemediationState) -> bool:
    """Whether an attempt may go from one state to another."""
    return then in TRANSITIONS[now]
