"""Where a message of Slack is: its channel, and its time stamp, which names it there."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PERMALINK = re.compile(r"https?://[^/\s]+/archives/([A-Z0-9]{2,30})/p([0-9]{10})([0-9]{6})(?:\?.*)?")


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
