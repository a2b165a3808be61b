"""What the buttons of a message in Slack do to an incident, for a user who may do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import TypeAlias

from sqlalchemy.orm import Session

from rca_plugin.core.incident import Kind, Status, incident_label
from rca_plugin.core.silence import Schedule, Silence
from rca_plugin.core.slack_click import Button, Click
from rca_plugin.server import audit, click_answers, lifecycle, silences
from rca_plugin.server.auth import Person
from rca_plugin.server.click_outcome import Outcome
from rca_plugin.server.facts import meaning
from rca_plugin.server.masking import redactor
from rca_plugin.server.models import Incident

# Who clicks again a moment later wants no second silence that ends a moment later.
_AS_LONG = timedelta(minutes=10)


_Action: TypeAlias = Callable[[Session, Incident, Person, Click], Outcome]


def _acknowledge(session: Session, incident: Incident, person: Person, _click: Click) -> Outcome:
    label = incident_label(incident.id)
    if incident.status == Status.ACKNOWLEDGED.value:
        by = f", by {incident.acknowledged_by}" if incident.acknowledged_by else ""
        return Outcome("already", f"{label} is acknowledged already{by}.")
    lifecycle.acknowledge(session, incident, person.name)
    return Outcome("done", f"You acknowledged {label}.")


def _assign(session: Session, incident: Incident, person: Person, _click: Click) -> Outcome:
    label = incident_label(incident.id)
    if incident.assignee == person.name:
        return Outcome("already", f"{label} is assigned to you already.")
    if incident.status == Status.CLOSED.value:
        raise lifecycle.TransitionError(f"{label} is closed")
    lifecycle.assign(session, incident, person.name, person.name)
    return Outcome("done", f"{label} is assigned to you.")


def _resolve(session: Session, incident: Incident, person: Person, click: Click) -> Outcome:
    label = incident_label(incident.id)
    if incident.status in (Status.RESOLVED.value, Status.CLOSED.value):
        return Outcome("already", f"{label} is {incident.status} already.")
    reason = redactor().text(click.reason).strip()
    if not reason:
        return Outcome("refused", f"Say why {label} is over.")
    lifecycle.resolve(session, incident, person.name, reason)
    return Outcome("done", f"You resolved {label}.")


def _silence(hours: int) -> _Action:
    def silence(session: Session, incident: Incident, person: Person, _click: Click) -> Outcome:
        return _silenced(session, incident, person, timedelta(hours=hours))

    return silence


def _silenced(session: Session, incident: Incident, person: Person, length: timedelta) -> Outcome:
    label, now = incident_label(incident.id), datetime.now(timezone.utc)
    if incident.kind != Kind.FAILURE.value:
        return Outcome("refused", f"{label} is a storm: silence the incidents in it.")
    matchers = meaning(incident)
    if there := silences.lasting(session, matchers, now + length - _AS_LONG, now):
        return Outcome("already", f"{incident.resource} is silenced already, until {_clock(there.ends_at)}.")
    until = now + length
    reason = f"{label}, silenced in Slack by {person.name}"
    row = silences.create(session, Silence(matchers, Schedule(now, until)), reason, "UTC", person.name, now)
    audit.append(session, incident.id, person.name, "silenced", silence=row.id, until=until.isoformat())
    return Outcome("done", f"{incident.resource} is silenced until {_clock(until)} (silence {row.id}).")


def _clock(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "further notice"


ACTIONS: Mapping[Button, _Action] = {
    Button.ACKNOWLEDGE: _acknowledge,
    Button.ASSIGN: _assign,
    Button.SILENCE_1H: _silence(1),
    Button.SILENCE_8H: _silence(8),
    Button.RESOLVE: _resolve,
    Button.APPROVE: click_answers.answer(approve=True),
    Button.REJECT: click_answers.answer(approve=False),
}
