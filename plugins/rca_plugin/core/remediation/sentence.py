"""How an attempt to repair stands, in one sentence: for the page, Slack and Jira alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rca_plugin.core.remediation.action_words import ACTION_WORDS
from rca_plugin.core.remediation.state import ENDED, RemediationState
from rca_plugin.core.text import head

_OUTCOME_CHARS = 400
_MOST_REASONS = 3
#: Rules that do not stop a repair: somebody may still agree, or do by hand what is only suggested.
PENDING = frozenset({"mode", "approval"})


def sentence(attempt: Mapping[str, Any]) -> str:
    """The state of an attempt, as the API shows it, with what is to be known of it then."""
    return _SAID[RemediationState(attempt["state"])](attempt)


def timeless(attempt: Mapping[str, Any]) -> str:
    """The same sentence for where the times stand beside it, in the zone of whoever reads it."""
    return sentence(
        {**attempt, "expires_at": None, "not_before": None, "started_at": None, "intent_at": None}
    )


def newest(incident: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The attempt that tells how the incident stands; None where none was made."""
    return next(iter(incident.get("remediations") or ()), None)


def is_over(attempt: Mapping[str, Any]) -> bool:
    """Whether nothing follows any more."""
    return RemediationState(attempt["state"]) in ENDED


def is_escalated(attempt: Mapping[str, Any]) -> bool:
    """Whether people were called when it had ended."""
    return attempt.get("followed_by") == "escalated"


def touched(names: Sequence[str], most: int) -> str:
    """What a repair touches: how many, and the first of them by name."""
    # Names have commas of their own.
    shown = "; ".join(names[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{len(names)}: {shown}{more}" if names else "nothing"


def action_words(action: str) -> str:
    """What it does; of an action that there is no more, its name."""
    return ACTION_WORDS.get(action) or action.replace("_", " ")


def refusals(rules: Iterable[Mapping[str, Any]]) -> str:
    """What stops a repair for good, in one line: that somebody has still to agree does not."""
    stops = [
        str(rule["why"]).rstrip(".") for rule in rules if not rule["allows"] and rule["name"] not in PENDING
    ]
    more = f"; and {len(stops) - _MOST_REASONS} more" if len(stops) > _MOST_REASONS else ""
    return "; ".join(stops[:_MOST_REASONS]) + more


def approvers(attempt: Mapping[str, Any]) -> str:
    """Who agreed, by name; empty where nobody did."""
    return " and ".join(str(each["name"]) for each in attempt.get("approvals") or ())


def _suggested(attempt: Mapping[str, Any]) -> str:
    return f"Suggested: {_what(attempt)}. In this mode nobody is asked, and nothing is done."


def is_asked(attempt: Mapping[str, Any]) -> bool:
    """Whether somebody has still to answer."""
    return attempt["state"] == RemediationState.WAITING.value and _missing(attempt) > 0


def _missing(attempt: Mapping[str, Any]) -> int:
    return int(attempt.get("approvals_needed") or 1) - len(attempt.get("approvals") or ())


def _waiting(attempt: Mapping[str, Any]) -> str:
    if not is_asked(attempt):
        return _ready(attempt)
    names, until = approvers(attempt), attempt.get("expires_at")
    wanted = "two approvals" if _missing(attempt) > 1 else "one more approval" if names else "an approval"
    given = f" ({names} approved)" if names else ""
    return f"Waiting for {wanted}{given}{f' until {_minute(until)}' if until else ''}: {_what(attempt)}."


def _ready(attempt: Mapping[str, Any]) -> str:
    when = attempt.get("not_before")
    return f"About to {_what(attempt)}{f', not before {_minute(when)}' if when else ''}{_by(attempt)}."


def _running(attempt: Mapping[str, Any]) -> str:
    since = attempt.get("started_at") or attempt.get("intent_at")
    return f"Under way{f' since {_minute(since)}' if since else ''}: {_what(attempt)}{_by(attempt)}."


def _succeeded(attempt: Mapping[str, Any]) -> str:
    return f"It worked: {_what(attempt)}{_by(attempt)}.{_outcome(attempt)}"


def _failed(attempt: Mapping[str, Any]) -> str:
    return f"It did not help: {_what(attempt)}{_by(attempt)}.{_outcome(attempt)}"


def _rejected(attempt: Mapping[str, Any]) -> str:
    return f"Rejected: {_what(attempt)}.{_outcome(attempt)}"


def _expired(attempt: Mapping[str, Any]) -> str:
    return f"Nobody approved in time, so nothing was done: {_what(attempt)}.{_outcome(attempt)}"


def _refused(attempt: Mapping[str, Any]) -> str:
    return f"Stopped before it began: {_what(attempt)}.{_outcome(attempt) or _why_not(attempt.get('rules') or ())}"


def _canceled(attempt: Mapping[str, Any]) -> str:
    return f"Canceled before it began: {_what(attempt)}.{_outcome(attempt)}"


def _unknown(attempt: Mapping[str, Any]) -> str:
    return f"Nobody knows what came of it, look there yourself: {_what(attempt)}{_by(attempt)}.{_outcome(attempt)}"


def _what(attempt: Mapping[str, Any]) -> str:
    resource = attempt.get("resource")
    return action_words(str(attempt["action"])) + (f" ({resource})" if resource else "")


def _by(attempt: Mapping[str, Any]) -> str:
    names = approvers(attempt)
    return f", approved by {names}" if names else ""


def _outcome(attempt: Mapping[str, Any]) -> str:
    said = str(attempt.get("outcome") or "").strip()
    # Where nothing more is known than how it ended, the sentence says that already.
    return "" if said in ("", attempt["state"]) else f" {_ended(_capital(head(said, _OUTCOME_CHARS)))}"


def _why_not(rules: Iterable[Mapping[str, Any]]) -> str:
    why = refusals(rules)
    return f" {_ended(_capital(why))}" if why else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _ended(text: str) -> str:
    return text if text[-1:] in ".!?…" else f"{text}."


def _minute(at: Any) -> str:
    """To the minute, in UTC, of a moment or of how the API writes it."""
    return f"{str(at)[:16].replace('T', ' ')} UTC"


_SAID: Mapping[RemediationState, Callable[[Mapping[str, Any]], str]] = {
    RemediationState.SUGGESTED: _suggested,
    RemediationState.WAITING: _waiting,
    RemediationState.READY: _ready,
    RemediationState.RUNNING: _running,
    RemediationState.SUCCEEDED: _succeeded,
    RemediationState.FAILED: _failed,
    RemediationState.REJECTED: _rejected,
    RemediationState.EXPIRED: _expired,
    RemediationState.REFUSED: _refused,
    RemediationState.CANCELED: _canceled,
    RemediationState.UNKNOWN: _unknown,
}
