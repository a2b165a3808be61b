"""What the section on repairs shows: every attempt, what decided about it, and what would be decided now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from airflow.utils.session import create_session
from sqlalchemy.orm import Session

from rca_plugin.config import ConfigError
from rca_plugin.core.remediation.foreseen import foreseen
from rca_plugin.core.remediation.record import in_words
from rca_plugin.core.remediation.sentence import PENDING
from rca_plugin.core.remediation.state import RemediationState
from rca_plugin.server import (
    approval_answers,
    approvals,
    audit,
    remediation_preview,
    remediation_record,
    remediation_switch,
    remediations,
)
from rca_plugin.server.api_remediation_models import RemediationOut
from rca_plugin.server.auth import Person
from rca_plugin.server.models import Incident, Remediation

#: How far back the record beside a mode looks.
RECORD_DAYS = 30
PASSES, STOPS, WAITS = "passes", "stops", "waits"
_WHY_NOT = ("repair_refused", "repair_off")


@dataclass(frozen=True)
class Preview:
    """What would be decided now. `says` is one sentence; `decision` is None where nothing could be decided."""

    at: datetime
    says: str
    decision: Mapping[str, Any] | None


@dataclass(frozen=True)
class Shown:
    """attempts: as the API shows them, the newest first. has_approved: whoever looks has agreed to that one.

    off: why nothing is repaired now, empty while repairs are on. record: what came of repairs like the newest one, in
    words. why_not: why there is none. preview: None where nobody asked for a dry run. next_dry_run: another name than
    that of this one: of a link to the very same address a browser goes only to the place on the page.
    """

    attempts: Sequence[Mapping[str, Any]]
    has_approved: bool
    off: str
    record: str
    why_not: str
    preview: Preview | None
    next_dry_run: str

    @property
    def current(self) -> Mapping[str, Any] | None:
        """The attempt that tells how it stands."""
        return self.attempts[0] if self.attempts else None

    @property
    def has_begun(self) -> bool:
        """Whether something is being done now, about which nothing is to be decided."""
        return self.current is not None and self.current["state"] == RemediationState.RUNNING.value


def shown(session: Session, incident: Incident, person: Person, dry_run: str) -> Shown:
    """What is shown to a person of an incident. A dry run, of any name, decides anew, and changes nothing."""
    rows = remediations.of_incident(session, incident.id)
    return Shown(
        [as_shown(session, row) for row in rows],
        _has_approved(session, person, rows[0]) if rows else False,
        remediation_switch.why_off(remediation_switch.read(session)),
        _record(session, rows[0]) if rows else "",
        _why_not(session, incident),
        _preview(incident.id) if dry_run else None,
        "2" if dry_run == "1" else "1",
    )


def as_shown(session: Session, row: Remediation) -> dict[str, Any]:
    """An attempt, as templates and sentences read it."""
    return RemediationOut.of(session, row).model_dump() | {"attempts": row.decision["attempts"]}


def weighed(rules: Iterable[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Each rule with whether it passes, stops or waits; those first that do not pass."""
    kinds = [(_kind(rule), rule) for rule in rules]
    return sorted(kinds, key=lambda pair: (STOPS, WAITS, PASSES).index(pair[0]))


def _kind(rule: Mapping[str, Any]) -> str:
    if rule["allows"]:
        return PASSES
    return WAITS if rule["name"] in PENDING else STOPS


def _has_approved(session: Session, person: Person, row: Remediation) -> bool:
    mine = approvals.person_id(person)
    return any(one.person_id == mine for one in approval_answers.approvals(session, row))


def _record(session: Session, row: Remediation) -> str:
    alike = remediation_record.record(session, RECORD_DAYS, row)
    return f"{in_words(alike[0], RECORD_DAYS)}." if alike else ""


def _why_not(session: Session, incident: Incident) -> str:
    """What the timeline says of the last time when nothing was planned."""
    for entry in reversed(audit.timeline(session, incident.id)):
        if entry.action in _WHY_NOT and "repair" not in entry.detail:
            return str(entry.detail.get("why") or "")
    return ""


def _preview(incident_id: int) -> Preview:
    now = datetime.now(timezone.utc)
    # In a transaction of its own, which is given up whatever was done in it.
    with create_session(scoped=False) as session:
        try:
            incident = session.get_one(Incident, incident_id)
            decision = remediation_preview.preview(session, incident)
            return Preview(now, foreseen(decision), decision)
        except ConfigError as error:
            return Preview(now, f"Nothing can be decided: {error}", None)
        finally:
            session.rollback()
