"""The freeze windows in the file about repairs, with the fields that silences have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

from rca_plugin.core.recurrence import Recurrence
from rca_plugin.core.remediation.condition import FACTS, condition
from rca_plugin.core.remediation.policy import Freeze
from rca_plugin.core.silence import Schedule
from rca_plugin.core.time_zone import instant, zone
from rca_plugin.core.yaml_file import RuleError
from rca_plugin.core.yaml_value import check_keys, count, text, wrong

_KEYS = ("name", "when", "time_zone", "starts_at", "ends_at", "recurrence", "duration_minutes")
# One that comes back has held always, unless it says since when.
_ALWAYS = datetime(2000, 1, 1, tzinfo=timezone.utc)


def freeze(file: Path, line: int, entry: Any) -> Freeze:
    """One freeze window: from one moment to another, or at each time of a cron expression. Raises RuleError."""
    if not isinstance(entry, dict) or not {"name", "time_zone"} <= entry.keys():
        raise RuleError(f"{file.name}:{line}: this is no freeze window; write `name`, `time_zone` and times")
    check_keys(file, entry, _KEYS)
    if "recurrence" not in entry and not {"starts_at", "ends_at"} <= entry.keys():
        raise RuleError(
            f"{file.name}:{line}: this freeze window has no times; write `starts_at` and `ends_at`, or "
            "`recurrence` and `duration_minutes`"
        )
    return Freeze(text(file, entry, "name"), _schedule(file, entry), condition(file, entry, FACTS))


def _schedule(file: Path, entry: Mapping[str, Any]) -> Schedule:
    try:
        recurrence = _recurrence(file, entry) if "recurrence" in entry else None
        starts = _moment(file, entry, "starts_at") if "starts_at" in entry else _ALWAYS
        ends = _moment(file, entry, "ends_at") if "ends_at" in entry else None
        return Schedule(starts, ends, recurrence)
    except RuleError:
        raise
    except ValueError as error:
        raise wrong(file, entry, str(error).partition(":")[0], str(error)) from None


def _recurrence(file: Path, entry: Mapping[str, Any]) -> Recurrence:
    minutes = count(file, entry, "duration_minutes", 0, 1, 7 * 24 * 60)
    return Recurrence(text(file, entry, "recurrence"), minutes, text(file, entry, "time_zone"))


def _moment(file: Path, entry: Mapping[str, Any], key: str) -> datetime:
    value = entry[key]
    try:
        # YAML has read what has seconds already, and a date alone.
        wall = datetime.fromisoformat(value.isoformat() if isinstance(value, date) else str(value))
    except ValueError:
        raise wrong(file, entry, key, f"{key} is {value!r}; write a time such as 2026-12-20 18:00") from None
    if wall.tzinfo is not None:
        raise wrong(file, entry, key, f"{key} has an offset; leave it out, time_zone says which clock counts")
    return instant(wall, zone(text(file, entry, "time_zone")))
