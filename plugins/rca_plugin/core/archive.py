"""The archive of an incident: its folder, and the files in it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any


def folder_of(incident: Mapping[str, Any]) -> str:
    """Such as 2026/11/23/RCA-42: the day, in UTC, of its first failure."""
    first = datetime.fromisoformat(incident["first_failure_at"].replace("Z", "+00:00"))
    return f"{first.astimezone(timezone.utc):%Y/%m/%d}/{incident['label']}"


def files_of(incident: Mapping[str, Any]) -> dict[str, bytes]:
    """What is written. The analysis last, with all that became of the incident: once it is there, all are."""
    parts = {"failures": incident["failures"], "evidence": incident["evidence"]}
    # Deliveries are about this archive, and change with each try to write it.
    rest = {name: value for name, value in incident.items() if name not in (*parts, "deliveries")}
    label = incident["label"]
    return {
        "failures.json.gz": _packed({"incident": label, "failures": parts["failures"]}),
        "evidence.json.gz": _packed({"incident": label, "evidence": parts["evidence"]}),
        "analysis.json.gz": _packed(rest),
    }


def _packed(value: Any) -> bytes:
    """The same bytes for the same content: no time, no order of its own."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1)
    return gzip.compress(text.encode(), mtime=0)
