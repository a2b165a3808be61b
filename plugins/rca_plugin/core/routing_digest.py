"""The part of the routing file that says which channels get a digest a day, and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rca_plugin.core.digest import Digest
from rca_plugin.core.time_zone import zone
from rca_plugin.core.yaml_value import channel_id, check_entry, text, wrong

_KEYS = ("channel", "at", "time_zone")
_MOST = 50


def digests_of(file: Path, entries: Iterable[tuple[int, Any]]) -> Iterator[Digest]:
    """The digests, of which a channel has one. Raises RuleError."""
    channels: set[str] = set()
    for line, entry in entries:
        check_entry(file, line, entry, _KEYS, "channel")
        digest = Digest(channel_id(file, entry), _time(file, entry), _zone(file, entry))
        if digest.channel in channels or len(channels) == _MOST:
            problem = f"there is one digest for a channel, and for {_MOST} at most; remove this one"
            raise wrong(file, entry, "channel", problem)
        channels.add(digest.channel)
        yield digest


def _time(file: Path, entry: Mapping[str, Any]) -> time:
    said = entry.get("at")
    try:
        # In YAML 1.1, 10:30 without quotes is a number: ten times sixty, and thirty.
        hours, minutes = (f"{said // 60}:{said % 60:02}" if type(said) is int else str(said)).split(":")
        return time(int(hours), int(minutes))
    except ValueError:
        raise wrong(file, entry, "at", f'at is {said!r:.60}; write a time of day, such as "09:00"') from None


def _zone(file: Path, entry: Mapping[str, Any]) -> ZoneInfo:
    name = text(file, entry, "time_zone")
    try:
        return zone(name)
    except ValueError as error:
        raise wrong(file, entry, "time_zone", str(error)) from None
