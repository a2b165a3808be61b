"""What incidents bring to places outside: what is wanted, who is at it, and what arrived."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from airflow.utils.session import create_session
from sqlalchemy import update

from rca_plugin.cli.doctor import _deliveries
from rca_plugin.core.delivery import LEASE, DeliveryState, Destination
from rca_plugin.server import deliveries, lifecycle
from rca_plugin.server.database import transaction
from rca_plugin.server.deliveries import Attempt, Claim, LeaseLostError
from rca_plugin.server.findings import record_analysis
from rca_plugin.server.incidents import UnknownIncidentError, locked
from rca_plugin.server.models import Delivery
from tests.server.made import actions, analysis, stored
from tests.server.rows import a_failure_row, add, an_incident

pytestmark = pytest.mark.usefixtures("database")
ARCHIVE = Destination.ARCHIVE
THERE = "https://store.example/rca/2026/11/25/RCA-1"


@pytest.fixture
def incident_id() -> int:
    [made] = add(an_incident())
    add(a_failure_row(made))
    return made


def claim(incident_id: int, *, due_only: bool = False) -> Claim:
    return transaction(lambda session: deliveries.claim(session, incident_id, ARCHIVE, due_only=due_only))


def record(incident_id: int, claimed: Claim, state: str = "delivered", **more: Any) -> None:
    values: dict[str, Any] = {"problem": "", "retry_after": 0.0, "reference": THERE, **more}
    attempt = Attempt(str(claimed.lease), claimed.version, DeliveryState(state), **values)
    transaction(lambda session: deliveries.record(session, incident_id, ARCHIVE, attempt))


def analyzed(incident_id: int, **more: Any) -> None:
    transaction(lambda session: record_analysis(session, incident_id, analysis(**more)))


def resolved(incident_id: int) -> None:
    transaction(
        lambda session: lifecycle.resolve(session, locked(session, incident_id), "ada", "It works again.")
    )


def later(by: timedelta) -> None:
    """As if it had been left alone for that long."""
    with create_session(scoped=False) as session:
        for column in (Delivery.next_try_at, Delivery.left_alone_until, Delivery.leased_until):
            for row in session.query(Delivery).filter(column.is_not(None)):
                value = getattr(row, column.key) - by
                session.execute(update(Delivery).where(Delivery.id == row.id).values({column.key: value}))


def the_one() -> Delivery:
    [row] = [row for row in stored(Delivery) if row.destination == ARCHIVE]
    return row


def due() -> list[int]:
    with create_session(scoped=False) as session:
        return [row.incident_id for row in deliveries.due(session) if row.destination == ARCHIVE]


def test_what_arrived_is_delivered_until_something_changes(incident_id: int) -> None:
    analyzed(incident_id)
    record(incident_id, claim(incident_id))
    row = the_one()
    assert (row.state, row.reference, row.problem, row.tries) == ("delivered", THERE, "", 0)
    assert claim(incident_id) == Claim(False, "there is nothing new")
    resolved(incident_id)
    assert the_one().state == "waiting"
    again = claim(incident_id)
    assert (again.granted, again.reference) == (True, THERE)
    assert actions(incident_id)[-3:] == ["analyzed", "delivered", "resolved"]


def test_what_changes_while_it_is_delivered_is_delivered_next(incident_id: int) -> None:
    analyzed(incident_id)
    first = claim(incident_id)
    analyzed(incident_id, summary="It is the disk.")
    record(incident_id, first)
    assert the_one().state == "waiting"
    record(incident_id, claim(incident_id))
    assert the_one().state == "delivered"


def test_an_analysis_that_says_the_same_brings_nothing_new(incident_id: int) -> None:
    analyzed(incident_id)
    record(incident_id, claim(incident_id))
    analyzed(incident_id)
    assert the_one().state == "delivered"


def test_of_many_at_once_one_gets_it(incident_id: int) -> None:
    analyzed(incident_id)
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: claim(incident_id), range(8)))
    assert sorted(c.granted for c in claims) == [False] * 7 + [True]
    assert {c.reason for c in claims if not c.granted} == {"somebody else is at it"}


def test_a_place_that_asks_for_a_rest_is_left_alone_with_all_of_them() -> None:
    one, two, three = add(an_incident(), an_incident(), an_incident())
    for incident_id in (one, two, three):
        transaction(lambda session, number=incident_id: deliveries.want(session, number))
    later(timedelta(minutes=2))
    record(three, claim(three))
    assert due() == [one, two]
    record(one, claim(one), "waiting", problem="429", retry_after=300.0, reference=None)
    assert due() == []
    assert "it is tried again at" in claim(two, due_only=True).reason
    with create_session(scoped=False) as session:
        others = {(row.incident_id, row.destination) for row in deliveries.due(session)}
    assert others == {(n, d) for n in (one, two, three) for d in ("message", "ticket")}
    later(timedelta(seconds=301))
    assert set(due()) == {one, two}


def test_what_was_taken_on_and_never_came_back_is_due_again(incident_id: int) -> None:
    analyzed(incident_id)
    lost = claim(incident_id)
    later(LEASE - timedelta(seconds=20))
    assert due() == []
    later(timedelta(seconds=40))
    assert due() == [incident_id]
    second = claim(incident_id, due_only=True)
    assert second.granted
    with pytest.raises(LeaseLostError, match="somebody else brings it to the archive"):
        record(incident_id, lost)
    record(incident_id, second)
    assert the_one().state == "delivered"


def test_what_did_not_arrive_is_tried_again_later_each_time(incident_id: int) -> None:
    analyzed(incident_id)
    for tries, minutes in ((1, 1), (2, 2), (3, 4)):
        record(incident_id, claim(incident_id), "waiting", problem="503 Server Busy", reference=None)
        row = the_one()
        wait = row.next_try_at - datetime.now(timezone.utc)
        assert (row.state, row.tries, row.problem) == ("waiting", tries, "503 Server Busy")
        assert timedelta(minutes=minutes - 0.5) < wait <= timedelta(minutes=minutes)
        assert "it is tried again at" in claim(incident_id, due_only=True).reason
    assert actions(incident_id).count("delivery_waits") == 1
    later(timedelta(minutes=5))
    assert due() == [incident_id]


def test_a_place_is_left_alone_for_as_long_as_it_asks_but_not_for_ever(incident_id: int) -> None:
    analyzed(incident_id)
    for asked, expected in ((600.0, timedelta(minutes=10)), (1e12, timedelta(days=1))):
        later(timedelta(days=2))
        record(incident_id, claim(incident_id), "waiting", problem="429", retry_after=asked, reference=None)
        wait = the_one().next_try_at - datetime.now(timezone.utc)
        assert expected - timedelta(seconds=30) < wait <= expected


def test_a_place_that_wants_to_be_left_alone_is_left_alone_whoever_asks(incident_id: int) -> None:
    analyzed(incident_id)
    record(incident_id, claim(incident_id), "waiting", problem="429", retry_after=600.0, reference=None)
    refused = claim(incident_id)
    assert (refused.granted, refused.reason[:20]) == (False, "it is tried again at")
    later(timedelta(minutes=11))
    # A place that asked for nothing may be tried at once by whoever has mended it.
    record(incident_id, claim(incident_id), "waiting", problem="403", reference=None)
    record(incident_id, claim(incident_id))
    assert (the_one().state, the_one().left_alone_until) == ("delivered", None)


def test_a_change_does_not_hurry_a_place_that_takes_nothing(incident_id: int) -> None:
    analyzed(incident_id)
    record(incident_id, claim(incident_id), "waiting", problem="429", retry_after=600.0, reference=None)
    before = the_one().next_try_at
    resolved(incident_id)
    assert (the_one().next_try_at, the_one().tries) == (before, 1)


def test_recording_again_changes_nothing(incident_id: int) -> None:
    analyzed(incident_id)
    claimed = claim(incident_id)
    record(incident_id, claimed, "waiting", problem="503", reference=None)
    before = the_one().next_try_at
    record(incident_id, claimed, "waiting", problem="503", reference=None)
    assert (the_one().tries, the_one().next_try_at) == (1, before)


def test_where_nobody_set_it_up_nothing_waits_or_is_shown(incident_id: int) -> None:
    analyzed(incident_id)
    record(incident_id, claim(incident_id), "off", reference=None)
    later(timedelta(hours=2))
    assert due() == []
    with create_session(scoped=False) as session:
        assert deliveries.of_incident(session, incident_id) == []
    assert {row.destination for row in stored(Delivery)} == {"ticket", "message", "archive"}
    # Somebody may have set it up since.
    resolved(incident_id)
    later(timedelta(minutes=2))
    assert due() == [incident_id]


def test_a_problem_is_kept_without_secrets(incident_id: int) -> None:
    analyzed(incident_id)
    url = "https://store.blob.core.windows.net/rca?sv=2024&sig=" + "a1B2" * 11 + "%3D"
    record(incident_id, claim(incident_id), "waiting", problem=f"403 for {url}", reference=None)
    assert "a1B2" not in the_one().problem


def test_doctor_names_what_failed_thrice(incident_id: int) -> None:
    analyzed(incident_id)
    found = []
    for _ in range(3):
        record(incident_id, claim(incident_id), "waiting", problem="403 Forbidden", reference=None)
        found.append("\n".join(map(str, _deliveries())))
    assert found[:2] == ["ok   deliveries: none is stuck"] * 2
    assert found[2].startswith(f"FIX  to the archive: RCA-{incident_id} and maybe more wait: 403 Forbidden\n")


def test_nobody_delivers_what_is_not_there() -> None:
    with pytest.raises(UnknownIncidentError):
        claim(10**9)
