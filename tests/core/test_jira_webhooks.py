"""Webhooks of Jira: for each one what a person would expect to come of it."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rca_plugin.core.category import Priority
from rca_plugin.core.incident import Status
from rca_plugin.core.tracker.change import (
    Acknowledge,
    Assign,
    Change,
    Delete,
    Move,
    Prioritize,
    Reopen,
    Resolve,
    Say,
)
from rca_plugin.core.tracker.event import Field, Said, StatusCategory, TicketEvent
from rca_plugin.core.tracker.jira import parse
from rca_plugin.core.tracker.known import Known
from rca_plugin.core.tracker.policy import Policy
from rca_plugin.core.tracker.sync import changes

OWN = Path(__file__).parents[1] / "payloads" / "jira"
NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
NOTHING = "nothing"

# The incident is open, of priority P3 and Old Hand's; where it says `again` it was resolved, and the ticket done.
EXPECTED = {
    "cloud-comment-created-mention-user": "commented Test User: Added a comment with mentioned user [~user]",
    "cloud-comment-created": "commented Test User: Added a comment",
    "cloud-comment-deleted": "comment_deleted Test User",
    "cloud-comment-updated": "comment_edited Test User: Added a comment, then edited it",
    "cloud-issue-created-many-fields": NOTHING,
    "cloud-issue-updated-custom-field": NOTHING,
    "issue-assigned-empty-changelog": "assign John Doe",
    "issue-comment-created-indentation": "commented User: [~Test] creating a test comment",
    "issue-created-no-description-nor-relevant-fields": NOTHING,
    "issue-created-no-description": NOTHING,
    "issue-created-no-relevant-fields": NOTHING,
    "issue-created-with-security-level": NOTHING,
    "issue-created": NOTHING,
    "issue-deleted": "delete",
    "issue-updated-assigned-nobody": "assign nobody",
    "issue-updated-assigned-on-server": "assign Test User",
    "issue-updated-assigned": "assign Test User",
    "issue-updated-attachments": NOTHING,
    "issue-updated-components": NOTHING,
    "issue-updated-edited": NOTHING,
    "issue-updated-fix-version": NOTHING,
    "issue-updated-issue-type": NOTHING,
    "issue-updated-labels": NOTHING,
    "issue-updated-lowered-priority": "priority P4",
    "issue-updated-multiple-custom-fields": NOTHING,
    "issue-updated-multiple-values": "assign Test User",
    "issue-updated-raised-priority": "priority P2",
    "issue-updated-rank": NOTHING,
    "issue-updated-renamed": NOTHING,
    "issue-updated-reopened-one-changelog": "reopen again: Jira: To Do by Test User",
    "issue-updated-reopened": "reopen again: Jira: To Do by Test User",
    "issue-updated-resolved-one-changelog": "resolve: Jira: Done by Test User",
    "issue-updated-resolved": "resolve: Jira: Done by Test User",
    "issue-updated-sprint": NOTHING,
    "issue-updated-started-working": "acknowledge",
    "server-comment-created": "commented Lev Brouk: unik",
    "server-comment-deleted": "comment_deleted Lev Brouk",
    "server-comment-updated": "comment_edited Lev Brouk: and higher eeven higher",
    "server-issue-updated-closed": "resolve: Jira: Closed by Test User",
    "server-issue-updated-comment-deleted": NOTHING,
    "server-issue-updated-comment-edited": "comment_edited Lev Brouk: and higher eeven higher",
    "server-issue-updated-commented-1": "commented Lev Brouk: unik",
    "server-issue-updated-commented-2": "commented Test User: This is a test comment. We should act on it right away.",
    "server-issue-updated-commented-3": "commented Test User: This is a test comment. We should act on it right away. "
    "cc: [~SomeOtherUser]",
    "server-issue-updated-commented-mention-user": "commented Lev Brouk: unik with mentioned user [~user]",
    "server-issue-updated-in-progress": "acknowledge",
    "server-issue-updated-many-fields": NOTHING,
    "server-issue-updated-reopened": "reopen again: Jira: Reopened by Test User",
    "server-issue-updated-resolved": "resolve: Jira: Resolved by Test User",
    "server-old-issue-updated-no-event-type-assigned": "assign Test User",
    "server-old-issue-updated-no-event-type-comment-deleted": NOTHING,
    "server-old-issue-updated-no-event-type-comment-edited": "comment_edited Lev Brouk: and higher eeven higher",
    "server-old-issue-updated-no-event-type-commented": "commented Lev Brouk: unik",
    "server-old-issue-updated-no-event-type-edited": NOTHING,
    "server-updated-custom-field": NOTHING,
}
EXPECTED_OF_OWN = {
    "cloud-created": NOTHING,
    "cloud-in-progress": "acknowledge",
    "cloud-done": "resolve: Jira: Done by Grace Hopper",
    "cloud-reopened": "reopen again: Jira: To Do by Grace Hopper",
    "cloud-priority-lowered": "priority P4",
    "cloud-assigned": "assign Grace Hopper",
    "cloud-assigned-nobody": "assign nobody",
    # What was done counts, not how the ticket is since then.
    "cloud-assigned-and-gone-on": "assign Grace Hopper",
    # It is done for some time: that is no news.
    "cloud-labels": NOTHING,
    "cloud-moved": "move OPS-3",
    "cloud-deleted": "delete",
    "cloud-commented": "commented Grace Hopper: The disk was full.",
    "cloud-commented-for-few": "commented Grace Hopper: (not everybody may read this comment in Jira)",
    "cloud-version-released": NOTHING,
    "data-center-commented": "commented Grace Hopper: The disk was full.",
    "data-center-commented-with-ticket": "commented Grace Hopper: The disk was full.",
    "data-center-assigned": "assign Grace Hopper",
    "data-center-old-comment-edited": "comment_edited Grace Hopper: It was the disk.",
}


def in_words(change: Change) -> str:
    if isinstance(change, Say):
        said = change.comment.said
        text = "" if said is Said.DELETED else f": {change.comment.text.splitlines()[0].strip()}"
        return f"{said.value} {change.comment.by}{text}"
    return str(_WORDS[type(change)](change))


_WORDS: dict[type, Any] = {
    Resolve: lambda change: f"resolve: {change.how}",
    Reopen: lambda change: f"reopen again: {change.why}",
    Acknowledge: lambda _: "acknowledge",
    Assign: lambda change: f"assign {change.assignee or 'nobody'}",
    Prioritize: lambda change: f"priority {change.priority.value}",
    Delete: lambda _: "delete",
    Move: lambda change: f"move {change.key}",
}


def what_comes_of(event: TicketEvent | None, *, resolved: bool) -> str:
    if event is None:
        return NOTHING
    known = Known(
        event.moved_from or event.key or "DATA-7",
        Status.RESOLVED if resolved else Status.OPEN,
        "Old Hand",
        Priority.P3,
        category=StatusCategory.DONE if resolved else StatusCategory.NEW,
    )
    return ", ".join(map(in_words, changes(known, event, Policy()))) or NOTHING


def check(file: Path, expected: str) -> None:
    event = parse(json.loads(file.read_text()), NOW)
    assert what_comes_of(event, resolved="again" in expected) == expected


@pytest.mark.parametrize("name", EXPECTED)
def test_a_captured_webhook_does_what_a_person_expects(shared: Path, name: str) -> None:
    check(shared / "payloads" / "jira" / f"webhook-{name}.json", EXPECTED[name])


def test_no_captured_webhook_is_left_out(shared: Path) -> None:
    found = {file.stem.removeprefix("webhook-") for file in (shared / "payloads" / "jira").glob("*.json")}
    assert found == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED_OF_OWN)
def test_a_webhook_does_what_a_person_expects(name: str) -> None:
    check(OWN / f"{name}.json", EXPECTED_OF_OWN[name])


def test_every_sample_is_expected() -> None:
    assert {file.stem for file in OWN.glob("*.json")} == set(EXPECTED_OF_OWN)


def sample(name: str) -> Any:
    return json.loads((OWN / f"{name}.json").read_text())


def test_both_webhooks_of_one_comment_name_it_alike() -> None:
    alone, with_ticket = (parse(sample(f"data-center-commented{more}"), NOW) for more in ("", "-with-ticket"))
    assert alone and alone.comment == (with_ticket and with_ticket.comment)
    assert (alone.key, alone.external_id, with_ticket and with_ticket.external_id) == (None, "10007", "10007")


def test_a_time_after_now_is_not_believed() -> None:
    event = parse(sample("cloud-done") | {"timestamp": 4_000_000_000_000}, NOW)
    assert event and event.at == NOW


@pytest.mark.parametrize(
    ("status", "category"),
    [
        ({"name": "Odd", "statusCategory": {"key": "undefined"}}, None),
        ({"name": "Odd"}, None),
        ("Done", None),
    ],
)
def test_a_status_of_no_category_is_of_none(status: Any, category: Any) -> None:
    body = sample("cloud-done")
    body["issue"]["fields"]["status"] = status
    event = parse(body, NOW)
    assert event and (event.status is None or event.status.category is category)
    assert what_comes_of(event, resolved=False) == NOTHING


@pytest.mark.parametrize("body", [[], "x", None, 7, {"webhookEvent": []}, {"changelog": {"items": "x"}}])
def test_what_is_no_webhook_is_refused(body: Any) -> None:
    with pytest.raises(ValidationError):
        parse(body, NOW)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path, *(place for key, child in children for place in _places(child, (*path, key)))][: 10**4]


@given(st.sampled_from(sorted(EXPECTED_OF_OWN)), st.data(), _JSON)
def test_anything_anywhere_is_read_or_refused(name: str, data: st.DataObject, strange: Any) -> None:
    body = copy.deepcopy(sample(name))
    *way, last = data.draw(st.sampled_from([place for place in _places(body) if place]))
    where = body
    for step in way:
        where = where[step]
    where[last] = strange
    try:
        event = parse(body, NOW)
    except ValidationError:
        return
    assert event is None or (event.at <= NOW and event.changed <= set(Field))


@pytest.mark.parametrize(
    ("creator", "other"),
    [
        ({"accountId": "5c5f"}, False),
        ({"accountId": "5C5F"}, False),
        ({"accountId": "6d6d"}, True),
        ({"name": "admin"}, True),
        ({}, False),
        (None, False),
        ("admin", False),
    ],
)
def test_what_others_did_than_who_created_the_ticket_is_none_of_ours(creator: Any, other: bool) -> None:
    body = json.loads((OWN / "cloud-done.json").read_text())
    body["user"] = {"accountId": "5c5f", "displayName": "Ada"}
    body["issue"]["fields"]["creator"] = creator
    event = parse(body, NOW)
    assert event
    assert event.by_other is other
    del body["user"]
    again = parse(body, NOW)
    assert again
    assert not again.by_other
