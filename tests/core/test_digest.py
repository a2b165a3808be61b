"""The daily digest: when it is due, and what its message says."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rca_plugin.core.digest import Digest, Period
from rca_plugin.core.slack.digest import digest
from tests.core.test_slack import HOSTILE, check, said

BERLIN = Digest("C0123456789", time(9), ZoneInfo("Europe/Berlin"))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-11-25 07:59:59", None),
        ("2026-11-25 08:00:00", 25),
        ("2026-11-25 14:00:00", 25),
        ("2026-11-25 14:00:01", None),
        ("2026-11-26 07:59:00", None),
    ],
)
def test_it_is_due_at_its_time_and_a_while_after_it(now: str, day: int | None) -> None:
    period = BERLIN.due(utc(now))
    assert (period and period.day) == (date(2026, 11, day) if day else None)


def test_it_tells_of_the_time_since_the_one_before_also_when_the_clocks_change() -> None:
    winter = BERLIN.due(utc("2026-11-25 08:30:00"))
    assert winter == Period(date(2026, 11, 25), utc("2026-11-24 08:00:00"), utc("2026-11-25 08:00:00"))
    changed = BERLIN.due(utc("2026-10-25 08:30:00"))
    assert changed == Period(date(2026, 10, 25), utc("2026-10-24 07:00:00"), utc("2026-10-25 08:00:00"))
    # On that night 02:30 is skipped: the digest of it is due when the clock goes on.
    spring = Digest("C0123456789", time(2, 30), ZoneInfo("Europe/Berlin")).due(utc("2026-03-29 01:00:00"))
    assert spring is not None
    assert (spring.day, spring.ends_at) == (date(2026, 3, 29), utc("2026-03-29 01:00:00"))


@given(
    at=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"]),
    days=st.integers(0, 6_000),
)
@example(time(2, 30), "Europe/Berlin", 85)
def test_days_follow_each_other_without_a_gap(at: time, zone: str, days: int) -> None:
    due = Digest("C0123456789", at, ZoneInfo(zone)).due
    begins = utc("2011-01-01 00:00:00") + timedelta(days=days)
    found = {due(begins + timedelta(hours=hours)) for hours in range(0, 100, 5)}
    told = sorted((period for period in found if period), key=lambda period: period.ends_at)
    assert len(told) >= 3
    for earlier, later in pairwise(told):
        assert later.begins_at == earlier.ends_at
        assert later.day > earlier.day


def an_incident(**more: Any) -> dict[str, Any]:
    return {
        "label": "RCA-42", "kind": "failure", "priority": "P2", "status": "open", "resource": "orders/load",
        "title": "connection refused", "assignee": "", "minutes": 200, **more,
    }  # fmt: skip


def content(**lists: list[dict[str, Any]]) -> dict[str, Any]:
    names = ("overdue", "open", "resolved", "recurring")
    found = {name: {"count": len(lists.get(name, ())), "first": lists.get(name, [])[:10]} for name in names}
    begins = "2026-11-24T08:00:00+00:00"
    return {"day": "2026-11-25", "begins_at": begins, "environment": "production", **found}


def test_it_says_what_is_open_late_resolved_and_recurs() -> None:
    made = digest(
        content(
            overdue=[an_incident(missed="acknowledged", minutes=30)],
            open=[
                an_incident(assignee="ada"),
                an_incident(label="RCA-7", kind="storm", title="Storm of timeout"),
            ],
            resolved=[an_incident(how="The disk\nwas cleared"), an_incident(how="", minutes=0)],
            recurring=[an_incident(times=12)],
        )
    )
    check(made)
    shown = said(made)
    for expected in (
        "Digest of 2026-11-25, production",
        "1 past their due time, 2 open, 2 resolved, 1 that recur. Since 2026-11-24 08:00 UTC.",
        "• P2 RCA-42 orders/load: nobody has acknowledged it, 30 min too late",
        "• P2 RCA-42 orders/load, open for 3 hours, ada is at it", "• P2 RCA-7 Storm of timeout, open for 3 hours",
        "• P2 RCA-42 orders/load, after 3 hours: The disk was cleared", "after less than a minute: nobody said how",
        "• P2 RCA-42 orders/load, 12 failures",
    ):  # fmt: skip
        assert expected in shown
    assert made.text.startswith("Digest of 2026-11-25 production - 1 past their due time 2 open")


def test_of_many_the_first_are_named_and_the_others_counted() -> None:
    made = digest(content(open=[an_incident(label=f"RCA-{number}") for number in range(14)]))
    check(made)
    assert "RCA-9 " in said(made)
    assert "RCA-10 " not in said(made)
    assert "… and 4 more" in said(made)
    assert "Resolved" not in said(made)


@given(
    text=st.text(max_size=100) | st.text("<>&!@#|`*_~:/.🔥\n\u202ehtps", max_size=100),
    times=st.sampled_from([1, 300]),
)
@example(HOSTILE, 3)
@example("&", 300)
@example("://", 300)
@example("🔥", 300)
def test_whatever_incidents_say_it_is_valid_and_only_text(text: str, times: int) -> None:
    loud = an_incident(
        resource=text * times, title=text * times, assignee=text * times, how=text * times, times=10**9,
        missed="resolved", minutes=10**9,
    )  # fmt: skip
    everything = dict.fromkeys(("overdue", "open", "resolved", "recurring"), [loud] * 40)
    check(digest(content(**everything) | {"environment": text}))
