"""Whether who sent something knows a secret that we share.

All checks look at each secret in turn, the last one too, and take as long for a wrong credential as for a right
one. They are pure: the time is passed in, in seconds since the epoch.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

# A signed request is believed this long before and after the time it says it was made at.
REPLAY_WINDOW_SECONDS = 300
_LONGEST_TIMESTAMP = 12


def is_one_of(secrets: Iterable[str], given: str) -> bool:
    """Whether `given` is one of our secrets."""
    return _any_equal(secrets, given)


def sign(secret: str, body: bytes, timestamp: int) -> str:
    """What goes into X-RCA-Signature beside this X-RCA-Timestamp."""
    return f"sha256={_hmac(secret, f'{timestamp}.'.encode() + body)}"


def is_signed(secrets: Iterable[str], body: bytes, signature: str, timestamp: str, now: float) -> bool:
    """Whether `sign` made this signature with one of our secrets, within the replay window."""
    if not _is_recent(timestamp, now):
        return False
    return _any_equal([sign(secret, body, int(timestamp)) for secret in secrets], signature)


def is_signed_by_jira(secrets: Iterable[str], body: bytes, signature: str) -> bool:
    """Whether X-Hub-Signature is Jira's for this body. Jira sends no time, so an old request passes too."""
    return _any_equal([f"sha256={_hmac(secret, body)}" for secret in secrets], signature)


def is_signed_by_slack(
    secrets: Iterable[str], body: bytes, signature: str, timestamp: str, now: float
) -> bool:
    """Whether X-Slack-Signature is Slack's for this body and X-Slack-Request-Timestamp."""
    if not _is_recent(timestamp, now):
        return False
    message = f"v0:{timestamp}:".encode() + body
    return _any_equal([f"v0={_hmac(secret, message)}" for secret in secrets], signature)


def _hmac(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def _any_equal(ours: Iterable[str], given: str) -> bool:
    found = False
    for one in ours:
        # Not any(), which would stop at the first match and so tell how far it came.
        found |= hmac.compare_digest(one.encode(), given.encode("utf-8", "replace"))
    return found


def _is_recent(timestamp: str, now: float) -> bool:
    # isdigit() alone is true for digits of other scripts, and int() would take signs and underscores.
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _LONGEST_TIMESTAMP):
        return False
    return abs(now - int(timestamp)) <= REPLAY_WINDOW_SECONDS
