"""Who calls the JSON API, as what a route asks for."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from airflow.configuration import conf
from fastapi import Depends, Request

from rca_plugin.core.service_token import ServiceToken
from rca_plugin.server import auth


class NotAllowedError(Exception):
    """We know who is calling, and that person may not do this."""


class CrossSiteError(Exception):
    """A page of another site sent this with the session of whoever looks at that page."""


class NotJsonError(Exception):
    """What is sent has to be JSON: a form of another site cannot send that."""


def service(request: Request) -> ServiceToken:
    """A task of ours.

    Raises UnauthenticatedError.
    """
    return auth.service(request.headers.get("Authorization"))


def person(request: Request) -> auth.Person:
    """A user of Airflow.

    Raises UnauthenticatedError.
    """
    return auth.person(request.headers.get("Authorization"), request.cookies.get(auth.COOKIE))


def anyone(request: Request) -> ServiceToken | auth.Person:
    """A task of ours, else a user of Airflow.

    Raises UnauthenticatedError.
    """
    try:
        return service(request)
    except auth.UnauthenticatedError:
        return person(request)


def sender(request: Request) -> auth.Person:
    """A user of Airflow who sends something, and means to.

    Raises UnauthenticatedError, NotJsonError, CrossSiteError.
    """
    caller = person(request)
    _refuse_other_sites(request)
    return caller


def actor(request: Request) -> auth.Person:
    """A user of Airflow who may change incidents and silences, and means to.

    Raises UnauthenticatedError, NotJsonError, CrossSiteError, NotAllowedError.
    """
    caller = sender(request)
    if not caller.may_act():
        raise NotAllowedError("you may act on incidents if you may trigger the DAG rca_incident")
    return caller


def _refuse_other_sites(request: Request) -> None:
    """The cookie of Airflow 3.3 is SameSite=Lax: that lets through what a sibling domain sends, and nothing more
    protects its own API. A browser cannot be made to send JSON to another site without asking there first.
    """
    content_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if request.method != "DELETE" and content_type != "application/json":
        raise NotJsonError("send JSON, with Content-Type: application/json")
    if request.headers.get("Authorization"):
        return  # no browser adds that by itself
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise CrossSiteError("this was sent by a page of another site")
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).netloc not in _own_hosts(request):
        raise CrossSiteError("this was sent by a page of another site; is [api] base_url right?")


def _own_hosts(request: Request) -> set[str]:
    # A proxy may pass on another Host than the one in the address bar, which is what [api] base_url names.
    return {request.headers.get("Host", ""), urlsplit(conf.get("api", "base_url", fallback="") or "").netloc}


Person = Annotated[auth.Person, Depends(person)]
Sender = Annotated[auth.Person, Depends(sender)]
Actor = Annotated[auth.Person, Depends(actor)]
Anyone = Annotated[ServiceToken | auth.Person, Depends(anyone)]
