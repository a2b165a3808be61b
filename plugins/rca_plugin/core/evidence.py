"""One numbered fact about a failure, which claims cite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Fact:
    """What somebody found out about a failure, before it is redacted and numbered.

    kind: what it is, such as "log", "traceback", "run_output", "history", "change"; "missing" says what could
        not be had.
    source: who said so, such as "airflow task log" or "databricks run 41".
    observed_at: when it happened at the source; aware, or None when the source did not say.
    """

    kind: str
    source: str
    observed_at: datetime | None
    text: str


@dataclass(frozen=True)
class Evidence:
    """A fact collected about a failure, already redacted.

    id: "E1", "E2", … in order of collection. The rest is that of the fact.
    """

    id: str
    kind: str
    source: str
    observed_at: datetime | None
    text: str


def fact_to_json(fact: Fact | Evidence) -> dict[str, Any]:
    """A plain dict with ISO 8601 time, ready for `json.dumps`; without the number of evidence."""
    observed_at = fact.observed_at.isoformat() if fact.observed_at else None
    return {"kind": fact.kind, "source": fact.source, "observed_at": observed_at, "text": fact.text}


def evidence_to_json(evidence: Evidence) -> dict[str, Any]:
    """The same with its number."""
    return {"id": evidence.id, **fact_to_json(evidence)}


def evidence_from_json(data: Mapping[str, Any]) -> Evidence:
    """The inverse of `evidence_to_json`. Raises KeyError or ValueError on a malformed dict."""
    observed_at = data["observed_at"]
    return Evidence(
        id=str(data["id"]),
        kind=str(data["kind"]),
        source=str(data["source"]),
        # Python 3.10 does not read a trailing Z.
        observed_at=datetime.fromisoformat(observed_at.replace("Z", "+00:00")) if observed_at else None,
        text=str(data["text"]),
    )
