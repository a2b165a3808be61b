"""What an incident makes of what happened to its ticket, and that both agree in the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from rca_plugin.core.category import Priority
from rca_plugin.core.incident import Status
from rca_plugin.core.tracker.brought import Brought
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
    Tell,
)
from rca_plugin.core.tracker.event import (
    Account,
    Field,
    Said,
    StatusCategory,
    TicketComment,
    TicketEvent,
    TicketStatus,
)
from rca_plugin.core.tracker.known import Known
from rca_plugin.core.tracker.look import looked_at
from rca_plugin.core.tracker.policy import PRIORITIES, Policy, Wins, priorities, statuses
from rca_plugin.core.tracker.sync import changes, comment_key

NOON = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)
DONE, NEW, DOING = StatusCategory.DONE, StatusCategory.NEW, StatusCategory.INDETERMINATE
OPEN = Known("DATA-7", Status.OPEN, None, Priority.P3)
RESOLVED = replace(OPEN, status=Status.RESOLVED)


def event(**more: Any) -> TicketEvent:
    return TicketEvent(**{"key": "DATA-7", "external_id": "7", "at": NOON, "by": "Ada", **more})


def status(category: StatusCategory | None, name: str = "Some", **more: Any) -> TicketEvent:
    return event(changed=frozenset({Field.STATUS}), status=TicketStatus(name, category), **more)


def assigned(name: str | None, **more: Any) -> TicketEvent:
    account = Account(f"id-{name}", name) if name else None
    return event(changed=frozenset({Field.ASSIGNEE}), assignee=account, **more)


def urgent(name: str | None, **more: Any) -> TicketEvent:
    return event(changed=frozenset({Field.PRIORITY}), priority=name, **more)


def of(known: Known, it: TicketEvent, policy: Policy | None = None) -> tuple[Change, ...]:
    return changes(known, it, policy or Policy())


def wins(who: Wins) -> Policy:
    return Policy(dict.fromkeys(Field, who))


@pytest.mark.parametrize(
    ("now", "category", "expected"),
    [
        (Status.OPEN, NEW, ()),
        (Status.OPEN, DOING, (Acknowledge(),)),
        (Status.OPEN, DONE, (Resolve("Jira: Some by Ada"),)),
        (Status.ACKNOWLEDGED, NEW, ()),
        (Status.ACKNOWLEDGED, DOING, ()),
        (Status.ACKNOWLEDGED, DONE, (Resolve("Jira: Some by Ada"),)),
        (Status.SUPPRESSED, NEW, ()),
        (Status.SUPPRESSED, DOING, ()),
        (Status.SUPPRESSED, DONE, (Resolve("Jira: Some by Ada"),)),
        (Status.RESOLVED, NEW, (Reopen("Jira: Some by Ada"),)),
        (Status.RESOLVED, DOING, (Reopen("Jira: Some by Ada"), Acknowledge())),
        (Status.RESOLVED, DONE, ()),
        (Status.CLOSED, NEW, ()),
        (Status.CLOSED, DOING, ()),
        (Status.CLOSED, DONE, ()),
    ],
)
def test_a_status_of_a_category_does_this(now: Status, category: StatusCategory, expected: Any) -> None:
    assert of(replace(OPEN, status=now, category=DONE), status(category)) == expected


def test_a_ticket_that_does_not_know_yet_that_it_is_over_is_told() -> None:
    assert of(RESOLVED, status(DOING)) == (Tell(Field.STATUS),)
    assert of(RESOLVED, status(DOING, was_done=True)) == (Reopen("Jira: Some by Ada"), Acknowledge())


def test_a_status_nobody_knows_changes_nothing_unless_the_option_says_what_it_means() -> None:
    meaning = statuses(("Parked=nothing", "QA = ready =done"))
    assert meaning == {"parked": None, "qa = ready": DONE}
    policy = Policy(statuses=meaning or {})
    assert of(OPEN, status(None)) == ()
    assert of(OPEN, status(DONE, "parked"), policy) == ()
    assert of(OPEN, status(None, "QA = Ready"), policy) == (Resolve("Jira: QA = Ready by Ada"),)
    assert statuses(("Parked=never",)) is None
    assert statuses(("=done",)) is None


def test_nobody_named_is_somebody() -> None:
    assert of(OPEN, status(DONE, by="")) == (Resolve("Jira: Some by somebody"),)


def test_priorities_follow_up_and_down_in_the_words_of_the_project() -> None:
    assert [of(OPEN, urgent(name)) for name in ("Highest", "high", "Medium", "Low", "Lowest", "Odd", None)] == [
        (Prioritize(Priority.P1),), (Prioritize(Priority.P2),), (), (Prioritize(Priority.P4),),
        (Prioritize(Priority.P4),), (), (),
    ]  # fmt: skip
    own = priorities({"P1": "Fire", "P2": "Fire", "P3": "Medium", "P4": "Low"})
    assert (own["fire"], own["highest"], PRIORITIES["high"]) == (Priority.P1, Priority.P1, Priority.P2)


def test_an_account_is_who_the_routes_name_else_its_name() -> None:
    policy = Policy(accounts={"data-team": "id-Ada", "ada": "id-Ada", "*": "id-Bob"})
    assert of(OPEN, assigned("Ada"), policy) == (Assign("data-team"),)
    assert of(OPEN, assigned("Zoe"), policy) == (Assign("Zoe"),)
    # Whoever has it as long as nobody has taken it on.
    assert of(OPEN, assigned("Bob"), policy) == ()
    assert of(replace(OPEN, assignee="Bob"), assigned(None), policy) == (Assign(None),)
    assert of(replace(OPEN, assignee="Bob"), assigned("Bob"), policy) == ()


@pytest.mark.parametrize(
    ("who", "decided", "expected"),
    [
        (Wins.NEWEST, NOON - MINUTE, (Resolve("Jira: Some by Ada"),)),
        (Wins.NEWEST, NOON, (Tell(Field.STATUS),)),
        (Wins.NEWEST, NOON + MINUTE, (Tell(Field.STATUS),)),
        (Wins.JIRA, NOON + MINUTE, (Resolve("Jira: Some by Ada"),)),
        (Wins.INCIDENT, NOON - MINUTE, (Tell(Field.STATUS),)),
    ],
)
def test_the_policy_says_whose_change_counts(who: Wins, decided: datetime, expected: Any) -> None:
    assert of(replace(OPEN, decided={Field.STATUS: decided}), status(DONE), wins(who)) == expected


@pytest.mark.parametrize("who", Wins)
def test_what_the_incident_is_already_changes_nothing_and_wants_nothing(who: Wins) -> None:
    late = dict.fromkeys(Field, NOON + MINUTE)
    known = replace(OPEN, assignee="Ada", decided=late)
    for it in (status(NEW), assigned("Ada"), urgent("Medium")):
        assert of(known, it, wins(who)) == ()
    assert of(replace(RESOLVED, decided=late), status(DONE), wins(who)) == ()


@pytest.mark.parametrize("it", [status(DONE), assigned("Ada"), urgent("High")])
def test_what_is_late_or_said_again_changes_nothing(it: TicketEvent) -> None:
    [changed] = it.changed
    assert of(OPEN, it) != ()
    assert of(replace(OPEN, heard={changed: NOON}), it) == ()
    assert of(replace(OPEN, heard={changed: NOON + MINUTE}), it) == ()
    assert of(replace(OPEN, heard={changed: NOON - MINUTE}), it) != ()


def test_what_we_brought_ourselves_does_not_change_an_incident_that_has_gone_on() -> None:
    brought = (Brought(NOON - MINUTE, NOON + MINUTE, Status.RESOLVED, Priority.P1),)
    since = {Field.STATUS: NOON + timedelta(seconds=30)}
    assert of(replace(OPEN, brought=brought, decided=since), status(DONE), wins(Wins.JIRA)) == (
        Tell(Field.STATUS),
    )
    assert of(replace(OPEN, brought=brought), urgent("Highest"), wins(Wins.JIRA)) == (Tell(Field.PRIORITY),)
    assert of(replace(OPEN, brought=brought), urgent("Low"), wins(Wins.JIRA)) == (Prioritize(Priority.P4),)
    later = status(DONE, at=NOON + 2 * MINUTE)
    assert of(replace(OPEN, brought=brought), later, wins(Wins.JIRA)) == (Resolve("Jira: Some by Ada"),)


def test_work_that_begins_while_we_bring_something_is_not_taken_for_ours() -> None:
    brought = (Brought(NOON - MINUTE, NOON + MINUTE, Status.OPEN, Priority.P3),)
    assert of(replace(OPEN, brought=brought), status(DOING)) == (Acknowledge(),)
    # We opened it again, and its workflow has only this for that: nobody has begun.
    assert of(replace(OPEN, brought=brought, category=DONE), status(DOING)) == (Tell(Field.STATUS),)


def test_a_comment_is_said_once_unless_it_is_ours() -> None:
    comment = TicketComment("501", "v1", Said.ADDED, "It is the disk.", "Ada")
    it = event(comment=comment)
    assert of(OPEN, it) == (Say(comment, comment_key(it)),)
    assert of(replace(OPEN, comments=frozenset({comment_key(it)})), it) == ()
    edited = event(comment=replace(comment, said=Said.EDITED, version="v2"))
    assert len(of(replace(OPEN, comments=frozenset({comment_key(it)})), edited)) == 1
    for said in ("again. rca-12-7, failure 3", "again. rca&#45;12&#45;7, failure 3", r"again. rca\-12\-7"):
        ours = event(comment=replace(comment, text=said))
        assert of(replace(OPEN, own_mark="rca-12-7"), ours) == ()


def test_a_ticket_is_gone_once() -> None:
    assert of(OPEN, event(deleted=True)) == (Delete(),)
    assert of(replace(OPEN, deleted=True), event(deleted=True)) == ()


def test_a_ticket_that_is_moved_is_followed_and_never_back() -> None:
    moved = event(key="OPS-3", moved_from="DATA-7")
    assert of(OPEN, moved) == (Move("OPS-3"),)
    there = replace(OPEN, key="OPS-3", heard={Field.STATUS: NOON})
    assert of(there, moved) == ()
    assert of(there, event(at=NOON - MINUTE)) == ()
    # Nobody said that it was moved, but it has another key by now.
    assert of(replace(OPEN, heard={Field.STATUS: NOON}), event(key="OPS-3", at=NOON + MINUTE)) == (
        Move("OPS-3"),
    )


def test_a_look_finds_what_is_not_as_it_was() -> None:
    known = replace(
        OPEN,
        category=NEW,
        assigned_there="Ada",
        priority_there="High",
        heard=dict.fromkeys(Field, NOON - MINUTE),
    )
    same = event(status=TicketStatus("To Do", NEW), assignee=Account("1", "Ada"), priority="High")
    assert looked_at(known, same, Policy()).changed == set()
    other = event(status=TicketStatus("Doing", DOING), assignee=None, priority="Low")
    assert looked_at(known, other, Policy()).changed == set(Field)


def test_a_first_look_takes_over_what_somebody_has_chosen_for_certain() -> None:
    known = replace(OPEN, assignee="ada")
    untouched = event(status=TicketStatus("To Do", NEW), assignee=None, priority="Highest")
    assert of(known, looked_at(known, untouched, Policy())) == ()
    done = event(status=TicketStatus("Done", DONE), assignee=Account("1", "Bob"), priority="Highest")
    assert of(known, looked_at(known, done, Policy())) == (Assign("Bob"), Resolve("Jira: Done by Ada"))
