"""What is posted in one channel about one subject: found by its metadata, posted once, changed where it differs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from rca_plugin.core.slack.message import Message
from rca_plugin.worker.integrations.slack_subject import Subject
from rca_plugin.worker.recipient import DeliveryError

#: The name of the message itself; its replies have names of their own.
MESSAGE = "message"
# Deliveries of an incident follow each other, each with at most one change of each message: with a rest before it,
# that is at most one a second, whatever the clocks of the workers say.
REST_SECONDS = 1.0
# Without it, Slack leaves the metadata out and does not say so.
_SCOPE = "metadata.message:read"
_SCOPE_IS_NEEDED = f"add the scope {_SCOPE} to the app and install it again"
_PAGE = 200
_MOST_PAGES = 20
# Clocks differ: that of Slack, which stamps messages, and that of the server, which stamps incidents.
_SKEW = timedelta(minutes=10)


@dataclass
class Posts:
    """`check_time` raises DeliveryError where there is no time for what takes so many seconds."""

    client: Any
    channel: str
    subject: Subject
    check_time: Callable[[float], None]
    rested: bool = field(default=False, init=False)

    def find(self, ts: str | None) -> dict[str, Any] | None:
        """The message about it, at its place or wherever else it is; None where there is none."""
        at_place = self._at(ts) if ts else None
        return at_place or next(self.subject.among(self._since(), MESSAGE), None)

    def replies(self, ts: str) -> dict[str, dict[str, Any]]:
        """The replies in the thread of the message, by their name."""
        pages = self._pages(self.client.conversations_replies, ts=ts)
        # The first of each counts, and the message itself comes with them.
        found = reversed(list(self.subject.among(pages)))
        return {str(self.subject.payload(reply).get("part")): reply for reply in found}

    def keep(
        self, name: str, wanted: Message, there: Mapping[str, Any] | None, thread_ts: str | None = None
    ) -> str:
        """Have this posted as it is wanted, once. Answers its time stamp."""
        content = {
            "channel": self.channel,
            "text": wanted.text,
            "blocks": list(wanted.blocks),
            "metadata": self.subject.metadata(name, wanted.digest),
        }
        if there is None:
            return self._post(content, thread_ts)
        if self.subject.payload(there).get("digest") != wanted.digest:
            self._change(str(there["ts"]), content)
        return str(there["ts"])

    def permalink(self, ts: str) -> str:
        """Where people find it."""
        said = self._asked(self.client.chat_getPermalink, channel=self.channel, message_ts=ts)
        return str(said["permalink"])

    def _post(self, content: Mapping[str, Any], thread_ts: str | None) -> str:
        # Nothing in it is to be linked, unfurled or formatted.
        more = {"unfurl_links": False, "unfurl_media": False, "mrkdwn": False, "link_names": False}
        place = {"thread_ts": thread_ts} if thread_ts else {}
        return str(self._asked(self.client.chat_postMessage, **content, **more, **place)["ts"])

    def _change(self, ts: str, content: Mapping[str, Any]) -> None:
        if not self.rested:
            self.check_time(REST_SECONDS)
            time.sleep(REST_SECONDS)
            self.rested = True
        self._asked(self.client.chat_update, ts=ts, **content, link_names=False)

    def _at(self, ts: str) -> dict[str, Any] | None:
        said = self._asked(
            self.client.conversations_history, channel=self.channel, latest=ts, oldest=ts, inclusive=True,
            limit=1, include_all_metadata=True,
        )  # fmt: skip
        there = [posted for posted in said["messages"] if posted.get("subtype") != "tombstone"]
        ours = next(self.subject.among([there], MESSAGE), None)
        if there and ours is None:
            # It was posted: one more with each change would follow.
            raise DeliveryError(f"Slack shows the message without its metadata: {_SCOPE_IS_NEEDED}")
        return ours

    def _since(self) -> Iterator[list[dict[str, Any]]]:
        oldest = f"{(self.subject.since - _SKEW).timestamp():.6f}"
        return self._pages(self.client.conversations_history, oldest=oldest)

    def _pages(self, call: Callable[..., Any], **more: Any) -> Iterator[list[dict[str, Any]]]:
        cursor: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            said = self._asked(
                call, channel=self.channel, limit=_PAGE, include_all_metadata=True, **more, **cursor
            )
            _check_scopes(said)
            yield said["messages"]
            following = (said.get("response_metadata") or {}).get("next_cursor")
            if not following:
                return
            cursor = {"cursor": following}
        # It may be further on, and then another would be the second.
        raise DeliveryError(f"Slack has more than {_MOST_PAGES * _PAGE} messages to look through for it")

    def _asked(self, call: Callable[..., Any], **arguments: Any) -> Any:
        self.check_time(0.0)
        return call(**arguments)


def _check_scopes(said: Any) -> None:
    headers = {str(name).lower(): str(value) for name, value in said.headers.items()}
    scopes = headers.get("x-oauth-scopes")
    if scopes and _SCOPE not in scopes:
        raise DeliveryError(f"what was posted cannot be found again: {_SCOPE_IS_NEEDED}")
