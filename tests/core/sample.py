"""Bodies as their senders post them, and what our parsers make of them."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rca_plugin.core.failure import Failure, Recovery, Report, Source
from rca_plugin.core.sources import PARSERS
from tests.fuzz.mutations import PAYLOADS

RECEIVED = datetime(2026, 12, 24, 12, tzinfo=timezone.utc)
FIRED = datetime(2026, 2, 3, 3, 15, 2, 123456, tzinfo=timezone.utc)


def sample(source: Source, form: str) -> Any:
    return json.loads((PAYLOADS / source.value / f"{form}.json").read_text())


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def parsed(source: Source, body: Any, received_at: datetime = RECEIVED) -> Report:
    return PARSERS[source](body, received_at)


def only_failure(source: Source, body: Any) -> Failure:
    report = parsed(source, body)
    [failure] = report.failures
    assert not report.recoveries
    return failure


def only_recovery(source: Source, body: Any) -> Recovery:
    report = parsed(source, body)
    [recovery] = report.recoveries
    assert not report.failures
    return recovery


def nothing(source: Source, body: Any) -> bool:
    return parsed(source, body) == Report()
