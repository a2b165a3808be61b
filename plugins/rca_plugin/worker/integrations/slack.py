"""Slack, where an incident is one message in one channel, kept up to date, with what it rests on in its thread.

What is posted says in its metadata what it is. It is looked for before anything is posted, so that an answer that was
lost makes no second one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from rca_plugin.config import airflow_url, routing_file, settings
from rca_plugin.core.routing_file import load_routing
from rca_plugin.core.slack.digest import digest
from rca_plugin.core.slack.message import Message, message
from rca_plugin.core.slack.thread import thread
from rca_plugin.core.ticket.link import links
from rca_plugin.core.yaml_file import RuleError
from rca_plugin.worker.integrations.place_connection import place_connection
from rca_plugin.worker.integrations.slack_client import client_of
from rca_plugin.worker.integrations.slack_place import Place
from rca_plugin.worker.integrations.slack_posts import MESSAGE, Posts
from rca_plugin.worker.integrations.slack_refusal import ChannelGoneError, refusal
from rca_plugin.worker.integrations.slack_subject import Subject
from rca_plugin.worker.recipient import DeliveryError, NotSetUpError


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
        conn_id = settings().slack_conn_id
        if not place_connection("slack_conn_id", conn_id).password:
            raise NotSetUpError(f"connection {conn_id} has no token as its password")
        try:
            return cls(conn_id, load_routing(routing_file()))
        except RuleError as error:
            raise DeliveryError(str(error)) from None

    def deliver(self, incident: Mapping[str, Any], reference: str | None, deadline: float) -> str:
        """Post the message of an incident, or change what differs in it. Answers its permalink.

        Raises DeliveryError, and NotSetUpError for an incident that is told nowhere: one that no route takes, and
        one that is kept quiet, or part of a storm, and has no message.
        """
        known = Place.of(reference)
        if known:
            try:
                with self._posts(known.channel, _subject(incident), deadline) as posts:
                    return _deliver(posts, incident, known, reference)
            except ChannelGoneError:
                if self.routes.channel(incident) == known.channel:
                    raise
        with self._posts(self._channel(incident), _subject(incident), deadline) as posts:
            return _deliver(posts, incident, None, None)

    def tell_of_day(
        self, channel: str, content: Mapping[str, Any], recorded_at: datetime, deadline: float
    ) -> str:
        """Post a digest, unless it is there. Answers its permalink. Raises DeliveryError."""
        identity = {name: content[name] for name in ("day", "environment")}
        with self._posts(channel, Subject("rca_digest", identity, recorded_at), deadline) as posts:
            return posts.permalink(posts.keep(MESSAGE, digest(content), posts.find(None)))

    def _channel(self, incident: Mapping[str, Any]) -> str:
        channel = self.routes.channel(incident)
        if not channel:
            raise NotSetUpError("no route of the routing file says in which channel to tell of it")
        return channel

    @contextmanager
    def _posts(self, channel: str, subject: Subject, deadline: float) -> Iterator[Posts]:
        try:
            yield Posts(client_of(self.conn_id), channel, subject, _until(deadline))
        except (DeliveryError, NotSetUpError):
            raise
        except Exception as error:
            # From None: errors of slack-sdk 3.47 hold the answer, and some the whole request.
            raise refusal(error) from None


def _subject(incident: Mapping[str, Any]) -> Subject:
    # Two deployments may tell of incidents with the same number in one channel.
    identity = {
        "incident": incident["id"],
        **{name: incident[name] for name in ("fingerprint", "environment")},
    }
    opened = datetime.fromisoformat(incident["opened_at"].replace("Z", "+00:00"))
    return Subject("rca_incident", identity, opened)


def _deliver(posts: Posts, incident: Mapping[str, Any], known: Place | None, reference: str | None) -> str:
    there = posts.find(known.ts if known else None)
    # Once it is resolved too: nobody was told of it.
    if there is None and incident["suppressed_by"]:
        raise NotSetUpError("it is kept quiet, and has no message of its own")
    if there is None and incident["storm"]:
        raise NotSetUpError(f"it is part of storm {incident['storm']}, whose message speaks for it")
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
