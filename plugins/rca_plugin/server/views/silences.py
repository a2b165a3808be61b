"""The list of silences, one silence, and the form for a new one."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from zoneinfo import available_timezones

from airflow.utils.session import create_session
from flask import Response, g, request
from flask_appbuilder import expose
from sqlalchemy.orm import Session

from rca_plugin.core.matcher import FACTS
from rca_plugin.core.recurrence import MAX_DURATION_MINUTES, Window
from rca_plugin.core.silence import State
from rca_plugin.core.time_zone import zone
from rca_plugin.server import silences
from rca_plugin.server.facts import meaning
from rca_plugin.server.models import Incident
from rca_plugin.server.views.page import SignedInView, page

_SHOWN_WINDOWS = 2
_ZONES = sorted(available_timezones())


class SilencesView(SignedInView):
    """Silences: all who are signed in may read them."""

    default_view = "silence_list"

    @expose("/silences")
    def silence_list(self) -> Response:
        """Those that hold, those that will, and those that are over."""
        now = datetime.now(timezone.utc)
        with create_session(scoped=False) as session:
            listed = silences.listing(session, now)
            by_state = {state: [one for one in listed if one.state is state] for state in State}
            return page("rca/silences.html", by_state=by_state, may_act=g.person.may_act(), **_shown(now))

    @expose("/silences/<int:silence_id>")
    def silence(self, silence_id: int) -> Response:
        """One silence."""
        now = datetime.now(timezone.utc)
        with create_session(scoped=False) as session:
            try:
                found = silences.get(session, min(silence_id, 2**63 - 1), now)
            except silences.UnknownSilenceError as error:
                return page("rca/silence_missing.html", why=str(error), status=404)
            return page("rca/silence.html", one=found, may_act=g.person.may_act(), **_shown(now))

    @expose("/silences/new")
    def new_silence(self) -> Response:
        """The form, for an incident or an empty one."""
        with create_session(scoped=False) as session:
            return page(
                "rca/silence_form.html",
                matchers=_matchers_for(session, request.args.get("incident", "")),
                may_act=g.person.may_act(),
                facts=FACTS,
                zones=_ZONES,
                max_duration=MAX_DURATION_MINUTES,
            )


def _matchers_for(session: Session, number: str) -> list[str]:
    """What means one incident, as far as this person may know of it."""
    incident = (
        session.get(Incident, int(number))
        if number.isascii() and number.isdigit() and len(number) < 19
        else None
    )
    if incident is None or not g.person.may_read(incident.dag_id):
        return []
    return meaning(incident).to_text()


def _shown(now: datetime) -> dict[str, Any]:
    """How the templates say when."""

    def windows(listed: silences.Listed) -> list[tuple[str, str, bool]]:
        return [(*_said(w, listed.row.time_zone), now in w) for w in listed.windows(now, _SHOWN_WINDOWS)]

    return {"windows_of": windows}


def _said(window: Window, time_zone: str) -> tuple[str, str]:
    """By the clock there: from Sat 2026-11-28 02:00 to 06:00."""
    where = zone(time_zone)
    start, end = window.starts_at.astimezone(where), window.ends_at and window.ends_at.astimezone(where)
    same_day = end is not None and end.date() == start.date()
    until = end.strftime("%H:%M" if same_day else "%a %Y-%m-%d %H:%M") if end else "open end"
    return start.strftime("%a %Y-%m-%d %H:%M"), until
