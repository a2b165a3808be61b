"""The life of a call of a model, what it is for, and where it is made."""

from __future__ import annotations

from enum import Enum

#: The pool of Airflow that bounds how many analyses run at once, and so how many calls.
ANALYSIS_POOL = "rca_analysis"


class Purpose(str, Enum):
    """An analysis asks on its own; a replay is asked for by a person."""

    ANALYSIS = "analysis"
    REPLAY = "replay"


class CallState(str, Enum):
    """Running until its outcome is known. A reused answer was never asked for; one not sent costs nothing."""

    RUNNING = "running"
    ANSWERED = "answered"
    REUSED = "reused"
    FAILED = "failed"
    NOT_SENT = "not_sent"
