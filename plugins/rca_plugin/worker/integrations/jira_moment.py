"""A moment, as Jira writes it."""

from __future__ import annotations

from datetime import datetime


def moment(written: str) -> datetime:
    """Jira writes 2026-11-25T18:00:00.000+0000, which Python 3.10 does not read. Raises ValueError."""
    return datetime.strptime(written, "%Y-%m-%dT%H:%M:%S.%f%z")
