"""What a click in Slack does: just what its user may do here, once, and all of it on the timeline."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from sqlalchemy.orm import Session

from rca_plugin.core.incident import incident_label
from rca_plugin.core.slack.buttons import mark
from rca_plugin.core.slack_click import Click
from rca_plugin.core.text import head
from rca_plugin.server import audit, incidents, lifecycle
from rca_plugin.server.auth import Person
from rca_plugin.server.click_actions import ACTIONS
from rca_plugin.server.click_outcome import Outcome
from rca_plugin.server.database import transaction
from rca_plugin.server.models import Incident
from rca_plugin.server.slack_people import Stranger

_ACTOR_CHARS = 250
# As long as a signature is believed, before and after; then no more than the newest of a busy timeline.
_LOOK_BACK = timedelta(minutes=10)
_LOOK_BACK_ENTRIES = 200


def act(click: Click, clicker: Person | Stranger) -> Outcome:
    """Do what the click asks for, if whoever clicked may do that."""
    return transaction(lambda session: _act(session, click, clicker))


def _act(session: Session, click: Click, clicker: Person | Stranger) -> Outcome:
    try:
        incident = incidents.locked(session, click.incident_id)
    except incidents.UnknownIncidentError:
        return _unknown(click)
    if _was_here(session, click):
        return Outcome("already", f"This click on {incident_label(incident.id)} has been taken already.")
    outcome = _refused(incident, click, clicker) or _done(session, incident, clicker, click)
    actor = clicker.name if isinstance(clicker, Person) else f"slack:{click.user_id}"
    audit.append(session, incident.id, head(actor, _ACTOR_CHARS), "clicked", place="slack",
                 button=click.button.name.lower(), result=outcome.result, click=_name(click),
                 why=outcome.text if outcome.result == "refused" else None)  # fmt: skip
    return outcome


def _was_here(session: Session, click: Click) -> bool:
    """Whether this very click was taken before, by this or by another process."""
    since = datetime.now(timezone.utc) - _LOOK_BACK
    newest = audit.timeline(session, click.incident_id, limit=_LOOK_BACK_ENTRIES)
    return any(
        e.action == "clicked" and e.at >= since and e.detail.get("click") == _name(click) for e in newest
    )


def _name(click: Click) -> str:
    return f"{click.user_id} {click.at}"


def _refused(incident: Incident, click: Click, clicker: Person | Stranger) -> Outcome | None:
    if isinstance(clicker, Stranger):
        return Outcome("refused", clicker.why)
    if not clicker.may_read(incident.dag_id):
        return _unknown(click)
    if click.mark != mark(incident.fingerprint, incident.environment):
        return Outcome("refused", f"This message is about another {incident_label(incident.id)}: it is older than "
                       "the database of this Airflow, or of another Airflow with the same Slack app.")  # fmt: skip
    if not clicker.may_act():
        return Outcome(
            "refused", "You may act on incidents if you may trigger the DAG rca_incident in Airflow."
        )
    return None


def _unknown(click: Click) -> Outcome:
    return Outcome("refused", f"There is no {incident_label(click.incident_id)} that you may see.")


def _done(session: Session, incident: Incident, clicker: Person | Stranger, click: Click) -> Outcome:
    assert isinstance(clicker, Person)
    try:
        return ACTIONS[click.button](session, incident, clicker, click)
    except lifecycle.TransitionError as error:
        return Outcome("refused", f"{error}.")
