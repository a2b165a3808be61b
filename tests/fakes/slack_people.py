"""What Slack says of people, and what it shows to who clicked: auth.test, users.info and a response_url."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.fakes.trouble import Service, ServiceHandler

TEAM, TOKEN = "T0HOME001", "xoxb-0000-a-token-of-a-bot"


def member(email: str, **more: Any) -> dict[str, Any]:
    """A full member of the workspace, in the form of users.info."""
    return {
        "team_id": TEAM, "name": "somebody", "deleted": False, "is_bot": False, "is_app_user": False,
        "is_restricted": False, "is_ultra_restricted": False, "is_email_confirmed": True,
        "profile": {"email": email, "team": TEAM},
    } | more  # fmt: skip


@dataclass
class SlackPeople(Service):
    """`people` by their ids; `told` is what came to the response_url; `team` is the workspace of the token."""

    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: list[dict[str, Any]] = field(default_factory=list)
    team: str = TEAM

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def error(self, status: int) -> Mapping[str, Any]:
        return {"ok": False, "error": "ratelimited" if status == 429 else "internal_error"}


class SlackPeopleHandler(ServiceHandler):
    service: SlackPeople

    def do_POST(self) -> None:  # noqa: N802
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path.startswith("/api/"):
            self._api(self.path.removeprefix("/api/"), {n: v[0] for n, v in parse_qs(body).items()})
        else:
            self.service.told.append(json.loads(body))
            self.reply("reply", 200, {"ok": True})

    def _api(self, method: str, fields: dict[str, str]) -> None:
        user = self.service.people.get(fields.get("user", ""))
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            answer: dict[str, Any] = {"ok": False, "error": "invalid_auth"}
        elif method == "auth.test":
            answer = {"ok": True, "team_id": self.service.team, "team": "Home", "user_id": "U0BOT0001"}
        elif user is not None:
            answer = {"ok": True, "user": {"id": fields["user"]} | user}
        else:
            answer = {"ok": False, "error": "user_not_found"}
        self.reply(method, 200, answer)
