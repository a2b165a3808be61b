"""An incident in Slack's blocks: what stands there, and that no text of anybody's is more than text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from rca_plugin.core.slack.buttons import OPEN_PAGE, block_suffix
from rca_plugin.core.slack.message import Message, message
from rca_plugin.core.slack.text import code, end, escaped, plain, words
from rca_plugin.core.slack.thread import thread
from tests.core.incidents import analysis, fact, incident
from tests.fakes.block_kit import mistakes

URL = "https://airflow.example.com/pluginsv2/rca/incidents/42"
LIMITS = {"header": 150, "section": 3000, "context": 2000}
HOSTILE = (
    "<!channel> <!here|x> <@U012AB3CD> <#C012|x> <!subteam^S1> <https://evil.example|ok> https://evil.example/a "
    "mailto:a@evil.example @channel *b* _i_ ~s~ `c` ```d``` > q & &lt;!channel&gt; :fire: [t](http://evil.example)"
)


def texts(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """All that has a type, and the type of it."""
    if isinstance(value, dict):
        if "type" in value:
            yield value["type"], value
        for name, inner in value.items():
            yield from texts(inner, name)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from texts(inner, key)


def said(made: Message) -> str:
    """All text that is there."""
    return "\n".join(item["text"] for kind, item in texts(made.blocks) if kind in ("plain_text", "text"))


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def check(made: Message) -> None:
    """It is valid, and only text."""
    said_so = {"channel": "C0123456789", "text": made.text, "blocks": list(made.blocks)}
    assert mistakes("chat.postMessage", said_so) == []
    for block in made.blocks:
        parsed = Block.parse(block)
        assert parsed is not None
        parsed.validate_json()
        for text in [block.get("text"), *block.get("fields", [])]:
            if text:
                assert 0 < units(text["text"]) <= LIMITS[block["type"]]
    assert len(made.blocks) <= 50
    assert len({b["block_id"] for b in made.blocks if "block_id" in b}) == sum(
        "block_id" in b for b in made.blocks
    )
    kinds = {kind for kind, _ in texts(made.blocks)}
    assert kinds <= {
        "header", "section", "context", "actions", "input", "button", "plain_text", "plain_text_input",
        "rich_text", "rich_text_preformatted", "text",
    }  # fmt: skip
    for kind, item in texts(made.blocks):
        if kind == "plain_text":
            assert item["emoji"] is False
            assert not re.search(r"[<>]|://|&(?!amp;|lt;|gt;)", item["text"])
    assert not re.search(r"[<>&@:.`*|!#~]", made.text)
    assert 0 < len(made.text) <= 300
    # Of all blocks together Slack takes some 12,000 characters.
    assert sum(units(text) for text in said(made).splitlines()) < 9_000


def hostile(text: str) -> dict[str, Any]:
    """An incident in which everybody who could says this."""
    said = analysis(
        summary=text, root_cause={"text": text, "evidence": ["E1", "E2"]}, recommendations=[text] * 6,
        hypotheses=[{"text": text, "evidence": ["E3"], "distinguish": text}] * 3, not_known=[text] * 10,
        avoid=[text] * 10, quotes=[{"evidence": "E1", "text": text}], model_problem=text,
    )  # fmt: skip
    return incident(
        resource=text, title=text, environment=text, owner=text, assignee=text, acknowledged_by=text,
        resolved_how=text, suppressed_why=text, analysis=said,
        evidence=[fact(f"E{number}", text) | {"source": text} for number in range(1, 9)],
    )  # fmt: skip


@given(
    text=st.text(max_size=200) | st.text("<>&!@#|`*_~:/.🔥\n\u202e\u200bhtps", max_size=200),
    times=st.sampled_from([1, 40, 400]),
    status=st.sampled_from(["open", "acknowledged", "resolved", "closed", "suppressed"]),
)
@example(HOSTILE, 1, "open")
@example(HOSTILE, 100, "acknowledged")
@example("🔥", 4000, "resolved")
@example("&", 4000, "open")
@example("", 1, "open")
def test_whatever_is_said_is_valid_and_only_text(text: str, times: int, status: str) -> None:
    said_by_all = hostile(text * times) | {"status": status}
    for made in (message(said_by_all, URL), *thread(said_by_all).values()):
        check(made)


def test_what_it_is_and_how_it_stands() -> None:
    made = message(incident(assignee="Ada"), URL)
    check(made)
    assert made.blocks[0]["text"]["text"].startswith("P2 RCA-42: orders_daily/load: OperationalError")
    shown = said(made)
    for expected in (
        "Status\nOpen", "Priority\nP2 (severity High)", "Category\nconnection error, 90% sure", "Owner\ndata-team",
        "Where\norders_daily/load (airflow, production)", "Assigned to\nAda", "Respond until 2026-11-25 12:30 UTC",
        "Failures\n3, last 2026-11-25 12:01 UTC", "Root cause\ndb-1 is down", "Written by Gemini, 80% sure.",
        "1. Start it", "2. Run it again", "3. Watch it",
    ):  # fmt: skip
        assert expected in shown
    assert "Tell everybody" not in shown
    assert made.text == "P2 RCA-42 open orders_daily/load OperationalError connection refused"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "open", "flapping": True}, "Open, and it comes back often"),
        ({"status": "acknowledged", "acknowledged_by": "ada"}, "Acknowledged by ada"),
        ({"status": "acknowledged"}, "Resolve until 2026-11-25 20:00 UTC"),
        (
            {"status": "resolved", "resolved_how": "The password was renewed"},
            "Resolved: The password was renewed",
        ),
        ({"status": "closed", "resolved_how": "works again"}, "Closed. It was resolved: works again"),
        ({"status": "suppressed", "suppressed_why": "part of RCA-7"}, "Kept quiet: part of RCA-7"),
        ({"analysis": None, "analysis_problem": "no pool"}, "No root cause yet: no pool"),
        (
            {"analysis": analysis(method="knowledge_base", model_problem="no budget")},
            "Written by the knowledge base",
        ),
        ({"analysis": analysis(model_problem="no budget")}, "Gemini did not write it: no budget"),
        ({"kind": "storm", "title": "Storm of timeout: late"}, "P2 RCA-42: Storm of timeout: late"),
        ({"kind": "storm", "failure_count": 24}, "Incidents\n24, last 2026-11-25 12:01 UTC"),
    ],
)
def test_what_changes_is_said(changes: dict[str, Any], expected: str) -> None:
    changed = message(incident(**changes), URL)
    check(changed)
    assert expected in said(changed)
    assert changed.digest != message(incident(), URL).digest


@pytest.mark.parametrize(
    ("status", "actions"),
    [
        (
            "open",
            ["rca_acknowledge", "rca_assign", "rca_silence_1h", "rca_silence_8h", OPEN_PAGE, "rca_resolve"],
        ),
        ("acknowledged", ["rca_assign", "rca_silence_1h", "rca_silence_8h", OPEN_PAGE, "rca_resolve"]),
        ("resolved", [OPEN_PAGE]),
        ("closed", [OPEN_PAGE]),
        ("suppressed", [OPEN_PAGE]),
    ],
)
def test_buttons_act_only_while_there_is_something_to_do(status: str, actions: list[str]) -> None:
    made = message(incident(status=status), URL)
    elements = [item for _, item in texts(made.blocks) if "action_id" in item]
    assert [item["action_id"] for item in elements] == actions
    for item in elements:
        assert item.get("value", "42") == "42"
        assert item.get("url", URL) == URL
    assert OPEN_PAGE not in str(message(incident(status=status), None).blocks)


def test_a_storm_has_no_buttons_to_silence_it() -> None:
    elements = [item for _, item in texts(message(incident(kind="storm"), URL).blocks) if "action_id" in item]
    assert [item["action_id"] for item in elements] == [
        "rca_acknowledge",
        "rca_assign",
        OPEN_PAGE,
        "rca_resolve",
    ]


def test_the_reason_is_typed_and_its_block_says_which_incident_it_is_about() -> None:
    [block] = [b for b in message(incident(), URL).blocks if b["type"] == "input"]
    assert (block["dispatch_action"], block["block_id"]) == (
        True,
        f"rca_resolve_{block_suffix(incident())}",
    )


def test_the_thread_says_what_it_rests_on() -> None:
    replies = thread(incident())
    reasoning, evidence = said(replies["reasoning"]), said(replies["evidence"])
    for expected in (
        "The load failed.", "Hypothesis 1: It was restarted (E1)\nHow to tell: Ask its log",
        "Not known\n• Who stopped it", "Do not make it worse\n• Do not drop the table.",
    ):  # fmt: skip
        assert expected in reasoning
    assert evidence.index("E2 airflow task log") < evidence.index("E1 airflow task log")
    assert "Connection refused\n…\nConnection refused" in evidence
    assert thread(incident(analysis=None)) == {}


def test_of_a_traceback_the_end_is_kept_by_whole_lines() -> None:
    frames = "\n".join(f"  File frame_{n}.py, line {n}" for n in range(500))
    [_, block] = thread(
        incident(
            analysis=analysis(hypotheses=[], quotes=[]), evidence=[fact("E2", f"{frames}\nValueError: bad")]
        )
    )["evidence"].blocks
    [shown] = block["elements"][0]["elements"]
    lines = shown["text"].splitlines()
    assert (lines[0], lines[-1]) == ("…", "ValueError: bad")
    assert re.fullmatch(r"  File frame_\d+\.py, line \d+", lines[1])
    assert end("x" * 50, 10) == "…" + "x" * 9


def test_a_secret_with_something_invisible_in_it_is_none_that_is_shown() -> None:
    hidden = "password=hun\u200bter2-of-these-tests"
    for made in (plain(hidden, 100), code(hidden, 100), words(hidden, 100)):
        assert "hunter2" not in json.dumps(made)


def test_text_is_escaped_as_slack_wants_it() -> None:
    assert escaped("a & <b>") == "a &amp; &lt;b&gt;"
    assert plain("<!channel> https://evil.example", 100)["text"] == "&lt;!channel&gt; https: //evil.example"
    assert words(HOSTILE, 300).startswith("channel here x U012AB3CD C012 x")
