"""A workspace of Slack as far as somebody sees it who posts messages and changes them: channels, threads, metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.block_kit import mistakes
from tests.fakes.trouble import Service, ServiceHandler, Trouble, running

TOKEN = "xoxb-of-these-tests-0123456789"
CHANNEL = "C0123456789"
_FIRST_TS = 1_795_608_000


@dataclass
class Workspace(Service):
    """The messages of each channel, oldest first, replies among them; the first is from a second after it `began`.

    With `unheard`, a call that troubles meet was not heard at all; else it was carried out, and only its answer was
    lost. `refusals` are the errors that a call answers in turn, None is none. `asked` are the calls with what they
    said; those that Slack would not take are refused, and are `mistakes`, with which no test ends well.
    """

    channels: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {CHANNEL: []})
    refusals: dict[str, list[str | None]] = field(default_factory=dict)
    unheard: bool = False
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    stamps: int = 0
    began: int = _FIRST_TS
    scopes: str = "chat:write,channels:history,groups:history,metadata.message:read"
    says_scopes: bool = True

    @property
    def connection(self) -> str:
        """The Airflow connection to it, as an environment variable has it."""
        extra = {"base_url": f"http://127.0.0.1:{self.port}/api/"}
        return json.dumps({"conn_type": "slack", "password": TOKEN, "extra": extra})

    def messages(self, channel: str = CHANNEL) -> list[dict[str, Any]]:
        return [posted for posted in self.channels[channel] if "thread_ts" not in posted]

    def replies(self, channel: str = CHANNEL) -> list[dict[str, Any]]:
        return [posted for posted in self.channels[channel] if "thread_ts" in posted]

    def times(self, call: str) -> int:
        return [name for name, _ in self.asked].count(call)

    def post(self, text: str, channel: str = CHANNEL, **more: Any) -> dict[str, Any]:
        """As anybody posts."""
        self.stamps += 1
        posted = {
            "type": "message",
            "ts": f"{self.began + self.stamps}.{self.stamps:06}",
            "text": text,
            **more,
        }
        self.channels[channel].append(posted)
        return posted

    def act(self, call: str, said: dict[str, Any]) -> dict[str, Any]:
        """Do what was asked for."""
        self.asked.append((call, said))
        if found := mistakes(call, said):
            self.mistakes += found
            return {"ok": False, "error": "invalid_arguments", "response_metadata": {"messages": found}}
        refusals = self.refusals.get(call) or [None]
        refused = refusals.pop(0) if len(refusals) > 1 else refusals[0]
        if refused is None and said.get("channel") not in self.channels:
            refused = "channel_not_found"
        if refused:
            return {"ok": False, "error": refused}
        return {"ok": True, **_CALLS[call](self, said)}

    def error(self, status: int) -> dict[str, Any]:
        return {"ok": False, "error": {401: "invalid_auth", 429: "ratelimited"}.get(status, "internal_error")}

    def acts_in(self, call: str) -> bool:
        """Whether the trouble that this call is about to meet comes after the deed."""
        troubles = self.troubles.get(call) or self.troubles.get("*") or [None]
        refused_at_once = (401, 403, 404, 429)
        status = troubles[0][0] if isinstance(troubles[0], tuple) else troubles[0]
        return status is None or not (self.unheard or status in refused_at_once)

    def post_message(self, said: dict[str, Any]) -> dict[str, Any]:
        kept = ("blocks", "metadata", "thread_ts")
        more = {name: said[name] for name in kept if name in said}
        posted = self.post(said["text"], said["channel"], bot_id="B1", **more)
        return {"channel": said["channel"], "ts": posted["ts"], "message": _shown(posted, "")}

    def update(self, said: dict[str, Any]) -> dict[str, Any]:
        posted = self._found(said["channel"], said["ts"])
        posted |= {name: said[name] for name in ("text", "blocks", "metadata") if name in said}
        return {**{name: said[name] for name in ("channel", "ts", "text")}, "message": {"text": said["text"]}}

    def history(self, said: dict[str, Any]) -> dict[str, Any]:
        page = self._page(self.messages(said["channel"])[::-1], said)
        return {**page, "pin_count": 0, "channel_actions_ts": None, "channel_actions_count": 0}

    def thread(self, said: dict[str, Any]) -> dict[str, Any]:
        of_thread = [
            posted
            for posted in self.channels[said["channel"]]
            if said["ts"] in (posted["ts"], posted.get("thread_ts"))
        ]
        return self._page(of_thread, {name: said[name] for name in said if name != "ts"})

    def link(self, said: dict[str, Any]) -> dict[str, Any]:
        ts = self._found(said["channel"], said["message_ts"])["ts"].replace(".", "")
        permalink = f"https://of-these-tests.slack.com/archives/{said['channel']}/p{ts}"
        return {"channel": said["channel"], "permalink": permalink}

    def _found(self, channel: str, ts: str) -> dict[str, Any]:
        return next(posted for posted in self.channels[channel] if posted["ts"] == ts)

    def _page(self, found: list[dict[str, Any]], said: dict[str, Any]) -> dict[str, Any]:
        oldest, latest = float(said.get("oldest", 0)), float(said.get("latest", 10**12))
        inclusive = said.get("inclusive") == "1"
        between = [
            posted
            for posted in found
            if oldest < float(posted["ts"]) < latest
            or (inclusive and float(posted["ts"]) in (oldest, latest))
        ]
        start, limit = int(said.get("cursor", 0)), int(said.get("limit", 100))
        readable = said.get("include_all_metadata", "") if "metadata.message:read" in self.scopes else ""
        page = [_shown(posted, readable) for posted in between[start : start + limit]]
        more = start + limit < len(between)
        return {
            "messages": page,
            "has_more": more,
            **({"response_metadata": {"next_cursor": str(start + limit)}} if more else {}),
        }


_CALLS = {
    "chat.postMessage": Workspace.post_message,
    "chat.update": Workspace.update,
    "chat.getPermalink": Workspace.link,
    "conversations.history": Workspace.history,
    "conversations.replies": Workspace.thread,
}


def _shown(posted: dict[str, Any], with_metadata: str) -> dict[str, Any]:
    return {name: posted[name] for name in posted if name != "metadata" or with_metadata == "1"}


class _Handler(ServiceHandler, BaseHTTPRequestHandler):
    service: Workspace

    def end_headers(self) -> None:
        if self.service.says_scopes:
            self.send_header("x-oauth-scopes", self.service.scopes)
        super().end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        call = urlsplit(self.path).path.removeprefix("/api/")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._send(200, json.dumps({"ok": False, "error": "invalid_auth"}).encode())
            return
        said = json.loads(body) if body.startswith("{") else dict(parse_qsl(body))
        answer = self.service.act(call, said) if self.service.acts_in(call) else {}
        self.reply(call, 200, answer)


@contextmanager
def slack(unheard: bool = False, **troubles: list[Trouble | None]) -> Iterator[Workspace]:
    """Run one on a free port. Calls are named with a `_` for the dot: chat_update."""
    named = {name.replace("_", ".", 1): list(had) for name, had in troubles.items()}
    service = Workspace(troubles=named, unheard=unheard)
    with running(service, _Handler):
        yield service
    assert service.mistakes == []
