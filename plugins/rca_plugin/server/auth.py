"""Who is calling: a task of ours by its service token, or a person by Airflow's auth manager.

No permission model of our own: a person sees an incident who may read its DAG, and acts who may trigger ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.models.dag import DagModel
from jwt import InvalidTokenError as InvalidUserTokenError

from rca_plugin.config import service_secret
from rca_plugin.core.service_token import InvalidTokenError, ServiceToken, verify
from rca_plugin.server.rca_dag import DAG_ID

COOKIE = COOKIE_NAME_JWT_TOKEN


class UnauthenticatedError(Exception):
    """Nobody we know is calling. The text says what is required, or what was wrong, without the credential.

    `challenge` is for WWW-Authenticate.
    """

    def __init__(self, message: str, challenge: str = 'Bearer realm="rca"') -> None:
        super().__init__(message)
        self.challenge = challenge


@dataclass(frozen=True)
class Person:
    """A user of Airflow."""

    user: Any

    @property
    def name(self) -> str:
        """The name that goes into the audit."""
        return str(self.user.get_name())

    def readable(self, dag_ids: Iterable[str | None]) -> set[str | None]:
        """Those of the DAGs that this person may read.

        None stands for what did not fail in Airflow: who may read the RCA DAG may read that.
        """
        wanted = {dag_id or DAG_ID: dag_id for dag_id in dag_ids}
        allowed = get_auth_manager().filter_authorized_dag_ids(dag_ids=set(wanted), user=self.user)
        return {wanted[dag_id] for dag_id in allowed}

    def may_read(self, dag_id: str | None) -> bool:
        """Whether this person may read incidents of a DAG."""
        return bool(self.readable([dag_id]))

    def may_act(self) -> bool:
        """Whether this person may change incidents and silences: who may trigger the RCA DAG may do that."""
        details = DagDetails(id=DAG_ID, team_name=DagModel.get_team_name(DAG_ID))
        return bool(
            get_auth_manager().is_authorized_dag(
                method="POST", access_entity=DagAccessEntity.RUN, details=details, user=self.user
            )
        )


def service(authorization: str | None) -> ServiceToken:
    """The task of ours that sent this Authorization header.

    Raises UnauthenticatedError.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise UnauthenticatedError("a service token is required: Authorization: Bearer <token>")
    try:
        return verify(service_secret(), token.strip())
    except InvalidTokenError as error:
        raise UnauthenticatedError(f"the service token is not valid: {error}") from None


def person(authorization: str | None, cookie: str | None) -> Person:
    """The user that sent this Authorization header or, without one, Airflow's session cookie.

    Raises UnauthenticatedError. Not for use on an event loop.
    """
    scheme, _, bearer = (authorization or "").partition(" ")
    token = bearer.strip() if scheme.lower() == "bearer" else cookie
    if not token:
        raise UnauthenticatedError("sign in to Airflow, or send its API token")
    try:
        return Person(asyncio.run(get_auth_manager().get_user_from_token(token)))
    except InvalidUserTokenError:
        raise UnauthenticatedError("the Airflow token is not valid or has expired") from None


def login_url(next_url: str) -> str:
    """Where Airflow lets a person sign in."""
    return str(get_auth_manager().get_url_login(next_url=next_url))
