"""A click on a button of ours in Slack, read from the form that Slack posts (`block_actions`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Annotated
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rca_plugin.core.json_body import BodyError, parse_json
from rca_plugin.core.slack import buttons, repair
from rca_plugin.core.text import head, visible

MAX_REASON_CHARS = 2_000
_BLOCK = re.compile(
    rf"(?:{buttons.ACTIONS_BLOCK}|{buttons.RESOLVE_BLOCK}|{repair.REPAIR_BLOCK})([1-9][0-9]{{0,17}})_([0-9a-f]{{12}})"
)
_FORM_FIELDS = 10


class Button(str, Enum):
    """The buttons of a message about an incident, by their `action_id`."""

    ACKNOWLEDGE = buttons.ACKNOWLEDGE
    ASSIGN = buttons.ASSIGN
    SILENCE_1H = buttons.SILENCE_1H
    SILENCE_8H = buttons.SILENCE_8H
    RESOLVE = buttons.RESOLVE
    APPROVE = repair.APPROVE
    REJECT = repair.REJECT


@dataclass(frozen=True)
class Click:
    """Who clicked which button for which incident. `at` is Slack's name for the moment, another for each click.

    `mark` tells the incident from another one of the same number, see `core.slack.buttons.mark`.
    `team_id` is the workspace of the message, `user_team_id` that of the person; empty where Slack does not say.
    `remediation_id` is the attempt to repair that is answered; 0 for all other buttons.
    """

    button: Button
    incident_id: int
    mark: str
    user_id: str
    user_name: str
    user_team_id: str
    team_id: str
    reason: str
    response_url: str
    message_ts: str
    at: str
    remediation_id: int = 0

    @property
    def is_foreign(self) -> bool:
        """Whether the person is of another workspace than the message, or Slack does not say of which."""
        return not self.team_id or self.user_team_id != self.team_id


class _Part(BaseModel):
    # Slack adds fields as it likes: what we do not read is not our business.
    model_config = ConfigDict(strict=True, extra="ignore")


_Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
_Moment = Annotated[str, Field(pattern=r"^[0-9.]{1,30}$")]


class _Team(_Part):
    id: _Id


class _User(_Part):
    id: _Id
    name: Annotated[str, Field(max_length=1_000)] = ""
    team_id: _Id | None = None


class _Container(_Part):
    message_ts: _Moment


class _Pressed(_Part):
    action_id: Annotated[str, Field(max_length=255)]
    block_id: Annotated[str, Field(max_length=255)] = ""
    value: Annotated[str, Field(max_length=10_000)] | None = None
    action_ts: _Moment


class _Payload(_Part):
    user: _User
    team: _Team | None = None
    container: _Container
    response_url: Annotated[str, Field(max_length=1_000)] = ""
    actions: Annotated[list[_Pressed], Field(min_length=1, max_length=25)]


def read_click(body: bytes) -> Click | None:
    """The click in a form; None for what is not a click on a button of ours.

    Raises BodyError for what Slack would not send.
    """
    payload = parse_json(_payload_field(body))
    if not isinstance(payload, dict):
        raise BodyError("invalid_fields", "The payload is not an object.")
    if payload.get("type") != "block_actions":
        return None
    try:
        return _click(_Payload.model_validate(payload))
    except ValidationError as error:
        places = sorted({".".join(str(part) for part in e["loc"])[:80] for e in error.errors()})
        raise BodyError("invalid_fields", f"Not as Slack documents it: {', '.join(places[:10])}.") from None


def _payload_field(body: bytes) -> bytes:
    try:
        form = parse_qs(body.decode("ascii"), max_num_fields=_FORM_FIELDS, errors="strict")
        [payload] = form["payload"]
        return payload.encode()
    except (ValueError, KeyError):
        raise BodyError("invalid_form", "The body is not a form with one payload.") from None


def _click(payload: _Payload) -> Click | None:
    known = {button.value: button for button in Button}
    pressed = next((one for one in payload.actions if one.action_id in known), None)
    if pressed is None:
        return None
    button = known[pressed.action_id]
    number, mark = _incident(pressed)
    return Click(
        button=button,
        incident_id=number,
        mark=mark,
        remediation_id=_attempt(pressed) if button in (Button.APPROVE, Button.REJECT) else 0,
        user_id=payload.user.id,
        user_name=head(visible(payload.user.name), 200),
        user_team_id=payload.user.team_id or "",
        team_id=payload.team.id if payload.team else "",
        reason=_reason(pressed) if button is Button.RESOLVE else "",
        response_url=payload.response_url,
        message_ts=payload.container.message_ts,
        at=pressed.action_ts,
    )


def _incident(pressed: _Pressed) -> tuple[int, str]:
    # Not by its value: that of a field is what was typed into it.
    found = _BLOCK.fullmatch(pressed.block_id)
    if found is None:
        raise BodyError("invalid_fields", "It does not say which incident is meant.")
    return int(found[1]), found[2]


def _attempt(pressed: _Pressed) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,17}", pressed.value or ""):
        raise BodyError("invalid_fields", "It does not say which repair is meant.")
    return int(pressed.value or 0)


def _reason(pressed: _Pressed) -> str:
    return head(visible(pressed.value or "").strip(), MAX_REASON_CHARS)
