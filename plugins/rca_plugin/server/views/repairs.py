"""All repairs: the switch that stops them, what is under way, how far they may go, and what came of them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow.utils.session import create_session
from flask import Response, g
from flask_appbuilder import expose
from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.config import ConfigError, remediation_file, settings
from rca_plugin.core.remediation.record import in_words
from rca_plugin.server import incidents, remediation_record, remediation_switch, remediations
from rca_plugin.server.models import Incident, Remediation
from rca_plugin.server.remediation_rules import policy
from rca_plugin.server.views.page import SignedInView, page
from rca_plugin.server.views.repair import RECORD_DAYS, as_shown

_SHOWN = 50


class RepairsView(SignedInView):
    """Repairs in general: all who are signed in may read them, but for those of incidents that are not theirs."""

    default_view = "repairs"

    @expose("/repairs")
    def repairs(self) -> Response:
        """The switch, what is under way, the steps from off to auto, and the record."""
        with create_session(scoped=False) as session:
            return page(
                "rca/repairs.html",
                switch=remediation_switch.read(session),
                by_option=not settings().remediation,
                under_way=_under_way(session, g.person.readable),
                record=remediation_record.record(session, RECORD_DAYS),
                days=RECORD_DAYS,
                in_words=in_words,
                file=remediation_file(),
                may_act=g.person.may_act(),
                **_laid_down(),
            )


def _under_way(session: Session, readable: incidents.Readable) -> list[dict[str, Any]]:
    mine = incidents.visible(session, readable)
    found = (
        select(Remediation)
        .join(Incident, Remediation.incident_id == Incident.id)
        .where(Remediation.state.in_(remediations.UNFINISHED), mine)
        .order_by(Remediation.id.desc())
        .limit(_SHOWN)
    )
    return [as_shown(session, row) for row in session.scalars(found)]


def _laid_down() -> dict[str, Any]:
    """What the file says, or what is wrong with it."""
    try:
        rules = policy()
    except ConfigError as error:
        return {"problem": str(error), "policy": None, "frozen": ()}
    now = datetime.now(timezone.utc)
    return {"problem": "", "policy": rules, "frozen": [f for f in rules.freezes if f.schedule.holds_at(now)]}
