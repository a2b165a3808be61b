"""How good the analyses are and what they cost, and what exactly was sent to a model."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.utils.session import create_session
from flask import Response, g
from flask_appbuilder import expose
from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from rca_plugin.core.incident import incident_label
from rca_plugin.server import incidents, model_calls, scores, spending
from rca_plugin.server.models import Incident, ModelCall
from rca_plugin.server.views.page import SignedInView, page

_SHOWN_CALLS = 50
_LARGEST = 2**63 - 1


class AnalysesView(SignedInView):
    """Analyses in general, and one call of a model."""

    default_view = "analyses"

    @expose("/analyses")
    def analyses(self) -> Response:
        """What was spent today, how helpful people find them, and the calls for incidents that one may read."""
        today = datetime.now(timezone.utc).date()
        with create_session(scoped=False) as session:
            return page(
                "rca/analyses.html",
                today=spending.of_day(session, today),
                scores=scores.scores(session),
                calls=_newest_calls(session, g.person.readable),
            )

    @expose("/incidents/<int:incident_id>/model-calls/<int:call_id>")
    def model_call(self, incident_id: int, call_id: int) -> Response:
        """One call: exactly what was sent, and what came back."""
        with create_session(scoped=False) as session:
            incident = session.get(Incident, min(incident_id, _LARGEST))
            if incident is None or not g.person.may_read(incident.dag_id):
                return page("rca/missing.html", label=incident_label(incident_id), status=404)
            try:
                call = model_calls.one(session, incident_id, min(call_id, _LARGEST))
            except model_calls.UnknownCallError as error:
                return page("rca/model_call_missing.html", incident=incident, why=str(error), status=404)
            calls = [each.row for each in model_calls.of_incident(session, incident_id)]
            return page("rca/model_call.html", incident=incident, call=call, calls=calls)


def _newest_calls(session: Session, readable: incidents.Readable) -> list[ModelCall]:
    newest = (
        select(ModelCall)
        .join(Incident, ModelCall.incident_id == Incident.id)
        .where(incidents.visible(session, readable))
        .options(defer(ModelCall.request), defer(ModelCall.answer))
        .order_by(ModelCall.id.desc())
        .limit(_SHOWN_CALLS)
    )
    return list(session.scalars(newest))
