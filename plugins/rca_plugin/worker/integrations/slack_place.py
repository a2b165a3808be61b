"""Where a message of Slack is: its channel, and its time stamp, which names it there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rca_plugin.worker.recipient import DeliveryError

_PERMALINK = re.compile(r"https?://[^/\s]+/archives/([A-Z0-9]{2,30})/p([0-9]{10})([0-9]{6})(?:\?.*)?")
_CHANNEL = re.compile(r"[CG][A-Z0-9]{7,29}")


@dataclass(frozen=True)
class Place:
    """One message."""

    channel: str
    ts: str

    @classmethod
    def of(cls, permalink: str | None) -> Place | None:
        """Read it out of a permalink; None for what is none."""
        found = _PERMALINK.fullmatch(permalink or "")
        return cls(found[1], f"{found[2]}.{found[3]}") if found else None


def channel_id(channel: str) -> str:
    """The id of a channel as a route names it. Raises DeliveryError for a name: Slack finds no messages by it."""
    if not _CHANNEL.fullmatch(channel):
        raise DeliveryError(
            f"the routing file says channel {channel!r}: write its id, such as C0123456789, which Slack shows "
            "at the end of the channel's details"
        )
    return channel
