"""An incident and its ticket: both agree in the end, whatever is done on either side, and leave it at that."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from rca_plugin.core.assignee import account_of, is_known
from rca_plugin.core.category import Priority
from rca_plugin.core.incident import Status, may_become
from rca_plugin.core.ticket.dialect import Dialect
from rca_plugin.core.ticket.history import History
from rca_plugin.core.ticket.record import Record
from rca_plugin.core.ticket.status import categories_for, may_move, standing
from rca_plugin.core.tracker.brought import Brought
from rca_plugin.core.tracker.change import Acknowledge, Assign, Change, Prioritize, Reopen, Resolve, Tell
from rca_plugin.core.tracker.event import Account, Field, StatusCategory, TicketEvent, TicketStatus
from rca_plugin.core.tracker.known import Known
from rca_plugin.core.tracker.overruled import Overruled
from rca_plugin.core.tracker.policy import PRIORITIES, Policy, Wins
from rca_plugin.core.tracker.sync import changes, news

NOON = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
SECOND, LEASE = timedelta(seconds=1), timedelta(minutes=5)
DONE, NEW, DOING = StatusCategory.DONE, StatusCategory.NEW, StatusCategory.INDETERMINATE
CLOUD = Dialect(cloud=True)
STATUS_OF = {NEW: "To Do", DOING: "In Progress", DONE: "Done"}
NAME_OF = {Priority.P1: "Highest", Priority.P2: "High", Priority.P3: "Medium", Priority.P4: "Low"}
USERS = {"ada": "acc-ada", "bob": "acc-bob"}
#: One of them is nobody's here.
ACCOUNTS = (None, "acc-ada", "acc-bob", "acc-zoe")


@dataclass
class Ticket:
    """The tracker's side, with what we noted on it and its history."""

    category: StatusCategory
    fields: dict[str, Any]
    record: Record
    changed: dict[str, datetime] = field(default_factory=dict)
    by_others: dict[str, datetime] = field(default_factory=dict)

    @property
    def account(self) -> str | None:
        return (self.fields["assignee"] or {}).get("accountId")


@dataclass(frozen=True)
class Lease:
    """A delivery that is under way: the incident as it was read for it."""

    version: int
    incident: Known
    overruled: Overruled


@dataclass
class World:
    """An incident, its ticket, the webhooks that are under way, and one delivery that may be."""

    policy: Policy
    known: Known
    #: People use the account of the connection.
    shared: bool = False
    now: datetime = NOON
    under_way: list[TicketEvent] = field(default_factory=list)
    sent: list[TicketEvent] = field(default_factory=list)
    decided: dict[Field, datetime] = field(default_factory=dict)
    by_people: dict[Field, tuple[str, Any]] = field(default_factory=dict)
    last_here: dict[Field, Any] = field(default_factory=dict)
    touched: set[Field] = field(default_factory=set)
    wanted: int = 0
    delivered: int = 0
    lease: Lease | None = None
    acted: bool = False
    deliveries: int = 0
    writes: int = 0
    changes: int = 0
    lost: int = 0

    def __post_init__(self) -> None:
        at_first = {
            name: value for name, value in self._wanted(self.known).items() if CLOUD.essence(name, value)
        }
        record = Record({}, Status.OPEN.value).having(at_first, CLOUD)
        self.ticket = Ticket(NEW, {"priority": None, "assignee": None, **at_first}, record)

    # The incident's side.

    def decide(self, field_: Field, **values: Any) -> None:
        if all(getattr(self.known, name) == value for name, value in values.items()):
            return
        self.known = replace(self.known, **values, decided={**self.known.decided, field_: self.now})
        self.decided[field_] = self.now
        self.by_people[field_] = ("here", next(iter(values.values())))
        self.last_here[field_] = next(iter(values.values()))
        self.wanted += 1
        self.changes += 1

    def become(self, to: Status) -> None:
        if may_become(self.known.status, to):
            self.decide(Field.STATUS, status=to)

    def assign(self, user: str | None) -> None:
        self.decide(Field.ASSIGNEE, assignee=user)

    def prioritize(self, priority: Priority) -> None:
        self.decide(Field.PRIORITY, priority=priority)

    # The tracker's side.

    def move(self, to: StatusCategory, *, ours: bool = False) -> None:
        before, self.ticket.category = self.ticket.category, to
        if before is not to:
            self._happened(Field.STATUS, to, ours=ours, was_done=before is DONE)

    def give(self, account: str | None, *, ours: bool = False) -> None:
        if account != self.ticket.account:
            self.ticket.fields["assignee"] = {"accountId": account}
            self._happened(Field.ASSIGNEE, account, ours=ours)

    def rate(self, name: str, *, ours: bool = False) -> None:
        if {"name": name} != self.ticket.fields["priority"]:
            self.ticket.fields["priority"] = {"name": name}
            self._happened(Field.PRIORITY, name, ours=ours)

    def _happened(self, field_: Field, value: Any, *, ours: bool, was_done: bool = False) -> None:
        self.now += timedelta(milliseconds=1)
        ticket = self.ticket
        ticket.changed[field_.value] = self.now
        self.writes += ours
        if not (ours or self.shared):
            ticket.by_others[field_.value] = self.now
        if not ours:
            self.by_people[field_] = ("there", value)
            self.touched.add(field_)
            self.changes += 1
        account = ticket.account
        said = TicketEvent(
            key="DATA-7", external_id="7", by="Ada", by_other=not (ours or self.shared), at=self.now,
            changed=frozenset({field_}), was_done=was_done,
            status=TicketStatus(STATUS_OF[ticket.category], ticket.category),
            assignee=Account(account, account.removeprefix("acc-")) if account else None,
            priority=ticket.fields["priority"]["name"],
        )  # fmt: skip
        self.under_way.append(said)
        self.sent.append(said)

    # From there to here.

    def arrive(self, place: int) -> None:
        if self.under_way:
            self.hear(self.under_way.pop(place % len(self.under_way)))

    def arrive_again(self, place: int) -> None:
        if self.sent:
            self.hear(self.sent[place % len(self.sent)])

    def hear(self, it: TicketEvent) -> None:
        found, new = changes(self.known, it, self.policy), news(self.known, it)
        self.known = replace(self.known, heard=self.known.heard | dict.fromkeys(new, it.at))
        if Field.STATUS in new and it.status:
            self.known = replace(self.known, category=it.status.category)
        if Field.PRIORITY in new:
            self.known = replace(self.known, priority_there=it.priority)
        for each in found:
            self._follow(each, it)
        told = {each.field for each in found if isinstance(each, Tell)}
        self.decided = {each: at for each, at in self.decided.items() if each not in new - told}

    def _follow(self, change: Change, it: TicketEvent) -> None:
        to: dict[type, Callable[[Any], tuple[Field, dict[str, Any]]]] = {
            Resolve: lambda _: (Field.STATUS, {"status": Status.RESOLVED}),
            Reopen: lambda _: (Field.STATUS, {"status": Status.OPEN}),
            Acknowledge: lambda _: (Field.STATUS, {"status": Status.ACKNOWLEDGED}),
            Assign: lambda c: (Field.ASSIGNEE, {"assignee": c.assignee}),
            Prioritize: lambda c: (Field.PRIORITY, {"priority": c.priority}),
        }  # fmt: skip
        self.wanted += 1
        if isinstance(change, Tell):
            decided = self.known.decided.get(change.field, it.at)
            self.decided[change.field] = max(decided, it.at, self.decided.get(change.field, it.at))
            return
        field_, values = to[type(change)](change)
        if "status" in values:
            assert may_become(self.known.status, values["status"])
        decided = {each: at for each, at in self.known.decided.items() if each is not field_}
        self.known = replace(self.known, **values, decided=decided)

    # From here to there.

    def start(self) -> None:
        if self.lease is None and self.wanted > self.delivered:
            overruled = Overruled.by(self.policy.wins, self.decided, self.known.heard, NOON)
            self.deliveries += 1
            self.lease, self.acted = Lease(self.wanted, self.known, overruled), False
            known = self.known
            brought = Brought(
                self.now, self.now + LEASE, known.status, known.priority, known.assignee, known.owner
            )
            self.known = replace(known, brought=(*known.brought, brought)[-10:])

    def act(self) -> None:
        if self.lease is None:
            return
        self.acted = True
        incident, overruled, ticket = self.lease.incident, self.lease.overruled, self.ticket
        history = History(dict(ticket.changed), dict(ticket.by_others))
        wanted = self._wanted(incident)
        outdated = ticket.record.outdated(wanted, ticket.fields, CLOUD, overruled, lambda: history)
        ticket.record = ticket.record.having(outdated, CLOUD)
        if "priority" in outdated:
            self.rate(outdated["priority"]["name"], ours=True)
        if "assignee" in outdated:
            self.give(outdated["assignee"]["accountId"], ours=True)
        left = ticket.record.left
        categories = categories_for(incident.status, ticket.category.value)
        there = STATUS_OF[ticket.category]
        if categories and may_move(incident.status, there, ticket.record, overruled, lambda: history):
            self.move(StatusCategory(categories[0]), ours=True)
            left = STATUS_OF[ticket.category]
        ticket.record = replace(ticket.record, status=standing(incident.status), left=left)

    def _wanted(self, incident: Known) -> Mapping[str, Any]:
        accounts = self.policy.accounts
        wanted: dict[str, Any] = {"priority": {"name": NAME_OF[incident.priority]}}
        if is_known(accounts, incident.assignee):
            wanted["assignee"] = CLOUD.person(account_of(accounts, incident.assignee, incident.owner))
        return wanted

    def finish(self) -> None:
        if self.lease is None or not self.acted:
            return
        self.delivered, self.lease = self.lease.version, None
        *before, last = self.known.brought
        self.known = replace(self.known, brought=(*before, replace(last, until=self.now)))
        if self.delivered == self.wanted:
            self.decided.clear()
            if self.known.status is Status.RESOLVED:
                self.known = replace(self.known, category=DONE)

    def lose(self) -> None:
        """Whoever was at it is not heard of again; it may have acted."""
        if self.lease is not None:
            self.now += LEASE
            self.lease = None
            self.lost += 1

    def settle(self, order: random.Random) -> None:
        """Nobody does anything any more: what is under way arrives, and what is wanted is brought."""
        for _ in range(60):
            self.now += timedelta(minutes=1)
            order.shuffle(self.under_way)
            while self.under_way:
                self.hear(self.under_way.pop())
            if self.lease is None and self.wanted <= self.delivered:
                return
            self.start()
            self.act()
            self.finish()
        raise AssertionError(f"they never come to an end: {self}")


_STEP = st.one_of(
    st.tuples(st.just("become"), st.sampled_from([Status.ACKNOWLEDGED, Status.RESOLVED, Status.OPEN])),
    st.tuples(st.just("assign"), st.sampled_from([None, *USERS])),
    st.tuples(st.just("prioritize"), st.sampled_from(list(Priority))),
    st.tuples(st.just("move"), st.sampled_from([NEW, DOING, DONE])),
    st.tuples(st.just("give"), st.sampled_from(ACCOUNTS)),
    st.tuples(st.just("rate"), st.sampled_from(list(NAME_OF.values()))),
    st.tuples(st.sampled_from(["arrive", "arrive_again"]), st.integers(0, 30)),
    st.tuples(st.sampled_from(["start", "act", "finish", "lose"])),
)


def played(
    who: Wins,
    accounts: Mapping[str, str],
    steps: list[tuple[Any, ...]],
    order: random.Random,
    *,
    shared: bool = False,
) -> World:
    policy = Policy(dict.fromkeys(Field, who), accounts=accounts)
    world = World(policy, Known("DATA-7", Status.OPEN, None, Priority.P3, owner="payments"), shared)
    for name, *values in steps:
        world.now += 20 * SECOND
        getattr(world, name)(*values)
    world.settle(order)
    return world


_WINS, _STEPS = st.sampled_from(list(Wins)), st.lists(_STEP, max_size=40)
_ORDERS = st.randoms(use_true_random=False)
_ACCOUNTS = st.sampled_from([USERS, USERS | {"payments": "acc-pay"}, USERS | {"*": "acc-all"}])


# What comes back of ours while people go on.
_ECHO = [("assign", "ada"), ("start",), ("assign", "bob"), ("act",), ("finish",)]
_ECHO_OR_NOT = [
    ("give", "acc-ada"), ("give", "acc-zoe"), ("arrive", 0), ("start",), ("give", "acc-ada"), ("arrive", 0),
]  # fmt: skip


@settings(max_examples=600)
@example(Wins.JIRA, USERS, _ECHO_OR_NOT, random.Random(0), True)
@given(_WINS, _ACCOUNTS, _STEPS, _ORDERS, st.booleans())
def test_both_sides_agree_in_the_end_and_leave_it_at_that(
    who: Wins,
    accounts: Mapping[str, str],
    steps: list[tuple[Any, ...]],
    order: random.Random,
    shared: bool,
) -> None:
    world = played(who, accounts, steps, order, shared=shared)
    known, ticket = world.known, world.ticket
    assert (known.status is Status.RESOLVED) == (ticket.category is DONE)
    assert known.priority is PRIORITIES[ticket.fields["priority"]["name"].lower()]
    there = Account(ticket.account, ticket.account.removeprefix("acc-")) if ticket.account else None
    assert (
        world.policy.is_assigned(there, known.assignee, known.owner)
        or world.policy.person(there) == known.assignee
    )
    # Each change is brought there once, and put right at most once; each delivery is a handful of calls.
    assert world.writes <= 2 * world.changes
    assert world.deliveries <= 2 * world.changes + world.lost
    # What comes again, in whatever order, is known.
    before = world.known
    for it in order.sample(world.sent, len(world.sent)):
        world.hear(it)
    assert (world.known, world.wanted) == (before, world.delivered)


@settings(max_examples=600)
@example(Wins.NEWEST, USERS, _ECHO, random.Random(0))
@example(Wins.JIRA, USERS, _ECHO, random.Random(0))
@given(_WINS, _ACCOUNTS, _STEPS, _ORDERS)
def test_whose_change_counts_is_as_the_policy_says(
    who: Wins, accounts: Mapping[str, str], steps: list[tuple[Any, ...]], order: random.Random
) -> None:
    world = played(who, accounts, steps, order)
    if who is Wins.INCIDENT:
        assert world.known.priority is world.last_here.get(Field.PRIORITY, Priority.P3)
        assert world.known.assignee == world.last_here.get(Field.ASSIGNEE)
        return
    for field_, here, there in (
        (Field.PRIORITY, world.known.priority, world.ticket.fields["priority"]["name"]),
        (Field.ASSIGNEE, world.known.assignee, world.ticket.account),
    ):
        where, value = world.by_people.get(field_, ("", None))
        if where == "there":
            assert there == value
        elif where == "here" and (who is Wins.NEWEST or field_ not in world.touched):
            assert here == value
