"""One site of Jira, asked through the provider's hook: one try for each call, and nothing after the deadline."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rca_plugin.core.protected_url import is_protected
from rca_plugin.core.ticket.dialect import Dialect
from rca_plugin.worker.integrations.jira_body import bounded
from rca_plugin.worker.integrations.jira_refusal import refusal, unreachable
from rca_plugin.worker.integrations.place_connection import place_connection
from rca_plugin.worker.recipient import DeliveryError

#: For connecting, and between two pieces of an answer.
CALL_SECONDS = (5.0, 10.0)


@dataclass(frozen=True)
class Site:
    """A site, its dialect, and until when it may be asked (monotonic seconds)."""

    client: Any
    url: str
    dialect: Dialect
    deadline: float

    @classmethod
    def connect(cls, conn_id: str, deadline: float) -> Site:
        """The one of a connection. Raises NotSetUpError, and DeliveryError for one that cannot be used."""
        connection = place_connection("jira_conn_id", conn_id)
        url = _checked(connection.host, conn_id)
        dialect = Dialect(_is_cloud(url, connection.extra_dejson))
        try:
            from airflow.providers.atlassian.jira.hooks.jira import JiraHook

            client = JiraHook(conn_id, api_version=dialect.version).get_conn()
        except Exception as error:
            raise unreachable(error) from None
        # atlassian-python-api 5.0 sleeps for half an hour where `Retry-After` says so, and waits 75 seconds for an
        # answer. The hook (3.4) can be told neither.
        client.retry_with_header, client.timeout = False, CALL_SECONDS
        client.session.hooks["response"].append(bounded(deadline))
        if not connection.login:
            _prove_by_token(client, connection.password or "")
        return cls(client, url, dialect, deadline)

    def page(self, key: str) -> str:
        """The address of a ticket, for people."""
        return f"{self.url}/browse/{key}"

    def ask(
        self,
        what: str,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        success: Collection[int] = (200,),
        content: bool = True,
    ) -> dict[str, Any]:
        """One call; `what` names it in errors. Answers the content, where there is any. Raises DeliveryError."""
        response = self._response(method, path, body, params)
        if response.status_code not in success:
            raise refusal(response, what)
        return _object(response, what) if content else {}

    def ask_for(self, what: str, path: str, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """What is there; None where nothing is. Raises DeliveryError."""
        response = self._response("GET", path, None, params)
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            raise refusal(response, what)
        return _object(response, what)

    def _response(self, method: str, path: str, body: Any, params: Mapping[str, Any] | None) -> Any:
        if time.monotonic() >= self.deadline:
            # Whoever waited has gone on, and another may be at it.
            raise DeliveryError("the time for it was over")
        try:
            # No redirect: it would carry what is in the ticket, and to Jira itself what proves us, to anywhere.
            return self.client.request(
                method,
                path=self.client.resource_url(path),
                data=body,
                params=params,
                advanced_mode=True,
                allow_redirects=False,
            )
        except Exception as error:
            # From None: errors of requests hold the request, with what proves us in its headers.
            raise unreachable(error) from None


def _object(response: Any, what: str) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise DeliveryError(f"Jira's answer to {what} cannot be read")
    return content


def _checked(host: str | None, conn_id: str) -> str:
    url = (host or "").rstrip("/")
    if not is_protected(url):
        raise DeliveryError(f"the host of connection {conn_id} must begin with https://")
    return url


def _is_cloud(url: str, extra: Mapping[str, Any]) -> bool:
    """As the extra says, where it says it: Cloud may have an address of one's own."""
    return bool(extra.get("cloud", (urlsplit(url).hostname or "").endswith(".atlassian.net")))


def _prove_by_token(client: Any, token: str) -> None:
    """By a personal access token, as Data Center knows them; the hook (3.4) has nothing for it."""
    client.session.headers["Authorization"] = f"Bearer {token}"
    # Otherwise requests puts what `.netrc` has for the host in its place.
    client.session.auth = lambda request: request
