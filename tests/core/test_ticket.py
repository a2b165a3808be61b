"""What stands in a ticket: bounded, and with no markup, link or mention in it that is not ours."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.incident import Status
from rca_plugin.core.routing import TicketRoute
from rca_plugin.core.ticket.adf import adf, text_of
from rca_plugin.core.ticket.block import Bullets, Code, Heading, Link, Links, Paragraph
from rca_plugin.core.ticket.dialect import Dialect
from rca_plugin.core.ticket.fields import at_first, following, settled
from rca_plugin.core.ticket.label import marker, told_of
from rca_plugin.core.ticket.link import links
from rca_plugin.core.ticket.record import Record
from rca_plugin.core.ticket.status import categories_for, is_needed
from rca_plugin.core.ticket.wiki import wiki

HOSTILE = (
    "[click|https://evil.example] {html}<script>alert(1)</script>{html} !https://evil.example/x.png! "
    "[~admin] @admin {color:red}x{color} h1. big *bold* ABC-1 https://evil.example mailto:a@evil.example "
    "{noformat}{code}\\\\ &#91;x|https://evil.example] \u202egnp.exe ----\n||a||\n* b\n# c"
)
CLOUD, DATA_CENTER = Dialect(cloud=True), Dialect(cloud=False)
AIRFLOW = "https://airflow.example"


def an_incident(text: str, **changes: Any) -> dict[str, Any]:
    """One in which everything that others say is this text."""
    return {
        "id": 7, "label": "RCA-7", "fingerprint": "0123456789abcdef", "status": "open", "source": "generic",
        "environment": "production", "resource": text, "owner": text, "title": text, "category": "unknown",
        "severity": "High", "priority": "P2", "failure_count": 1, "first_failure_at": "2026-11-23T23:59:59Z",
        "last_failure_at": "2026-11-23T23:59:59Z",
        "failures": [{"dag_id": text, "run_id": text, "task_id": text, "map_index": 3, "try_number": 1,
                      "message": text, "url": "https://evil.example", "labels": {"cost_center": text}}],
        "evidence": [{"id": "E1", "source": text, "text": text}],
        "analysis": {
            "summary": text, "root_cause": {"text": text, "evidence": ["E1"]}, "confidence": 0.5, "method": "gemini",
            "hypotheses": [{"text": text, "evidence": ["E9"], "distinguish": text}] * 3,
            "recommendations": [text] * 6, "avoid": [text] * 6, "not_known": [text] * 6,
        },
        **changes,
    }  # fmt: skip


def fields(text: str, dialect: Dialect) -> dict[str, Any]:
    incident = an_incident(text)
    return following(incident, TicketRoute("PAY", fields={"customfield_1": "$cost_center"}), dialect,
                     links(incident, AIRFLOW))  # fmt: skip


def nodes(node: Any) -> Any:
    yield node
    for inner in node.get("content", ()):
        yield from nodes(inner)


def test_in_a_document_text_of_others_is_text() -> None:
    description = fields(HOSTILE, CLOUD)["description"]
    kinds = {node["type"] for node in nodes(description)}
    assert kinds <= {"doc", "paragraph", "text", "heading", "bulletList", "listItem", "codeBlock"}
    hrefs = [mark["attrs"]["href"] for node in nodes(description) for mark in node.get("marks", ())]
    assert len(hrefs) == 3
    assert all(href.startswith(f"{AIRFLOW}/") for href in hrefs)
    assert "\u202e" not in json.dumps(description, ensure_ascii=False)


def outside_of_code(text: str) -> str:
    return re.sub(r"^\{noformat\}\n.*?\n\{noformat\}$", "", text, flags=re.DOTALL | re.MULTILINE)


def test_in_wiki_markup_text_of_others_has_none() -> None:
    description = fields(HOSTILE, DATA_CENTER)["description"]
    shown = re.sub(r"&#[0-9]+;", "", outside_of_code(description))
    ours = re.findall(r"\[[\w ]+\|([^\]|]+)\]", shown)
    assert len(ours) == 3
    assert all(url.startswith(f"{AIRFLOW}/") for url in ours)
    rest = re.sub(r"\[[\w ]+\|[^\]|]+\]|^h3\. |^\* ", "", shown, flags=re.MULTILINE)
    assert not re.search(r"[\[\]{}!|@:/\\*#~^+?_<>-]", rest), rest


def test_nothing_ends_a_block_of_code_but_we() -> None:
    written = wiki([Code("a {noformat} b {NoFormat:x} c { noformat} {code} d"), Paragraph("{noformat}")])
    assert written.lower().count("{noformat}") == 2
    assert "{code}" not in written


@given(st.text(max_size=300))
def test_whatever_is_said_a_paragraph_is_one_line_without_markup(text: str) -> None:
    written = wiki([Paragraph(text)])
    assert not re.search(r"[\[\]{}!|@:/\\*~^+?_<>\n]", written)
    assert not re.match(r"(h[1-6]\.|bq\.|[-*#])", written)


@pytest.mark.parametrize("start", ["h1. big", "bq. quoted", "- a", "# b", "* c", "---- "])
def test_no_line_begins_as_markup(start: str) -> None:
    assert not re.match(r"(h[1-6]\.|bq\.|[-*#])", wiki([Paragraph(start)]))
    assert not re.match(r"h3\. (h[1-6]\.|bq\.|[-*#])", wiki([Heading(start)]))


@pytest.mark.parametrize("dialect", [CLOUD, DATA_CENTER])
@pytest.mark.parametrize(
    "text", ["_" * 100_000, "word " * 30_000, "{noformat}\n" * 10_000, "", "\x00\ud800", "ü" * 9_000]
)
def test_whatever_comes_jira_takes_it(dialect: Dialect, text: str) -> None:
    said = fields(text, dialect)
    assert 1 <= len(said["summary"]) <= 255
    assert "\n" not in said["summary"]
    assert len(json.dumps(said["description"], ensure_ascii=False)) <= 32_767
    assert "Root cause" in dialect.read_text(said["description"])
    json.dumps(said, ensure_ascii=False).encode()
    assert (
        all(node["text"] for node in nodes(said["description"]) if node["type"] == "text")
        if dialect.cloud
        else True
    )


def test_evidence_is_left_out_before_the_cause_is() -> None:
    description = DATA_CENTER.text([Heading("Root cause"), *[Code("x" * 9_000)] * 9])
    assert description.startswith("h3. Root cause")
    assert 20_000 < len(description) <= 30_000


def test_custom_fields_are_filled_and_empty_ones_left_out() -> None:
    route = TicketRoute(
        "PAY", fields={"a": "$cost_center", "b": "$nothing", "c": [{"value": "$$ $priority"}], "d": 3}
    )
    said = settled(an_incident("4711"), route)
    assert {name: said[name] for name in ("a", "c", "d")} == {"a": "4711", "c": [{"value": "$ P2"}], "d": 3}
    assert "b" not in said
    assert said["labels"] == ["rca-0123456789ab-7"]


def test_a_blank_in_what_others_say_is_not_filled() -> None:
    assert following(an_incident("$owner ${cause}"), TicketRoute("P", summary="$title"), CLOUD, ())[
        "summary"
    ] == ("$owner ${cause}")


@pytest.mark.parametrize(
    ("due", "day"),
    [("2026-11-25T23:30:00-05:00", "2026-11-26"), ("2026-11-25T23:30:00Z", "2026-11-25"), (None, None)],
)
def test_the_due_date_is_a_day_of_utc(due: str | None, day: str | None) -> None:
    assert following(an_incident("x", resolve_due_at=due), TicketRoute("P"), CLOUD, ()).get("duedate") == day


@pytest.mark.parametrize(
    ("taken_by", "owner", "expected"), [("ada", "grace", "1"), ("eve", "grace", "2"), (None, "eve", "3")]
)
def test_whoever_has_taken_it_on_gets_the_ticket(taken_by: str | None, owner: str, expected: str) -> None:
    route = TicketRoute("P", assignees={"ada": "1", "grace": "2", "*": "3"})
    incident = an_incident("x", assignee=taken_by, owner=owner)
    assert at_first(incident, route, CLOUD, ())["assignee"] == {"accountId": expected}


def test_a_document_says_the_same_after_jira_wrote_it_in_its_own_way() -> None:
    ours = adf([Paragraph("a b"), Bullets(("c",)), Links((Link("d", "https://x"),))])
    a, b, c, d = ({"type": "text", "text": text} for text in ("a ", "b", "c", "d"))
    item = {"type": "listItem", "content": [{"type": "paragraph", "content": [c]}]}
    theirs = {"type": "doc", "version": 1, "content": [
        {"type": "paragraph", "attrs": {"localId": "1"}, "content": [a, b]},
        {"type": "bulletList", "content": [item]},
        {"type": "paragraph", "content": [d]},
    ]}  # fmt: skip
    assert CLOUD.essence("description", ours) == CLOUD.essence("description", theirs)
    assert CLOUD.essence("description", ours) != CLOUD.essence("description", adf([Paragraph("a b c")]))


def test_a_document_without_an_end_is_read_to_some_depth() -> None:
    node: dict[str, Any] = {"type": "doc"}
    node["content"] = [node]
    assert text_of(node) == ""


def test_a_log_cannot_say_that_a_comment_was_made() -> None:
    incident = an_incident("x", failure_count=5)
    assert told_of(f"again {marker(incident)}\n", incident) == 5
    assert told_of(f"{marker(incident)} said somebody", incident) is None
    assert told_of(marker(incident | {"id": 8}), incident) is None


@pytest.mark.parametrize(
    "value", [None, [], "x", {"fields": 3}, {"fields": {"a": 1}, "status": 4, "failures": "x"}]
)
def test_a_record_that_somebody_spoiled_is_one_of_nothing(value: Any) -> None:
    assert Record.from_json(value) == Record({})


def test_a_record_is_read_back() -> None:
    record = Record({"summary": "x"}, "open", 3)
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record


@pytest.mark.parametrize(
    ("status", "now", "categories"),
    [
        (Status.OPEN, "done", ("new", "indeterminate")),
        (Status.OPEN, "indeterminate", ()),
        (Status.ACKNOWLEDGED, "new", ("indeterminate",)),
        (Status.ACKNOWLEDGED, "undefined", ()),
        (Status.RESOLVED, "undefined", ("done",)),
        (Status.CLOSED, "done", ()),
        (Status.SUPPRESSED, "done", ()),
    ],
)
def test_where_a_ticket_belongs(status: Status, now: str, categories: tuple[str, ...]) -> None:
    assert categories_for(status, now) == categories
    assert is_needed(Status.RESOLVED, "new")
    assert not is_needed(Status.ACKNOWLEDGED, "new")
