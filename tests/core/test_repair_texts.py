"""What the page, Slack and Jira say of repairs, in words that are only words."""

from __future__ import annotations

from typing import Any

import pytest

from rca_plugin.core.knowledge import ACTIONS
from rca_plugin.core.remediation.foreseen import foreseen
from rca_plugin.core.remediation.sentence import action_words, sentence, timeless
from rca_plugin.core.remediation.state import RemediationState
from rca_plugin.core.slack.message import Message, message
from rca_plugin.core.slack.repair import APPROVE, REJECT
from rca_plugin.core.slack.thread import thread
from rca_plugin.core.slack_click import Button
from rca_plugin.core.ticket.block import Bullets, Heading, Paragraph
from rca_plugin.core.ticket.description import description
from rca_plugin.core.ticket.repair import escalation
from tests.core.incidents import attempt, incident
from tests.core.test_slack import HOSTILE, check, said

ADA, GRACE = {"name": "ada", "at": "2026-11-25T12:05:00Z"}, {"name": "grace", "at": "2026-11-25T12:06:00Z"}
WHAT = "change the cluster to another node type, and start it (cluster:adb-1/0101)"


def repaired(*attempts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return incident(remediations=list(attempts), **changes)


def pressable(made: Message) -> dict[str, dict[str, Any]]:
    """The buttons that answer, by what they are called to Slack."""
    elements = [e for b in made.blocks if b["type"] == "actions" for e in b["elements"]]
    return {e["action_id"]: e for e in elements if e["action_id"] in (APPROVE, REJECT)}


def test_every_action_has_words() -> None:
    assert all(action_words(action) != action.replace("_", " ") for action in ACTIONS)
    assert action_words("of_tomorrow") == "of tomorrow"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state": "suggested"}, f"Suggested: {WHAT}. In this mode nobody is asked, and nothing is done."),
        ({}, f"Waiting for an approval until 2026-11-25 13:02 UTC: {WHAT}."),
        ({"approvals_needed": 2}, f"Waiting for two approvals until 2026-11-25 13:02 UTC: {WHAT}."),
        ({"approvals_needed": 2, "approvals": [ADA]},
         f"Waiting for one more approval (ada approved) until 2026-11-25 13:02 UTC: {WHAT}."),
        ({"approvals": [ADA]}, f"About to {WHAT}, approved by ada."),
        ({"state": "ready", "not_before": "2026-11-25T12:10:30Z", "approvals": [ADA]},
         f"About to {WHAT}, not before 2026-11-25 12:10 UTC, approved by ada."),
        ({"state": "running", "started_at": "2026-11-25T12:11:00Z", "approvals": [ADA, GRACE]},
         f"Under way since 2026-11-25 12:11 UTC: {WHAT}, approved by ada and grace."),
        ({"state": "succeeded", "approvals": [ADA], "outcome": "run 8 succeeded"},
         f"It worked: {WHAT}, approved by ada. Run 8 succeeded."),
        ({"state": "failed", "outcome": "No capacity."}, f"It did not help: {WHAT}. No capacity."),
        ({"state": "rejected", "outcome": "ada said no"}, f"Rejected: {WHAT}. Ada said no."),
        ({"state": "expired"}, f"Nobody approved in time, so nothing was done: {WHAT}."),
        ({"state": "refused", "outcome": "", "rules": [{"name": "freeze", "allows": False, "why": "year end"}]},
         f"Stopped before it began: {WHAT}. Year end."),
        ({"state": "canceled"}, f"Canceled before it began: {WHAT}."),
        ({"state": "unknown"}, f"Nobody knows what came of it, look there yourself: {WHAT}."),
    ],
)  # fmt: skip
def test_each_state_is_one_sentence(changes: dict[str, Any], says: str) -> None:
    assert sentence(attempt(**changes)) == says


def test_what_a_decision_would_lead_to_is_one_sentence() -> None:
    proposal = {"action": "airflow_clear", "resource": "orders/load", "blast_radius": ["load"], "target": {}}
    stops = {"name": "freeze window", "allows": False, "why": "Close of the year."}
    waits = {"name": "approval", "allows": False, "why": "0 of 1 have agreed."}

    def says(verdict: str, *rules: dict[str, Any], needed: int = 1) -> str:
        return foreseen(
            {"verdict": verdict, "proposal": proposal, "rules": rules, "approvals_needed": needed}
        )

    what = "run the failed tasks, and what depends on them, again (orders/load)"
    assert says("ask", waits) == f"Somebody would have to approve: {what}."
    assert says("ask", waits, needed=2) == f"2 different people would have to approve: {what}."
    assert says("act") == f"It would be done: {what}."
    assert says("suggest", waits) == f"It would only be suggested: {what}."
    assert says("refuse", waits, stops) == "It would be stopped: Close of the year."
    assert says("refuse", *[stops] * 5).endswith("Close of the year; and 2 more.")
    assert says("off") == "Nothing would be done, and nobody asked: the mode is off."


def test_where_times_stand_beside_it_there_are_none_in_it() -> None:
    given = {"not_before": "2026-11-25T12:10:30Z", "started_at": "2026-11-25T12:10:30Z"}
    for state in RemediationState:
        assert "UTC" not in timeless(attempt(state=state.value, **given))


def test_there_is_a_sentence_for_each_state() -> None:
    for state in RemediationState:
        assert sentence(attempt(state=state.value))


def test_the_message_asks_with_what_it_touches_and_names_the_very_attempt() -> None:
    made = message(repaired(attempt()), None)
    check(made)
    assert f"Repair\nWaiting for an approval until 2026-11-25 13:02 UTC: {WHAT}." in said(made)
    assert "Risk: medium. It touches 2: job nightly; cluster 0101" in said(made)
    buttons = pressable(made)
    assert {e["value"] for e in buttons.values()} == {"7"}
    assert "2: job nightly" in buttons[APPROVE]["confirm"]["text"]["text"]
    assert (Button.APPROVE.value, Button.REJECT.value) == (APPROVE, REJECT)


@pytest.mark.parametrize("state", [s.value for s in RemediationState if s.value != "waiting"])
def test_there_is_nothing_to_answer_but_what_waits(state: str) -> None:
    assert pressable(message(repaired(attempt(state=state)), None)) == {}


def test_nor_once_all_have_approved() -> None:
    assert pressable(message(repaired(attempt(approvals=[ADA])), None)) == {}
    assert pressable(message(repaired(attempt(approvals=[ADA], approvals_needed=2)), None)) != {}


@pytest.mark.parametrize("status", ["resolved", "closed", "suppressed"])
def test_nor_once_the_incident_needs_nothing(status: str) -> None:
    assert pressable(message(repaired(attempt(), status=status), None)) == {}


def test_an_incident_without_repairs_says_nothing_of_them() -> None:
    for made in (message(incident(), None), message(repaired(), None)):
        assert "Repair" not in said(made)
    assert set(thread(repaired())) == {"reasoning", "evidence"}
    assert Heading("Repair") not in description(repaired(), ())


def test_each_attempt_is_a_reply_of_its_own_with_all_that_it_touches() -> None:
    many = [f"task_{number}" for number in range(30)]
    replies = thread(repaired(attempt(id=8, attempt=2, blast_radius=many), attempt(state="failed")))
    assert list(replies) == ["reasoning", "evidence", "repair 7", "repair 8"]
    for reply in replies.values():
        check(reply)
    newest = said(replies["repair 8"])
    assert "What it touches: 30\n• task_0" in newest
    assert "… and 10 more" in newest
    assert "for people now" not in newest
    # Another one is on its way.
    assert "for people now" not in said(replies["repair 7"])


@pytest.mark.parametrize("state", ["failed", "rejected", "expired", "refused", "unknown"])
def test_when_nothing_more_is_tried_the_thread_says_that_people_are_needed(state: str) -> None:
    reply = thread(repaired(attempt(state=state), priority="P1"))["repair 7"]
    assert "Nothing more is tried by itself: RCA-42 (P1) is for people now." in said(reply)
    over = thread(repaired(attempt(state=state), status="resolved"))["repair 7"]
    assert "for people now" not in said(over)


def test_repairs_are_told_before_there_is_an_analysis_too() -> None:
    assert list(thread(repaired(attempt(), analysis=None))) == ["repair 7"]


def test_the_ticket_lists_the_attempts_and_what_the_newest_touches() -> None:
    blocks = description(
        repaired(attempt(id=8, attempt=2), attempt(state="failed", outcome="no capacity")), ()
    )
    place = blocks.index(Heading("Repair"))
    listed, touches = blocks[place + 1 : place + 3]
    assert isinstance(listed, Bullets)
    assert [line.split(":")[0] for line in listed.items] == ["Attempt 2", "Attempt 1"]
    assert "It did not help" in listed.items[1]
    assert touches == Paragraph("It touches 2: job nightly; cluster 0101.")


def test_the_comment_of_an_escalation_says_what_was_tried_and_that_people_are_needed() -> None:
    said_, tried, touches, marker = escalation(
        repaired(attempt(state="failed", outcome="x"), priority="P1"), "m"
    )
    assert said_ == Paragraph("The repair is over, and RCA-42 (P1) is not: it is for people now.")
    assert isinstance(tried, Paragraph)
    assert tried.text == f"It did not help: {WHAT}. X."
    assert (touches, marker) == (Paragraph("It touches 2: job nightly; cluster 0101."), Paragraph("m"))


@pytest.mark.parametrize("state", [state.value for state in RemediationState])
@pytest.mark.parametrize(
    "text", [HOSTILE, "&" * 5_000, "\u202e\u0000🔥" * 2_000], ids=["words", "long", "odd"]
)
def test_hostile_text_is_text_and_all_of_it_together_fits(state: str, text: str) -> None:
    hostile = attempt(
        state=state, resource=text[:510], outcome=text, blast_radius=[text[:510] or "x"] * 1_000, risk="high",
        approvals=[{"name": text, "at": text}] * 2, rules=[{"name": text, "allows": False, "why": text}] * 20,
    )  # fmt: skip
    told = repaired(*[hostile] * 20, title=text, resource=text, owner=text, assignee=text)
    check(message(told, None))
    for reply in thread(told).values():
        check(reply)
    assert sum(len(str(block)) for block in description(told, ())) < 20_000
