"""What all pages share: who looks at them, their addresses, and how they are sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Response, g, redirect, render_template, request
from flask_appbuilder import BaseView
from flask_appbuilder.hooks import before_request

from rca_plugin import __version__
from rca_plugin.core import money
from rca_plugin.core.incident import incident_label
from rca_plugin.core.remediation.sentence import action_words, is_asked, timeless
from rca_plugin.server import auth
from rca_plugin.server.views import links
from rca_plugin.server.views.marked import marked
from rca_plugin.server.views.prose import pieces
from rca_plugin.server.views.repair import weighed

HERE = Path(__file__).parent
_HEADERS = {
    # Only Airflow's own UI may show a page in a frame; nothing but our own files runs in it, and it sends only
    # to our own API, by script: no form of it is ever posted.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


# What every template may use.
_COMMON = {
    "action_words": action_words,
    "is_asked": is_asked,
    "in_dollars": money.in_words,
    "label_of": incident_label,
    "links": links,
    "marked": marked,
    "micros": money.micros,
    "pieces": pieces,
    "timeless": timeless,
    "version": __version__,
    "weighed": weighed,
}


class SignedInView(BaseView):
    """Pages for people whom Airflow knows: `g.person` is who looks at it.

    Flask-AppBuilder's own `has_access` loops or fails under /pluginsv2 in Airflow 3.3, and its session would
    overwrite Airflow's: the hook below asks Airflow's auth manager instead, and writes no session.
    """

    route_base = "/rca"
    template_folder = str(HERE / "templates")

    @before_request
    def _sign_in(self) -> Any:
        try:
            g.person = auth.person(None, request.cookies.get(auth.COOKIE))
        except auth.UnauthenticatedError:
            return redirect(auth.login_url(next_url=request.url))
        return None


def page(template: str, *, status: int = 200, **values: Any) -> Response:
    """A page from a template, which gets the addresses of everything else with it."""
    html = render_template(template, **_COMMON, **values)
    return Response(html, status=status, headers=_HEADERS, mimetype="text/html")
