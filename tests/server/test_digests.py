"""Daily digests, from the tables by the API to Slack: told once a day a channel, whatever goes wrong there."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.utils.session import create_session
from sqlalchemy import update

from demo.local_airflow import REPOSITORY
from rca_plugin.cli.slack_checks import digests as doctor
from rca_plugin.cli.slack_checks import routing
from rca_plugin.core.digest import Period
from rca_plugin.server import digests
from rca_plugin.server.database import transaction
from rca_plugin.server.digest_content import content_of
from rca_plugin.server.models import Delivery, DigestRow
from rca_plugin.worker import digests as worker
from rca_plugin.worker.client import RcaClient, ServerError
from rca_plugin.worker.integrations import slack_client
from rca_plugin.worker.operators.digest import DigestOperator
from tests.fakes.slack import CHANNEL, TOKEN, Workspace, slack
from tests.server.made import stored
from tests.server.rows import a_failure_row, add, an_incident

pytestmark = pytest.mark.usefixtures("database")

NOW = datetime.now(timezone.utc)
TODAY = Period(NOW.date(), NOW - timedelta(days=1), NOW + timedelta(seconds=1))
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
REFUSED = (401, 403, 404, 429, (429, "7"))
LOST = (500, "reset", "stall", "truncated", "invalid", "wrong")


def told(number: int, channel: str = CHANNEL) -> Delivery:
    link = f"https://of-these-tests.slack.com/archives/{channel}/p{1795608000000000 + number}"
    return Delivery(
        incident_id=number, destination="message", state="delivered", wanted=1, delivered=1, tries=0, next_try_at=NOW,
        problem="", reference=link,
    )  # fmt: skip


def an_open_one(resource: str = "orders/load", **more: Any) -> int:
    [number] = add(an_incident(resource, **{"opened_at": NOW - HOUR, "last_failure_at": NOW - HOUR, **more}))
    add(told(number))
    return number


def content(period: Period = TODAY) -> Any:
    return transaction(lambda session: content_of(session, CHANNEL, period, NOW))


def names(found: dict[str, Any]) -> list[str]:
    assert found["count"] >= len(found["first"])
    return [incident["resource"] for incident in found["first"]]


@pytest.fixture(autouse=True)
def configured(api_url: str, options: Callable[..., None], tmp_path: Path) -> Path:
    """With a digest that is due, by the clock of this machine."""
    file = tmp_path / "routing.yaml"
    at = (NOW - MINUTE).time().replace(tzinfo=None)
    file.write_text(f'digests: [{{channel: {CHANNEL}, at: "{at:%H:%M}", time_zone: UTC}}]')
    options(api_url=api_url, service_secret="the secret of these tests", routing_file=file)
    return file


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Workspace]]:
    with ExitStack() as stack:

        def start(**troubles: Any) -> Workspace:
            if any("stall" in had for had in troubles.values() if isinstance(had, list)):
                monkeypatch.setattr(slack_client, "CALL_SECONDS", 0.3)
            service = stack.enter_context(slack(**troubles))
            service.began = int(datetime.now(timezone.utc).timestamp())
            monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", service.connection)
            return service

        yield start


def tell(period: Period = TODAY) -> worker.Outcome:
    with RcaClient(subject="tell_digests") as client:
        return worker.tell(client, CHANNEL, period, 10.0)


def time_goes_by() -> None:
    """So that it may be tried again."""
    with create_session(scoped=False) as session:
        session.execute(update(DigestRow).values(next_try_at=NOW - HOUR))


def at_last() -> str:
    """Tell it again and again, as housekeeping does."""
    for _ in range(8):
        outcome = tell()
        assert TOKEN not in outcome.problem
        if outcome.reference:
            return outcome.reference
        time_goes_by()
    raise AssertionError("it is never told")


# --- what there is to tell ---------------------------------------------------------------------------------


def test_what_is_open_is_told_the_most_urgent_first_and_then_the_oldest() -> None:
    an_open_one("later", priority="P2")
    an_open_one("earlier", priority="P2", opened_at=NOW - 2 * HOUR, status="acknowledged", assignee="ada")
    an_open_one("urgent", priority="P1")
    for status in ("resolved", "closed", "suppressed"):
        an_open_one(status, status=status)
    found = content()["open"]
    assert (names(found), found["count"]) == (["urgent", "earlier", "later"], 3)
    assert (found["first"][1]["minutes"], found["first"][1]["assignee"]) == (120, "ada")


def test_only_incidents_that_this_channel_was_told_of_are_told() -> None:
    [elsewhere, nowhere, as_ticket] = add(an_incident("a"), an_incident("b"), an_incident("c"))
    add(told(elsewhere, f"{CHANNEL}0"), told(as_ticket))
    assert nowhere
    with create_session(scoped=False) as session:
        ticket = update(Delivery).where(Delivery.incident_id == as_ticket).values(destination="ticket")
        session.execute(ticket)
    assert content() is None


def test_what_is_past_its_due_time_says_what_is_missing() -> None:
    due = {"response_due_at": NOW - 30 * MINUTE, "resolve_due_at": NOW + HOUR}
    an_open_one("unanswered", **due)
    an_open_one("answered", status="acknowledged", **due)
    an_open_one("in time", response_due_at=NOW + MINUTE, resolve_due_at=NOW + HOUR)
    an_open_one("late", status="acknowledged", resolve_due_at=NOW - 2 * HOUR, opened_at=NOW - 3 * HOUR)
    an_open_one("over", status="resolved", resolved_at=NOW - 2 * HOUR, resolve_due_at=NOW - HOUR)
    found = content()["overdue"]
    said = [(one["resource"], one["missed"], one["minutes"]) for one in found["first"]]
    assert said == [("late", "resolved", 120), ("unanswered", "acknowledged", 30)]


def test_what_was_resolved_in_the_day_says_how_and_after_how_many_minutes() -> None:
    def resolved(name: str, at: datetime, **more: Any) -> None:
        an_open_one(name, **{"status": "resolved", "resolved_at": at, "opened_at": at - HOUR, **more})

    resolved("now", NOW - MINUTE, resolved_how="The disk was cleared")
    resolved("closed", NOW - HOUR, status="closed")
    # Opened again 20 minutes before: P2 has eight hours from then on.
    resolved(
        "again",
        NOW - 2 * HOUR,
        opened_at=NOW - 90 * HOUR,
        resolve_due_at=NOW - 2 * HOUR - 20 * MINUTE + 8 * HOUR,
    )
    resolved("the day before", TODAY.begins_at)
    resolved("the day after", TODAY.ends_at + MINUTE)
    found = content()["resolved"]
    said = [(one["resource"], one["how"], one["minutes"]) for one in found["first"]]
    assert said == [("now", "The disk was cleared", 60), ("closed", "", 60), ("again", "", 20)]


def test_what_recurs_is_told_with_how_often_in_the_day() -> None:
    def failed(name: str, *hours: int, **more: Any) -> None:
        number = an_open_one(name, status="resolved", last_failure_at=NOW - HOUR, **more)
        add(*(a_failure_row(number, occurred_at=NOW - ago * HOUR) for ago in hours))

    failed("once", 1, 30, 31)
    failed("twice", 1, 2)
    failed("thrice", 1, 2, 3)
    failed("storm", 1, 2, 3, 4, kind="storm")
    found = content()["recurring"]
    assert [(one["resource"], one["times"]) for one in found["first"]] == [("thrice", 3), ("twice", 2)]


def test_of_very_many_ten_are_named_and_all_counted() -> None:
    for number in range(13):
        an_open_one(f"task-{number:02}", title="x" * 5_000)
    found = content()["open"]
    assert (found["count"], len(found["first"])) == (13, 10)
    assert len(json.dumps(content())) < 20_000


# --- once a day --------------------------------------------------------------------------------------------


def test_a_day_is_told_once(workspace: Callable[..., Workspace]) -> None:
    service = workspace()
    an_open_one()
    link = tell().reference
    assert tell().problem == "it is told already"
    time_goes_by()
    assert tell().problem == "it is told already"
    [posted] = service.messages()
    assert str(link).endswith(posted["ts"].replace(".", ""))
    assert "orders/load, open for " in str(posted["blocks"])
    tomorrow = Period(TODAY.day + timedelta(days=1), TODAY.ends_at, TODAY.ends_at + timedelta(days=1))
    assert tell(tomorrow).reference
    assert len(service.messages()) == 2


def test_of_a_day_without_anything_nothing_is_told_also_later(workspace: Callable[..., Workspace]) -> None:
    service = workspace()
    assert tell().problem == "there was nothing to tell"
    an_open_one()
    time_goes_by()
    assert tell().problem == "there was nothing to tell"
    assert (service.calls, [row.state for row in stored(DigestRow)]) == ([], ["off"])


@pytest.mark.parametrize(
    ("trouble", "unheard"),
    [*((refused, True) for refused in REFUSED), *((lost, heard) for lost in LOST for heard in (False, True))],
    ids=str,
)
@pytest.mark.parametrize("call", ["conversations_history", "chat_postMessage", "chat_getPermalink"])
def test_whatever_goes_wrong_there_it_is_one_message_in_the_end(
    workspace: Callable[..., Workspace], call: str, trouble: Any, unheard: bool
) -> None:
    service = workspace(unheard=unheard, **{call: [trouble, None]})
    an_open_one()
    link = at_last()
    [posted] = service.messages()
    assert link.endswith(posted["ts"].replace(".", ""))
    assert service.troubles[call.replace("_", ".", 1)] == [None], "nothing went wrong"
    assert service.times("chat.update") == 0


def test_a_lost_answer_is_found_also_when_more_has_happened_since(
    workspace: Callable[..., Workspace],
) -> None:
    service = workspace(chat_postMessage=["reset", None])
    an_open_one()
    assert "could not be reached" in tell().problem
    an_open_one("payroll/load")
    link = at_last()
    [posted] = service.messages()
    assert link.endswith(posted["ts"].replace(".", ""))
    assert "payroll" not in str(posted["blocks"])


def test_two_who_come_at_once_do_not_both_tell(workspace: Callable[..., Workspace]) -> None:
    service = workspace()
    an_open_one()
    with ThreadPoolExecutor(5) as pool:
        outcomes = list(pool.map(lambda _: tell(), range(5)))
    assert len([outcome for outcome in outcomes if outcome.reference]) == 1
    assert {o.problem for o in outcomes} <= {"", "somebody else is at it", "it is told already"}
    assert len(service.messages()) == 1


def test_who_took_too_long_does_not_have_the_last_word(workspace: Callable[..., Workspace]) -> None:
    workspace()
    an_open_one()
    slow = transaction(lambda session: digests.claim(session, CHANNEL, TODAY))
    with create_session(scoped=False) as session:
        session.execute(update(DigestRow).values(leased_until=NOW - HOUR))
    link = tell().reference
    said = {"lease": slow.lease, "version": 1, "state": "waiting", "problem": "late"}
    with RcaClient(subject="tell_digests") as client, pytest.raises(ServerError, match="lease_lost"):
        client.record_digest(slow.id or 0, said)
    [row] = stored(DigestRow)
    assert (row.state, row.reference, row.problem) == ("delivered", link, "")


def test_two_deployments_in_one_channel_tell_both(
    workspace: Callable[..., Workspace], options: Callable[..., None]
) -> None:
    service = workspace()
    an_open_one()
    assert tell().reference
    with create_session(scoped=False) as session:
        session.execute(DigestRow.__table__.delete())
    options(environment="staging")
    assert tell().reference
    assert len(service.messages()) == 2


# --- as housekeeping does it -------------------------------------------------------------------------------


def test_housekeeping_tells_what_is_due_and_doctor_says_what_fails(
    workspace: Callable[..., Workspace], configured: Path
) -> None:
    service = workspace()
    service.refusals["chat.postMessage"] = ["not_in_channel", None]
    an_open_one()
    operator = DigestOperator(task_id="tell_digests")
    assert [str(finding) for finding in doctor() if finding.fix] == []
    assert operator.execute({}) == {"told": 0, "waiting": 1, "left": 0}
    [finding] = doctor()
    assert "was not told of" in str(finding)
    assert "invite the app to the channel" in str(finding)
    assert operator.execute({}) == {"told": 0, "waiting": 0, "left": 1}
    time_goes_by()
    assert operator.execute({}) == {"told": 1, "waiting": 0, "left": 0}
    assert [finding.fix for finding in doctor()] == [""]
    later = (NOW + 3 * HOUR).time()
    configured.write_text(f'digests: [{{channel: C9999999999, at: "{later:%H:%M}", time_zone: UTC}}]')
    assert operator.execute({}) == {"told": 0, "waiting": 0, "left": 1}
    configured.write_text("digests: x")
    assert operator.execute({}) == {"told": 0, "waiting": 0, "left": 0}
    assert len(service.messages()) == 1


@pytest.mark.parametrize(
    ("text", "there", "said"),
    [
        (None, True, "0 for tickets, 0 for messages, 1 daily digests"),
        ("channels: []", False, "0 for tickets, 0 for messages, 0 daily digests"),
        ("channels: [{channel: '#alerts'}]", False, "routing.yaml:1: channel is '#alerts'; write its id"),
    ],
)
def test_the_step_is_there_only_where_a_channel_wants_it(
    configured: Path, text: str | None, there: bool, said: str
) -> None:
    if text is not None:
        configured.write_text(text)
    tasks = runpy.run_path(str(REPOSITORY / "dags" / "rca_housekeeping.py"))["reconcile"].dag.task_dict
    assert ("tell_digests" in tasks) is there
    assert not there or tasks["tell_digests"].upstream_task_ids == {"deliver"}
    [finding] = routing()
    assert said in str(finding)


def test_a_digest_without_a_connection_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SLACK_DEFAULT", raising=False)
    an_open_one()
    assert "there is no connection slack_default" in tell().problem
    [finding] = doctor()
    assert "there is no connection" in str(finding)
    # That of last week is past mending.
    with create_session(scoped=False) as session:
        session.execute(update(DigestRow).values(recorded_at=NOW - timedelta(days=7)))
    assert [finding.fix for finding in doctor()] == [""]


def test_secrets_of_the_worker_are_not_told(workspace: Callable[..., Workspace]) -> None:
    service = workspace()
    an_open_one("orders/password=hunter2-of-these-tests")
    assert tell().reference
    assert "hunter2" not in str(service.messages())
