"""The fake Slack refuses what Slack refuses: else no test would see that a message could not be posted."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from rca_plugin.core.slack.message import message
from rca_plugin.core.slack.text import plain
from tests.core.incidents import incident
from tests.fakes.block_kit import mistakes
from tests.fakes.slack import CHANNEL

_Change = Callable[[dict[str, Any]], Any]


def call() -> dict[str, Any]:
    made = message(incident(), "https://airflow.example.com/pluginsv2/rca/incidents/42")
    metadata = {"event_type": "rca_incident", "event_payload": {"incident": 42}}
    blocks = copy.deepcopy(list(made.blocks))
    return {"channel": CHANNEL, "text": made.text, "blocks": blocks, "metadata": metadata}


def buttons(said: dict[str, Any]) -> list[dict[str, Any]]:
    return next(block["elements"] for block in said["blocks"] if block["type"] == "actions")


WRONG: dict[str, _Change] = {
    "fifty-one blocks": lambda said: said["blocks"].extend([{"type": "divider"}] * 51),
    "no blocks": lambda said: said["blocks"].clear(),
    "a long section": lambda said: said["blocks"].append(
        {"type": "section", "text": plain("x" * 3_001, 4_000)}
    ),
    "an empty section": lambda said: said["blocks"].append({"type": "section"}),
    "an empty text": lambda said: said["blocks"][0]["text"].update(text=""),
    "a long header": lambda said: said["blocks"][0].update(text=plain("x" * 151, 200)),
    "a header in mrkdwn": lambda said: said["blocks"][0]["text"].update(type="mrkdwn"),
    "eleven fields": lambda said: said["blocks"][1]["fields"].extend([plain("x", 9)] * 11),
    "a long button": lambda said: buttons(said)[0].update(text=plain("x" * 76, 80)),
    "a long value": lambda said: buttons(said)[0].update(value="1" * 2_001),
    "a number as a value": lambda said: buttons(said)[0].update(value=42),
    "a long action_id": lambda said: buttons(said)[0].update(action_id="x" * 256),
    "an action twice": lambda said: buttons(said).append(buttons(said)[0]),
    "a block_id twice": lambda said: said["blocks"].append(said["blocks"][-1]),
    "a long block_id": lambda said: said["blocks"][-1].update(block_id="x" * 256),
    "an unknown block": lambda said: said["blocks"].append({"type": "table"}),
    "an unknown key": lambda said: said["blocks"][0].update(color="red"),
    "too much in all": lambda said: said["blocks"].extend(
        [{"type": "section", "text": plain("x" * 2_900, 3_000)}] * 5
    ),
    "a channel by its name": lambda said: said.update(channel="#data-alerts"),
    "no text": lambda said: said.update(text=""),
    "a float as a ts": lambda said: said.update(thread_ts=1795608001.000001),
    "a short ts": lambda said: said.update(thread_ts="1795608001.1"),
    "metadata with a mapping": lambda said: said["metadata"]["event_payload"].update(a={}),
    "an unknown argument": lambda said: said.update(as_markdown=True),
}


def test_what_we_say_is_taken() -> None:
    assert mistakes("chat.postMessage", call()) == []


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_what_slack_does_not_take_is_a_mistake(change: _Change) -> None:
    said = call()
    change(said)
    assert len(mistakes("chat.postMessage", said)) >= 1
