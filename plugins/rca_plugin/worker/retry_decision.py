"""What the retry policy decided about a try, kept on the exception that ended it.

Airflow 3.3 asks the policy first, then runs callbacks and listeners with the same exception, all in one process. It
stores the reason for a retry only, so the report of the try carries it in either case. On the exception it cannot be
taken for the decision about another try.
"""

from __future__ import annotations

from contextlib import suppress

_KEY = "__rca_retry_decision__"


def remember(error: BaseException, decision: str) -> None:
    """Keep a decision for the report of this error. Raises nothing."""
    with suppress(Exception):
        # Not as an attribute: a class may refuse to be assigned to, or turn it into a call.
        error.__dict__[_KEY] = decision


def remembered(error: object) -> str | None:
    """The decision about the try that this error ended, if a policy of ours was asked."""
    try:
        decision = error.__dict__.get(_KEY)
    except Exception:  # a text, nothing at all, or a class that hides its attributes
        return None
    return decision if isinstance(decision, str) else None
