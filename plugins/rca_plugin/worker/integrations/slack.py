"""Slack, where an incident is one message in one channel, kept up to date, with what it rests on in its thread.

What is posted says in its metadata what it is. It is looked for before anything is posted, so that an answer that was
lost makes no second one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from rca_plugin.config import airflow_url, routing_file, settings
from rca_plugin.core.routing_file import load_routing
from rca_plugin.core.slack.message import Message, message
from rca_plugin.core.slack.thread import thread
from rca_plugin.core.ticket.link import links
from rca_plugin.core.yaml_file import RuleError
from rca_plugin.worker.integrations.slack_place import Place, channel_id
from rca_plugin.worker.integrations.slack_posts import MESSAGE, Posts
from rca_plugin.worker.integrations.slack_refusal import refusal
from rca_plugin.worker.recipient import DeliveryError, NotSetUpError

# A call that is well takes a tenth of a second.
CALL_SECONDS = 5
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Routes(Protocol):
    """What says which channel an incident is told in."""

    def channel(self, incident: Mapping[str, Any]) -> str | None:
        """The id of the channel; None: in none."""


@dataclass(frozen=True)
class Slack:
    """One workspace. Making one asks nothing."""

    conn_id: str
    routes: Routes

    @classmethod
    def connect(cls) -> Slack:
        """The one of `[rca] slack_conn_id`. Raises NotSetUpError, and DeliveryError for routes that are wrong."""
        from airflow.sdk.bases.hook import BaseHook
        from airflow.sdk.exceptions import AirflowNotFoundException

        conn_id = settings().slack_conn_id
        if not conn_id:
            raise NotSetUpError("[rca] slack_conn_id is empty")
        try:
            if not BaseHook.get_connection(conn_id).password:
                raise NotSetUpError(f"connection {conn_id} has no token as its password")
            return cls(conn_id, load_routing(routing_file()))
        except AirflowNotFoundException:
            raise NotSetUpError(f"there is no connection {conn_id}") from None
        except RuleError as error:
            raise DeliveryError(str(error)) from None

    def deliver(self, incident: Mapping[str, Any], reference: str | None, deadline: float) -> str:
        """Post the message of an incident, or change what differs in it. Answers its permalink.

        Raises DeliveryError, and NotSetUpError for an incident that is told nowhere: one that no route takes, and
        one that is kept quiet and has no message, as those of a storm have not.
        """
        known = Place.of(reference)
        channel = known.channel if known else self._channel(incident)
        with_deadline = _until(deadline)
        try:
            posts = Posts(self._client(), channel, incident, with_deadline)
            return _deliver(posts, incident, known, reference)
        except (DeliveryError, NotSetUpError):
            raise
        except Exception as error:
            # From None: errors of slack-sdk 3.47 hold the answer, and some the whole request.
            raise refusal(error) from None

    def _channel(self, incident: Mapping[str, Any]) -> str:
        channel = self.routes.channel(incident)
        if not channel:
            raise NotSetUpError("no route of the routing file says in which channel to tell of it")
        return channel_id(channel)

    def _client(self) -> Any:
        from airflow.providers.slack.hooks.slack import SlackHook

        # No handlers: the server decides when the next try is. By itself, slack-sdk tries again after a lost
        # connection, whatever came of the first.
        hook = SlackHook(
            slack_conn_id=self.conn_id, timeout=CALL_SECONDS, retry_handlers=[], logger=_silent()
        )
        client = hook.client
        parts = urlsplit(client.base_url)
        if parts.scheme != "https" and parts.hostname not in _LOCAL:
            raise DeliveryError("Slack must be reached by https: see base_url in the extra of the connection")
        return client


def _silent() -> logging.Logger:
    """For slack-sdk, which logs the beginning of an answer it cannot read: what others say in the channel."""
    logger = logging.getLogger(f"{__name__}.client")
    logger.setLevel(logging.CRITICAL + 1)
    return logger


def _deliver(posts: Posts, incident: Mapping[str, Any], known: Place | None, reference: str | None) -> str:
    there = posts.find(known.ts if known else None)
    # Once it is resolved too: nobody was told of it.
    if there is None and incident["suppressed_by"]:
        raise NotSetUpError("it is kept quiet, and has no message of its own")
    page = next((link.url for link in links(incident, airflow_url())), None)
    ts = posts.keep(MESSAGE, message(incident, page), there)
    # Before the thread: what is said first is where it is.
    link = reference if known and reference and known.ts == ts else posts.permalink(ts)
    _keep_thread(posts, thread(incident), ts)
    return link


def _keep_thread(posts: Posts, replies: Mapping[str, Message], ts: str) -> None:
    if not replies:
        return
    there = posts.replies(ts)
    for name, reply in replies.items():
        posts.keep(name, reply, there.get(name), thread_ts=ts)


def _until(deadline: float) -> Callable[[float], None]:
    """Whether there is time for what takes about so many seconds."""

    def check(seconds: float) -> None:
        if time.monotonic() + seconds >= deadline:
            # Whoever waited has gone on, and another may be at it.
            raise DeliveryError("the time for it was over")

    return check
