"""What an incident makes of what happened to its ticket, and that both agree in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rca_plugin.core.category import Priority
from rca_plugin.core.incident import Status, may_become
from rca_plugin.core.ticket.status import categories_for
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
from rca_plugin.core.tracker.policy import PRIORITIES, Policy, Wins, people, priorities, statuses
from rca_plugin.core.tracker.sync import Brought, Known, changes, comment_key, looked_at, news

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
    policy = Policy(people=people({"data-team": "id-Ada", "ada": "id-Ada", "*": "id-Bob"}))
    assert of(OPEN, assigned("Ada"), policy) == (Assign("data-team"),)
    assert of(OPEN, assigned("Bob"), policy) == (Assign("Bob"),)
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


# --- two sides -----------------------------------------------------------------------------------------------

_STATUS_OF = {NEW: "To Do", DOING: "In Progress", DONE: "Done"}
_PEOPLE = [None, "Ada", "Bob"]
_NAME_OF = {Priority.P1: "Highest", Priority.P2: "High", Priority.P3: "Medium", Priority.P4: "Low"}


@dataclass
class Ticket:
    """The tracker's side, with what we noted on it."""

    category: StatusCategory = NEW
    assignee: str | None = None
    priority: str = "Medium"
    noted_status: Status = Status.OPEN
    noted: dict[str, Any] = field(default_factory=lambda: {"assignee": None, "priority": "Medium"})


@dataclass
class World:
    """An incident, its ticket, the webhooks that are under way, and one delivery that may be."""

    policy: Policy
    known: Known = OPEN
    ticket: Ticket = field(default_factory=Ticket)
    now: datetime = NOON
    under_way: list[TicketEvent] = field(default_factory=list)
    sent: list[TicketEvent] = field(default_factory=list)
    overruled: set[Field] = field(default_factory=set)
    wanted: int = 0
    delivered: int = 0
    claim: tuple[int, Known, frozenset[Field]] | None = None
    acted: bool = False
    calls: int = 0
    decisions: int = 0

    # The incident's side.

    def decide(self, field_: Field, **values: Any) -> None:
        if any(getattr(self.known, name) != value for name, value in values.items()):
            self.known = replace(self.known, **values, decided={**self.known.decided, field_: self.now})
            self.wanted += 1
            self.decisions += 1
            # Of the status the ticket has a note of ours, which says the same.
            self.overruled |= {field_} - {Field.STATUS}

    def become(self, to: Status) -> None:
        if may_become(self.known.status, to):
            self.decide(Field.STATUS, status=to)

    # The tracker's side.

    def touch(self, field_: Field, value: Any) -> None:
        name = "category" if field_ is Field.STATUS else field_.value
        before = getattr(self.ticket, name)
        if before == value:
            return
        setattr(self.ticket, name, value)
        self.decisions += 1
        self.tell(field_, was_done=field_ is Field.STATUS and before is DONE)

    def tell(self, field_: Field, *, was_done: bool = False) -> None:
        ticket = self.ticket
        self.now += timedelta(milliseconds=1)
        said = event(
            at=self.now, changed=frozenset({field_}), was_done=was_done, priority=ticket.priority,
            status=TicketStatus(_STATUS_OF[ticket.category], ticket.category),
            assignee=Account(ticket.assignee, ticket.assignee) if ticket.assignee else None,
        )  # fmt: skip
        self.under_way.append(said)
        self.sent.append(said)

    # Between them.

    def hear(self, it: TicketEvent) -> None:
        found, new = changes(self.known, it, self.policy), news(self.known, it)
        heard = self.known.heard | dict.fromkeys(new, it.at)
        self.known = replace(self.known, heard=heard)
        if Field.STATUS in new and it.status:
            self.known = replace(self.known, category=it.status.category)
        for each in found:
            self.apply(each)

    def apply(self, change: Change) -> None:
        to: dict[type, Callable[[Any], dict[str, Any]]] = {
            Resolve: lambda _: {"status": Status.RESOLVED}, Reopen: lambda _: {"status": Status.OPEN},
            Acknowledge: lambda _: {"status": Status.ACKNOWLEDGED}, Assign: lambda c: {"assignee": c.assignee},
            Prioritize: lambda c: {"priority": c.priority}, Tell: lambda _: {},
        }  # fmt: skip
        values = to[type(change)](change)
        if isinstance(change, Tell):
            self.overruled.add(change.field)
        elif "status" in values:
            assert may_become(self.known.status, values["status"])
        self.known = replace(self.known, **values)
        self.wanted += 1

    def start(self) -> None:
        if self.claim is None and self.wanted > self.delivered:
            self.claim, self.acted = (self.wanted, self.known, frozenset(self.overruled)), False
            lease = Brought(self.now, self.now + 5 * MINUTE, self.known.status, self.known.priority)
            self.known = replace(self.known, brought=(*self.known.brought, lease)[-10:])

    def act(self) -> None:
        if self.claim is None or self.acted:
            return
        self.acted = True
        self.calls += 1
        _, incident, overruled = self.claim
        ticket = self.ticket
        wanted = {"priority": _NAME_OF[incident.priority], "assignee": incident.assignee}
        for name, value in wanted.items():
            untouched = getattr(ticket, name) == ticket.noted[name] and value != ticket.noted[name]
            if (
                (untouched or Field(name) in overruled)
                and value != getattr(ticket, name)
                and value is not None
            ):
                setattr(ticket, name, value)
                ticket.noted[name] = value
                self.tell(Field(name))
        standing = Status.RESOLVED if incident.status is Status.CLOSED else incident.status
        if ticket.noted_status is not standing or Field.STATUS in overruled:
            for category in categories_for(incident.status, ticket.category.value)[:1]:
                was_done, ticket.category = ticket.category is DONE, StatusCategory(category)
                self.tell(Field.STATUS, was_done=was_done)
        ticket.noted_status = standing

    def finish(self) -> None:
        if self.claim is None or not self.acted:
            return
        self.delivered, self.claim = self.claim[0], None
        *before, last = self.known.brought
        self.known = replace(self.known, brought=(*before, replace(last, until=self.now)))
        if self.delivered == self.wanted:
            self.overruled.clear()
            if self.known.status in (Status.RESOLVED, Status.CLOSED):
                self.known = replace(self.known, category=DONE)

    def settle(self) -> None:
        """Nobody does anything any more: what is under way arrives, and what is wanted is brought."""
        for _ in range(60):
            self.now += MINUTE
            while self.under_way:
                self.hear(self.under_way.pop(0))
            if self.claim is None and self.wanted <= self.delivered:
                return
            self.start()
            self.act()
            self.finish()
        raise AssertionError(f"they never come to an end: {self}")


_STEPS = st.one_of(
    st.tuples(st.just("become"), st.sampled_from([Status.ACKNOWLEDGED, Status.RESOLVED, Status.OPEN])),
    st.tuples(st.just("assign"), st.sampled_from(_PEOPLE)),
    st.tuples(st.just("prioritize"), st.sampled_from(list(Priority))),
    st.tuples(st.just("move"), st.sampled_from([NEW, DOING, DONE])),
    st.tuples(st.just("give"), st.sampled_from(_PEOPLE)),
    st.tuples(st.just("rate"), st.sampled_from(list(_NAME_OF.values()))),
    st.tuples(st.just("arrive"), st.integers(0, 30)),
    st.tuples(st.just("arrive_again"), st.integers(0, 30)),
    st.tuples(st.sampled_from(["start", "act", "finish"]), st.none()),
)


def _take(world: World, step: tuple[str, Any]) -> None:
    name, value = step
    world.now += timedelta(seconds=20)
    if name in ("start", "act", "finish"):
        getattr(world, name)()
    elif name == "become":
        world.become(value)
    elif name in ("assign", "prioritize"):
        world.decide(*{"assign": (Field.ASSIGNEE,), "prioritize": (Field.PRIORITY,)}[name],
                     **{{"assign": "assignee", "prioritize": "priority"}[name]: value})  # fmt: skip
    elif name in ("move", "give", "rate"):
        world.touch({"move": Field.STATUS, "give": Field.ASSIGNEE, "rate": Field.PRIORITY}[name], value)
    elif name == "arrive" and world.under_way:
        world.hear(world.under_way.pop(value % len(world.under_way)))
    elif name == "arrive_again" and world.sent:
        world.hear(world.sent[value % len(world.sent)])


@settings(max_examples=400)
@given(st.sampled_from(list(Wins)), st.lists(_STEPS, max_size=40))
def test_both_sides_agree_in_the_end_and_leave_it_at_that(who: Wins, steps: list[tuple[str, Any]]) -> None:
    world = World(wins(who))
    for step in steps:
        _take(world, step)
    world.settle()
    over = world.known.status is Status.RESOLVED
    assert over == (world.ticket.category is DONE)
    assert world.known.priority is PRIORITIES[world.ticket.priority.lower()]
    # Each change is brought there once, and put right at most once.
    assert world.calls <= 2 * world.decisions + 2
    # What comes again, in whatever order, is known.
    before = world.known
    for it in world.sent:
        world.hear(it)
    assert (world.known, world.wanted) == (before, world.delivered)
