"""Clicks in Slack, as Slack posts them, and what nobody honest would post."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from demo.local_airflow import REPOSITORY
from rca_plugin.core.json_body import BodyError
from rca_plugin.core.slack.buttons import OPEN_PAGE, RESOLVE, buttons, mark
from rca_plugin.core.slack.repair import repair
from rca_plugin.core.slack_click import MAX_REASON_CHARS, Button, read_click
from tests.core.incidents import attempt, incident

SAMPLES = REPOSITORY / "tests" / "payloads" / "slack"


def sample(name: str) -> dict[str, Any]:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def form(payload: Any) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def changed(name: str = "acknowledge", **action: Any) -> dict[str, Any]:
    payload = sample(name)
    payload["actions"][0].update(action)
    return payload


def refused(body: bytes) -> str:
    with pytest.raises(BodyError) as error:
        read_click(body)
    return error.value.code


def test_a_click_says_who_clicked_what_for_which_incident() -> None:
    click = read_click(form(sample("acknowledge")))
    assert click is not None
    assert (click.button, click.incident_id, click.at) == (Button.ACKNOWLEDGE, 7, "1764000050.123456")
    assert click.mark == "0123456789ab"
    assert (click.user_id, click.user_name, click.team_id) == ("U0ADA0001", "ada", "T0HOME001")
    assert click.response_url == "https://hooks.slack.com/actions/T0HOME001/1/random"
    assert (click.message_ts, click.reason, click.is_foreign) == ("1764000000.000100", "", False)


def test_what_our_message_lets_people_click_is_understood() -> None:
    asked = incident(remediations=[attempt()])
    blocks = [b for b in repair(asked) if b["type"] == "actions"] + buttons(asked, "https://airflow.example")
    pressed = [element | {"block_id": block["block_id"]} for block in blocks for element in
               block.get("elements", [block.get("element")])]  # fmt: skip
    for element in pressed:
        if element["action_id"] == RESOLVE:
            element["value"] = "It is over."
    clicks = [read_click(form(changed(**element))) for element in pressed]
    assert {click.button: click.incident_id for click in clicks if click} == dict.fromkeys(Button, 42)
    expected = mark(incident()["fingerprint"], incident()["environment"])
    assert {click.mark for click in clicks if click} == {expected}
    assert expected != mark(incident()["fingerprint"], "staging") != mark("f" * 64, "staging")
    assert [element["action_id"] for element, click in zip(pressed, clicks, strict=True) if not click] == [
        OPEN_PAGE
    ]
    assert {c.button: c.remediation_id for c in clicks if c and c.remediation_id} == {
        Button.APPROVE: 7, Button.REJECT: 7,
    }  # fmt: skip


@pytest.mark.parametrize("value", ["42/7", "0", "07", "x", "-7", " 7", "7.0", "\u0667", "9" * 19, "", None])
@pytest.mark.parametrize("name", ["rca_approve", "rca_reject"])
def test_an_answer_names_the_attempt(name: str, value: str | None) -> None:
    assert refused(form(changed(action_id=name, value=value))) == "invalid_fields"


@pytest.mark.parametrize("button", [button for button in Button if button is not Button.RESOLVE])
def test_each_button_is_known_by_its_action(button: Button) -> None:
    click = read_click(form(changed(action_id=button.value, value="7")))
    assert click is not None
    assert click.button is button


def test_the_field_for_a_reason_names_its_incident_by_its_block() -> None:
    click = read_click(form(sample("resolve")))
    assert click is not None
    assert (click.button, click.incident_id, click.reason) == (Button.RESOLVE, 7, "The password was renewed.")


def test_a_reason_is_bounded_and_holds_nothing_that_no_eye_sees() -> None:
    click = read_click(form(changed("resolve", value="\u202e a\x00\x1b[31mb\u200b " + "x" * 5_000)))
    assert click is not None
    assert click.reason.startswith("ab x")
    assert len(click.reason) == MAX_REASON_CHARS


@pytest.mark.parametrize("name", ["acknowledge", "resolve"])
@pytest.mark.parametrize(
    "number", ["", "0", "-1", "07", "7 ", "7.0", "\u0667", "1e3", "9" * 19, "RCA-7", "rca_actions_7"]
)
def test_what_is_no_number_of_an_incident_is_refused(name: str, number: str) -> None:
    block = f"{'rca_actions' if name == 'acknowledge' else 'rca_resolve'}_{number}_0123456789ab"
    assert refused(form(changed(name, block_id=block, value="7"))) == "invalid_fields"


@pytest.mark.parametrize(
    "end", ["", "_", "_0123456789a", "_0123456789abc", "_0123456789aB", "_0123456789ab\n"]
)
def test_a_number_alone_names_no_incident(end: str) -> None:
    assert refused(form(changed(block_id=f"rca_actions_7{end}", value="7"))) == "invalid_fields"


def test_other_buttons_and_other_payloads_are_left_alone(shared: Path) -> None:
    assert read_click(form(changed(action_id="open"))) is None
    assert read_click(form(changed(action_id="rca_repair"))) is None
    others = sorted((shared / "payloads" / "slack").glob("*.json"))
    assert len(others) == 8
    for file in others:
        if file.name != "slash_command.slash_command_body.json":  # a form of other fields
            assert read_click(form(json.loads(file.read_text()))) is None, file.name
    assert refused(b"command=%2Frca&text=Hi") == "invalid_form"


def test_a_click_from_another_workspace_is_seen_as_one() -> None:
    for change in ({"user": {"id": "U1", "team_id": "T0OTHER"}}, {"user": {"id": "U1"}}, {"team": None}):
        click = read_click(form(sample("acknowledge") | change))
        assert click is not None
        assert click.is_foreign, change


HOSTILE: list[tuple[str, bytes]] = [
    ("empty", b""),
    ("JSON", b'{"payload": {}}'),
    ("two payloads", form({}) + b"&" + form({})),
    ("many fields", b"&".join([b"a=1"] * 50) + b"&" + form({})),
    ("no UTF-8", b"payload=%ff%fe"),
    ("raw bytes", b"payload=\xff"),
    ("not JSON", b"payload=hello"),
    ("a list", form([])),
    ("deep", form({"type": "block_actions", "a": json.loads("[" * 40 + "]" * 40)})),
    ("no actions", form(sample("acknowledge") | {"actions": []})),
    ("actions of another kind", form(sample("acknowledge") | {"actions": "rca_acknowledge"})),
    ("too many actions", form(sample("acknowledge") | {"actions": sample("acknowledge")["actions"] * 26})),
    ("no user", form(sample("acknowledge") | {"user": None})),
    ("a user id with a path in it", form(sample("acknowledge") | {"user": {"id": "../U1"}})),
    ("a long address", form(sample("acknowledge") | {"response_url": "https://" + "x" * 2_000})),
]


@pytest.mark.parametrize("body", [case[1] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_what_slack_would_not_send_is_refused_with_a_code(body: bytes) -> None:
    assert refused(body) in {"invalid_form", "invalid_json", "invalid_fields", "too_deep"}
