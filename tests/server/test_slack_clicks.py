"""Clicks in Slack, by the webhook inside the real app of Airflow: who may, what happens, and what does not."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from airflow.utils.session import create_session
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from demo.local_airflow import AUTH_MANAGERS
from rca_plugin.core.remembered import Remembered
from rca_plugin.core.slack.buttons import mark
from rca_plugin.server import slack_profile, slack_reply, slack_work
from rca_plugin.server.models import AuditRow, Incident, Remediation, Silence
from tests.core.test_slack_click import sample
from tests.fakes.slack_people import TEAM, TOKEN, SlackPeople, SlackPeopleHandler, member
from tests.fakes.trouble import running
from tests.server.repair_runs import asks, repair_dag, task_state
from tests.server.repairing import begin, job_repair, planned, policy_file, repair, stockout
from tests.server.rows import add, an_incident

pytestmark = pytest.mark.usefixtures("database")

WEBHOOK = "/pluginsv2/rca/webhooks/slack"
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
ADA, VERA, HALF, GONE, NOBODY = "U0ADA0001", "U0VERA001", "U0HALF001", "U0GONE001", "U0NOBODY1"
USERS = {ADA: "ada", VERA: "vera", HALF: "half", GONE: "gone"}
PATIENCE_SECONDS, PROFILE_SECONDS = slack_work.PATIENCE_SECONDS, slack_profile.SECONDS
_moments = count(1)
# The simple auth manager knows neither e-mail addresses nor permissions for single DAGs.
fab_only = pytest.mark.parametrize("app", ["fab"], indirect=True)
simple_only = pytest.mark.parametrize("app", ["simple"], indirect=True)


@pytest.fixture(scope="module", params=["simple", "fab"])
def app(request: pytest.FixtureRequest, metadata_database: str) -> Iterator[FastAPI]:
    """Airflow's app with our plugin, under one of the two auth managers."""
    from airflow.api_fastapi.app import create_app, purge_cached_app

    from tests.server.test_app import _forget_plugins

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__AUTH_MANAGER", AUTH_MANAGERS[request.param])
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "ada:user,vera:viewer")
        _forget_plugins()
        purge_cached_app()
        with warnings.catch_warnings():
            # Airflow 3.3 deprecates the Flask views of plugins, and starlette what Airflow mounts them with.
            warnings.simplefilter("ignore")
            app = create_app()
        if request.param == "fab":
            _add_users(app.state.auth_manager)
        yield app
    purge_cached_app()


def _add_users(manager: Any) -> None:
    """Ada may act, Vera may read; half may act on what she may read; gone is not active any more."""
    half = [("can_read", "DAG:orders"), ("can_read", "DAG:rca_incident"), ("can_edit", "DAG:rca_incident"),
            ("can_read", "DAG Runs"), ("can_create", "DAG Runs")]  # fmt: skip
    with manager.flask_app.app_context():
        security = manager.security_manager
        security.bulk_sync_roles([{"role": "Half", "perms": half}])
        for name, role in (
            ("ada", "User"),
            ("vera", "Viewer"),
            ("half", "Half"),
            ("gone", "Admin"),
            ("kim", "User"),
        ):
            if security.find_user(name) is None:
                found = security.find_role(role)
                security.add_user(name, name, "L", f"{name}@example.com", found, password="x" * 12)
        gone = security.find_user("gone")
        gone.active = False
        security.update_user(gone)


@pytest.fixture
def slack(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, options: Callable[..., None]
) -> Iterator[SlackPeople]:
    """A Slack that knows nobody, an Airflow that knows who is who there."""
    service = SlackPeople()
    with running(service, SlackPeopleHandler):
        connection = {"conn_type": "slack", "password": TOKEN, "extra": {"base_url": f"{service.url}api/"}}
        monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(connection))
        monkeypatch.setattr(slack_reply, "PREFIX", service.url)
        # A machine that is busy with other tests takes longer than Slack waits.
        monkeypatch.setattr(slack_work, "PATIENCE_SECONDS", 30.0)
        monkeypatch.setattr(slack_profile, "SECONDS", 30.0)
        monkeypatch.setattr(slack_profile, "_emails", Remembered(3600.0, most=10))
        pairs = ",".join(f"{slack_id}={name}" for slack_id, name in USERS.items())
        options(slack_signing_secret=SECRET, slack_users=pairs)
        yield service
        _settle()


@pytest.fixture
def by_email(slack: SlackPeople, options: Callable[..., None]) -> SlackPeople:
    """The same where no option says who is who."""
    options(slack_users="")
    slack.people.update({slack_id: member(f"{name}@example.com") for slack_id, name in USERS.items()})
    return slack


@pytest.fixture
def client(app: FastAPI, slack: SlackPeople) -> TestClient:
    return TestClient(app, "http://localhost", follow_redirects=False, raise_server_exceptions=False)


def _settle() -> None:
    for thread in threading.enumerate():
        if thread.name == "rca-slack-click":
            thread.join(20)
            assert not thread.is_alive()


def payload(
    service: SlackPeople, number: int, action: str = "acknowledge", user: str = ADA, **more: Any
) -> bytes:
    body = sample("resolve" if action == "resolve" else "acknowledge")
    body["user"] |= {"id": user, "team_id": more.pop("team", TEAM)}
    body["response_url"] = f"{service.url}actions/1"
    pressed = body["actions"][0]
    pressed |= {"action_id": f"rca_{action}", "action_ts": f"1764000000.{next(_moments):06}"}
    kind = "resolve" if action == "resolve" else "actions"
    pressed["block_id"] = f"rca_{kind}_{number}_{more.pop('mark', None) or mark_of(number)}"
    if action == "resolve":
        pressed["value"] = more.pop("reason", "The password was renewed.")
    if action in ("approve", "reject"):
        pressed["block_id"] = pressed["block_id"].replace("_actions_", "_repair_")
        pressed["value"] = more.pop("value", None)
    return urlencode({"payload": json.dumps(body | more)}).encode()


def mark_of(number: int) -> str:
    with create_session(scoped=False) as session:
        row = session.get(Incident, number)
    return mark(row.fingerprint, row.environment) if row else "0123456789ab"


def signed(body: bytes, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    seal = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Signature": f"v0={seal}", "X-Slack-Request-Timestamp": stamp}


def send(client: TestClient, body: bytes, headers: dict[str, str] | None = None) -> Any:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = client.post(WEBHOOK, content=body, headers=form | (signed(body) if headers is None else headers))
    _settle()
    return answer


def click(client: TestClient, slack: SlackPeople, number: int, *words: str, **more: Any) -> str:
    answer = send(client, payload(slack, number, *words, **more))
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


def incident(number: int) -> Incident:
    with create_session(scoped=False) as session:
        return session.get_one(Incident, number)


def clicked(number: int) -> list[tuple[str, str]]:
    """What the timeline says of clicks: by whom, and what became of them."""
    return [(row.actor, row.detail["result"]) for row in rows(AuditRow) if row.incident_id == number
            and row.action == "clicked" and row.detail["place"] == "slack"]  # fmt: skip


def rows(model: type) -> list[Any]:
    with create_session(scoped=False) as session:
        return list(session.scalars(select(model).order_by(model.id)))


def untouched(number: int) -> bool:
    found = incident(number)
    done = {"acknowledged", "assigned", "resolved", "silenced"}
    return (found.status, found.assignee, rows(Silence)) == ("open", None, []) and not done & {
        row.action for row in rows(AuditRow)
    }


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# --- who sends ---------------------------------------------------------------------------------------------


def test_forged_and_stale_clicks_do_nothing_and_are_told_so(client: TestClient, slack: SlackPeople) -> None:
    [number] = add(an_incident())
    body = payload(slack, number)
    now = time.time()
    wrong = [
        {}, signed(body, secret="another secret, long enough"), signed(body + b"&a=1"), signed(body, at=now - 400),
        signed(body, at=now + 400), signed(body) | {"X-Slack-Request-Timestamp": str(int(now) + 1)},
        {"X-Slack-Signature": "v0=", "X-Slack-Request-Timestamp": "now"},
    ]  # fmt: skip
    for headers in wrong:
        assert problem(send(client, body, headers)) == (401, "unauthenticated")
    assert untouched(number)
    assert (clicked(number), slack.told) == ([], [])


def test_without_a_secret_nothing_is_taken_and_two_are_valid_at_once(
    client: TestClient, slack: SlackPeople, options: Callable[..., None]
) -> None:
    [number] = add(an_incident())
    body = payload(slack, number)
    options(slack_signing_secret="")
    answer = send(client, body)
    assert problem(answer) == (503, "not_configured")
    assert "[rca] slack_signing_secret" in answer.text
    assert problem(send(client, body, signed(body, secret=""))) == (503, "not_configured")
    assert untouched(number)
    options(slack_signing_secret=f"the-next-one-of-them,{SECRET}")
    assert send(client, body).json() == {"result": "done"}


def test_the_same_click_again_does_nothing_even_where_it_would_be_possible(
    client: TestClient, slack: SlackPeople
) -> None:
    [number] = add(an_incident())
    body = payload(slack, number, "resolve")
    assert send(client, body).json() == {"result": "done"}
    _reopen(number)
    assert send(client, body).json() == {"result": "repeated"}
    assert incident(number).status == "open"
    assert (clicked(number), len(slack.told)) == ([("ada", "done")], 1)


def test_another_process_that_has_not_seen_a_click_finds_it_on_the_timeline(
    client: TestClient, slack: SlackPeople
) -> None:
    import sys

    [number] = add(an_incident())
    body = payload(slack, number, "resolve")
    assert send(client, body).json() == {"result": "done"}
    _reopen(number)
    webhook: Any = sys.modules["rca_plugin.server.slack_webhook"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webhook, "_taken", Remembered(600, most=10))
        assert send(client, body).json() == {"result": "already"}
    assert incident(number).status == "open"
    assert clicked(number) == [("ada", "done")]


def _reopen(number: int) -> None:
    from rca_plugin.server import incidents, lifecycle

    with create_session(scoped=False) as session:
        lifecycle.reopen(session, incidents.locked(session, number), "eve")


@pytest.mark.parametrize("body", [b"", b"payload=%7B", b"command=%2Frca", b"x" * 2_000_000])
def test_what_cannot_be_read_is_refused_with_a_code(client: TestClient, body: bytes) -> None:
    code, _ = problem(send(client, body))
    assert code == (413 if len(body) > 1_000_000 else 400)


def test_other_buttons_are_taken_and_do_nothing(client: TestClient, slack: SlackPeople) -> None:
    [number] = add(an_incident())
    assert click(client, slack, number, "of_tomorrow") == "ignored"
    assert untouched(number)
    assert (clicked(number), slack.told) == ([], [])


def test_more_clicks_than_the_rate_allows_are_put_off(
    client: TestClient, slack: SlackPeople, options: Callable[..., None]
) -> None:
    import sys

    bucket: Any = sys.modules["rca_plugin.server.slack_webhook"]._bucket
    options(rate_limit=1)
    bucket.cache_clear()
    try:
        answers = [send(client, payload(slack, 1, "of_tomorrow")) for _ in range(30)]
    finally:
        bucket.cache_clear()
    assert problem(answers[-1]) == (429, "rate_limited")
    assert int(answers[-1].headers["Retry-After"]) >= 1


# --- who clicked -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["acknowledge", "assign", "silence_1h", "silence_8h", "resolve"])
def test_strangers_and_readers_change_nothing_and_are_told_why(
    client: TestClient, slack: SlackPeople, action: str
) -> None:
    [number] = add(an_incident())
    assert click(client, slack, number, action, NOBODY) == "refused"
    assert click(client, slack, number, action, VERA) == "refused"
    assert click(client, slack, number, action, ADA, team="T0OTHER01") == "refused"
    assert untouched(number)
    assert clicked(number) == [
        (f"slack:{NOBODY}", "refused"),
        ("vera", "refused"),
        (f"slack:{ADA}", "refused"),
    ]
    texts = [told["text"] for told in slack.told]
    assert "who you are" in texts[0]
    assert "trigger the DAG rca_incident" in texts[1]
    assert "another Slack workspace" in texts[2]
    assert all((t["response_type"], t["replace_original"]) == ("ephemeral", False) for t in slack.told)


def test_a_user_that_airflow_does_not_know_or_that_is_not_active_may_nothing(
    client: TestClient, slack: SlackPeople
) -> None:
    [number] = add(an_incident())
    assert click(client, slack, number, user=GONE) == "refused"
    assert untouched(number)
    assert "Airflow has no such user" in slack.told[0]["text"]


@pytest.mark.parametrize("action", ["acknowledge", "assign", "silence_1h", "resolve"])
def test_a_message_about_another_incident_of_the_same_number_does_nothing(
    client: TestClient, slack: SlackPeople, action: str
) -> None:
    """As of another deployment with the same app, or from before the database was made anew."""
    [number] = add(an_incident())
    other = mark(incident(number).fingerprint, "staging")
    assert click(client, slack, number, action, mark=other) == "refused"
    assert untouched(number)
    assert clicked(number) == [("ada", "refused")]
    assert f"about another RCA-{number}" in slack.told[0]["text"]


def test_an_incident_that_is_not_there_is_nobodys(client: TestClient, slack: SlackPeople) -> None:
    assert click(client, slack, 987_654) == "refused"
    assert "There is no RCA-987654" in slack.told[0]["text"]


@fab_only
@pytest.mark.parametrize("action", ["acknowledge", "assign", "silence_1h", "resolve"])
def test_incidents_of_dags_that_somebody_may_not_read_are_as_if_they_were_not_there(
    client: TestClient, slack: SlackPeople, action: str
) -> None:
    hers, other = add(an_incident("orders/load"), an_incident("payroll/load"))
    assert click(client, slack, other, action, HALF) == "refused"
    assert untouched(other)
    assert clicked(other) == [("half", "refused")]
    assert slack.told[0]["text"] == f"There is no RCA-{other} that you may see."
    assert click(client, slack, hers, action, HALF) == "done"


@fab_only
def test_who_has_confirmed_the_address_of_a_user_is_that_user_and_slack_is_asked_once(
    client: TestClient, by_email: SlackPeople
) -> None:
    by_email.people[ADA] = member("ADA@example.com")
    first, second = add(an_incident(), an_incident())
    assert click(client, by_email, first) == "done"
    assert click(client, by_email, second) == "done"
    assert (incident(first).acknowledged_by, clicked(second)) == ("ada", [("ada", "done")])
    assert [call for call in by_email.calls if call != "reply"] == ["auth.test", "users.info"]
    assert click(client, by_email, first, "assign", VERA) == "refused"
    assert click(client, by_email, first, "assign", GONE) == "refused"


NOT_OURS: dict[str, dict[str, Any]] = {
    "another team": {"team_id": "T0OTHER01"},
    "no team": {"team_id": None},
    "deleted": {"deleted": True},
    "a bot": {"is_bot": True},
    "a guest": {"is_restricted": True},
    "a single-channel guest": {"is_ultra_restricted": True},
    "a stranger": {"is_stranger": True},
    "invited": {"is_invited_user": True},
    "not confirmed": {"is_email_confirmed": False},
    "not said to be confirmed": {"is_email_confirmed": None},
    "no address": {"profile": {}},
    "no profile": {"profile": []},
    "somebody else": {"id": VERA},
    "an address in letters that look alike": {"profile": {"email": "ad\u0430@example.com"}},
    "an address that lower case makes that of kim": {"profile": {"email": "\u212aim@example.com"}},
    "an address of nobody": {"profile": {"email": "nobody@example.com"}},
    "all": {"profile": {"email": "%@example.com"}},
}


@fab_only
@pytest.mark.parametrize("change", NOT_OURS.values(), ids=NOT_OURS.keys())
def test_addresses_of_others_than_full_members_of_our_workspace_prove_nothing(
    client: TestClient, by_email: SlackPeople, change: dict[str, Any]
) -> None:
    [number] = add(an_incident())
    by_email.people[ADA] |= change
    assert click(client, by_email, number) == "refused"
    assert untouched(number)
    assert clicked(number) == [(f"slack:{ADA}", "refused")]
    assert f"Airflow does not know you ({ADA})" in by_email.told[0]["text"]


@fab_only
def test_a_token_is_sent_only_by_https(
    client: TestClient, by_email: SlackPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A name that leads to this machine, but is not known to.
    base = f"http://127.1:{by_email.port}/api/"
    connection = {"conn_type": "slack", "password": TOKEN, "extra": {"base_url": base}}
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(connection))
    [number] = add(an_incident())
    assert click(client, by_email, number) == "refused"
    assert [call for call in by_email.calls if call != "reply"] == []
    assert "Slack could not be asked who you are" in by_email.told[0]["text"]


@fab_only
def test_a_workspace_that_is_not_that_of_the_token_proves_nothing(
    client: TestClient, by_email: SlackPeople
) -> None:
    [number] = add(an_incident())
    by_email.people[ADA] |= {"team_id": "T0OTHER01"}
    foreign = payload(by_email, number, team="T0OTHER01", message=None).replace(TEAM.encode(), b"T0OTHER01")
    assert send(client, foreign).json() == {"result": "refused"}
    assert untouched(number)


@simple_only
def test_addresses_mean_nothing_to_the_simple_auth_manager(client: TestClient, by_email: SlackPeople) -> None:
    [number] = add(an_incident())
    assert click(client, by_email, number) == "refused"
    assert untouched(number)


# --- what happens ------------------------------------------------------------------------------------------


def test_a_click_acknowledges_and_a_second_one_is_answered_kindly(
    client: TestClient, slack: SlackPeople
) -> None:
    [number] = add(an_incident())
    assert [click(client, slack, number) for _ in range(2)] == ["done", "already"]
    found = incident(number)
    assert (found.status, found.acknowledged_by) == ("acknowledged", "ada")
    assert [told["text"] for told in slack.told] == [
        f"You acknowledged RCA-{number}.", f"RCA-{number} is acknowledged already, by ada.",
    ]  # fmt: skip
    actions = [(row.action, row.actor) for row in rows(AuditRow)]
    assert actions == [("acknowledged", "ada"), ("clicked", "ada"), ("clicked", "ada")]


def test_a_click_assigns_the_incident_to_who_clicked(client: TestClient, slack: SlackPeople) -> None:
    [number] = add(an_incident())
    assert [click(client, slack, number, "assign") for _ in range(2)] == ["done", "already"]
    assert (incident(number).assignee, clicked(number)) == ("ada", [("ada", "done"), ("ada", "already")])
    [closed] = add(an_incident(status="closed"))
    assert click(client, slack, closed, "assign") == "refused"
    assert incident(closed).assignee is None


@pytest.mark.parametrize(("action", "hours"), [("silence_1h", 1), ("silence_8h", 8)])
def test_a_click_silences_the_resource_for_hours_and_once(
    client: TestClient, slack: SlackPeople, action: str, hours: int
) -> None:
    [number] = add(an_incident("orders/load"))
    assert [click(client, slack, number, action) for _ in range(2)] == ["done", "already"]
    [silence] = rows(Silence)
    assert silence.ends_at - silence.starts_at == timedelta(hours=hours)
    assert silence.matchers == [
        {"name": "source", "op": "=", "value": "airflow"}, {"name": "resource", "op": "=", "value": "orders/load"},
    ]  # fmt: skip
    assert (silence.created_by, silence.reason) == ("ada", f"RCA-{number}, silenced in Slack by ada")
    assert (
        slack.told[1]["text"]
        == f"orders/load is silenced already, until {silence.ends_at:%Y-%m-%d %H:%M} UTC."
    )
    assert clicked(number) == [("ada", "done"), ("ada", "already")]


def test_eight_hours_after_one_hour_are_longer_and_one_after_eight_is_not(
    client: TestClient, slack: SlackPeople
) -> None:
    [number] = add(an_incident("orders/load"))
    assert [click(client, slack, number, f"silence_{h}h") for h in (1, 8, 1)] == ["done", "done", "already"]
    assert len(rows(Silence)) == 2


def test_a_storm_is_not_silenced(client: TestClient, slack: SlackPeople) -> None:
    [number] = add(an_incident(kind="storm"))
    assert click(client, slack, number, "silence_1h") == "refused"
    assert rows(Silence) == []


def test_a_click_resolves_with_its_reason(client: TestClient, slack: SlackPeople) -> None:
    [number] = add(an_incident())
    assert click(client, slack, number, "resolve", reason="  ") == "refused"
    assert untouched(number)
    assert [click(client, slack, number, "resolve") for _ in range(2)] == ["done", "already"]
    found = incident(number)
    assert (found.status, found.resolved_how) == ("resolved", "The password was renewed.")
    assert clicked(number) == [("ada", "refused"), ("ada", "done"), ("ada", "already")]
    assert [click(client, slack, number, a) for a in ("acknowledge",)] == ["refused"]
    assert slack.told[-1]["text"] == f"RCA-{number} is resolved: it cannot become acknowledged."


def test_a_hostile_reason_is_stored_as_text_without_secrets(client: TestClient, slack: SlackPeople) -> None:
    [number] = add(an_incident())
    reason = "<!channel> <script>\x00\u202e password=hunter2hunter2 " + "x" * 9_000
    assert click(client, slack, number, "resolve", reason=reason) == "done"
    stored = incident(number).resolved_how or ""
    assert stored.startswith("<!channel> <script> password=")
    assert "hunter2" not in stored
    assert len(stored) <= 2_000
    assert "hunter2" not in json.dumps([row.detail for row in rows(AuditRow)])


def test_what_slack_is_told_is_escaped(client: TestClient, slack: SlackPeople) -> None:
    [number] = add(an_incident("orders/<!channel>&"))
    assert click(client, slack, number, "silence_1h") == "done"
    assert slack.told[0]["text"].startswith("orders/&lt;!channel&gt;&amp; is silenced until")


@pytest.mark.parametrize(
    "url", ["", "http://169.254.169.254/", "https://hooks.slack.com.example.com/x", "file:///etc"]
)
def test_an_answer_goes_to_slack_or_nowhere(
    client: TestClient, slack: SlackPeople, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_reply, "PREFIX", "https://hooks.slack.com/")
    [number] = add(an_incident())
    body = payload(slack, number, response_url=url or f"{slack.url}actions/1")
    assert send(client, body).json() == {"result": "done"}
    assert slack.told == []


# --- when something hangs ----------------------------------------------------------------------------------


@fab_only
@pytest.mark.parametrize("trouble", ["stall", "trickle", "reset", "invalid", "wrong", 500, (429, "60")])
def test_who_clicked_stays_unknown_while_slack_does_not_say(
    client: TestClient, by_email: SlackPeople, trouble: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trouble in ("stall", "trickle"):
        monkeypatch.setattr(slack_profile, "SECONDS", 1.0)
    [number] = add(an_incident())
    by_email.troubles["users.info"] = [trouble]
    assert click(client, by_email, number) == "refused"
    assert untouched(number)
    by_email.troubles.clear()
    monkeypatch.setattr(slack_profile, "SECONDS", 30.0)
    assert "Slack could not be asked who you are" in by_email.told[0]["text"]
    assert click(client, by_email, number) == "done"


@fab_only
def test_slack_is_answered_in_time_and_who_clicked_later(
    client: TestClient, by_email: SlackPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PROFILE_SECONDS < PATIENCE_SECONDS < 3
    monkeypatch.setattr(slack_work, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(slack_profile, "SECONDS", 0.5)
    [number] = add(an_incident())
    by_email.troubles["auth.test"] = ["stall"]
    assert click(client, by_email, number) == "running"
    assert (clicked(number), len(by_email.told)) == ([(f"slack:{ADA}", "refused")], 1)


def test_a_click_that_waits_for_the_incident_is_answered_in_time_and_done_later(
    client: TestClient, slack: SlackPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rca_plugin.server import clicks

    may_go_on, act = threading.Event(), clicks.act

    def late(*arguments: Any) -> Any:
        assert may_go_on.wait(20)
        return act(*arguments)

    monkeypatch.setattr(clicks, "act", late)
    monkeypatch.setattr(slack_work, "PATIENCE_SECONDS", 0.05)
    [number] = add(an_incident())
    body = payload(slack, number)
    answer = client.post(WEBHOOK, content=body, headers=signed(body))
    assert answer.json() == {"result": "running"}
    assert untouched(number)
    may_go_on.set()
    _settle()
    assert incident(number).status == "acknowledged"
    assert slack.told[0]["text"] == f"You acknowledged RCA-{number}."


def test_no_more_clicks_are_under_way_than_there_are_places(
    client: TestClient, slack: SlackPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_work, "_PLACES", threading.BoundedSemaphore(1))
    [number] = add(an_incident())
    with slack_work._PLACES:
        body = payload(slack, number)
        answer = send(client, body)
        assert problem(answer) == (503, "try_again")
        assert untouched(number)
    assert send(client, body).json() == {"result": "done"}


@pytest.mark.parametrize("trouble", ["stall", "reset", 500, 404])
def test_an_answer_that_does_not_arrive_undoes_nothing(
    client: TestClient, slack: SlackPeople, trouble: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_reply, "SECONDS", 0.2)
    slack.troubles["reply"] = [trouble]
    [number] = add(an_incident())
    assert click(client, slack, number) == "done"
    assert incident(number).status == "acknowledged"


def test_an_error_of_ours_is_told_without_its_text(
    client: TestClient, slack: SlackPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rca_plugin.server import clicks

    def broken(*_: object) -> None:
        raise ZeroDivisionError("an inner secret")

    monkeypatch.setattr(clicks, "act", broken)
    [number] = add(an_incident())
    assert click(client, slack, number) == "refused"
    assert "secret" not in slack.told[0]["text"]


def test_five_people_who_click_at_once_do_it_once(client: TestClient, slack: SlackPeople) -> None:
    [number] = add(an_incident())
    bodies = [payload(slack, number, "silence_1h") for _ in range(5)]
    threads = [threading.Thread(target=client.post, args=(WEBHOOK,), kwargs={"content": b, "headers": signed(b)})
               for b in bodies]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    _settle()
    assert len(rows(Silence)) == 1
    assert sorted(clicked(number)) == [("ada", "already")] * 4 + [("ada", "done")]


# --- whether to repair -------------------------------------------------------------------------------------


@pytest.fixture
def asked(client: TestClient) -> Remediation:
    """A repair whose question is open."""
    repair_dag()
    return _asked(stockout())


def _asked(number: int) -> Remediation:
    row = planned(number, job_repair(number))
    asks(row.run_id)
    return row


def reply(client: TestClient, slack: SlackPeople, row: Remediation, *words: str, **more: Any) -> str:
    number, value = more.pop("number", row.incident_id), more.pop("value", str(row.id))
    return click(client, slack, number, *(words or ("approve",)), value=value, **more)


def still_asked(row: Remediation) -> bool:
    """Nobody has answered: neither to us, nor to Airflow."""
    now = repair(row.id)
    return (now.state, now.approvals, now.outcome) == ("waiting", [], None) and (
        task_state(row.run_id) == "awaiting_input"
    )


def test_who_may_approves_a_repair_by_a_click_and_airflow_knows_who(
    client: TestClient, slack: SlackPeople, asked: Remediation
) -> None:
    assert reply(client, slack, asked) == "done"
    now = repair(asked.id)
    assert (now.state, [one["name"] for one in now.approvals]) == ("waiting", ["ada"])
    assert task_state(asked.run_id) == "scheduled"
    assert begin(asked.id).granted
    assert slack.told[-1]["text"] == f"You approved the repair of RCA-{asked.incident_id}."
    assert clicked(asked.incident_id) == [("ada", "done")]


def test_who_may_rejects_a_repair_by_a_click(
    client: TestClient, slack: SlackPeople, asked: Remediation
) -> None:
    assert reply(client, slack, asked, "reject") == "done"
    assert (repair(asked.id).state, repair(asked.id).outcome) == ("rejected", "ada rejected it")
    assert not begin(asked.id).granted
    assert slack.told[-1]["text"] == f"You rejected the repair of RCA-{asked.incident_id}."


@pytest.mark.parametrize("word", ["approve", "reject"])
def test_strangers_and_readers_answer_nothing_and_are_told_why(
    client: TestClient, slack: SlackPeople, asked: Remediation, word: str
) -> None:
    assert reply(client, slack, asked, word, NOBODY) == "refused"
    assert reply(client, slack, asked, word, VERA) == "refused"
    assert reply(client, slack, asked, word, GONE) == "refused"
    assert reply(client, slack, asked, word, ADA, team="T0OTHER01") == "refused"
    assert still_asked(asked)
    assert not begin(asked.id).granted
    texts = [told["text"] for told in slack.told]
    assert "who you are" in texts[0]
    assert "trigger the DAG rca_incident" in texts[1]
    assert "another Slack workspace" in texts[3]


def test_forged_and_stale_answers_do_nothing(
    client: TestClient, slack: SlackPeople, asked: Remediation
) -> None:
    body = payload(slack, asked.incident_id, "approve", value=str(asked.id))
    now = time.time()
    for headers in ({}, signed(body, secret="another secret, long enough"), signed(body, at=now - 400)):
        assert problem(send(client, body, headers)) == (401, "unauthenticated")
    assert still_asked(asked)
    assert slack.told == []


def test_an_answer_is_for_the_very_repair_and_incident_of_its_message(
    client: TestClient, slack: SlackPeople, asked: Remediation
) -> None:
    [other] = add(an_incident())
    for wrong in ({"number": other}, {"value": "987654"}):
        assert reply(client, slack, asked, **wrong) == "refused"
        assert slack.told[-1]["text"].startswith("Nothing was done: there is no repair ")
    assert reply(client, slack, asked, mark="0" * 12) == "refused"
    assert "is about another RCA-" in slack.told[-1]["text"]
    for value in (None, "", "0", f"{asked.id}/1", "x", f"-{asked.id}"):
        body = payload(slack, asked.incident_id, "approve", value=value)
        assert problem(send(client, body)) == (400, "invalid_fields")
    assert still_asked(asked)


def test_an_answer_that_comes_a_second_time_does_nothing_more(
    client: TestClient, slack: SlackPeople, asked: Remediation
) -> None:
    assert [reply(client, slack, asked) for _ in range(2)] == ["done", "refused"]
    assert slack.told[-1]["text"].startswith("Nothing was done: ")
    assert [reply(client, slack, asked, "reject")] == ["refused"]
    assert repair(asked.id).state == "waiting"
    assert len(repair(asked.id).approvals) == 1


def test_an_answer_after_its_time_does_nothing_and_says_so(
    client: TestClient, slack: SlackPeople, asked: Remediation
) -> None:
    with create_session(scoped=False) as session:
        session.get_one(Remediation, asked.id).expires_at -= timedelta(hours=2)
    assert reply(client, slack, asked) == "refused"
    assert "Nothing was done: the time to answer ended at " in slack.told[-1]["text"]
    assert still_asked(asked)
    assert not begin(asked.id).granted


def test_an_answer_after_the_incident_was_resolved_does_nothing_and_says_so(
    client: TestClient, slack: SlackPeople, asked: Remediation
) -> None:
    assert click(client, slack, asked.incident_id, "resolve") == "done"
    assert reply(client, slack, asked) == "refused"
    assert "resolved meanwhile: there is nothing to repair" in slack.told[-1]["text"]
    assert repair(asked.id).approvals == []
    assert not begin(asked.id).granted


def test_two_pairs_of_eyes_are_two_people(
    client: TestClient, slack: SlackPeople, options: Callable[..., None], tmp_path: Path
) -> None:
    repair_dag()
    options(remediation_file=policy_file(tmp_path, "risks: {databricks_repair_run: low}\n"
                                         "four_eyes:\n  - when: ['source=\"databricks\"']\n"))  # fmt: skip
    row = _asked(stockout(7))
    assert reply(client, slack, row) == "done"
    assert slack.told[-1]["text"].endswith("Somebody else has to approve it as well.")
    asks(row.run_id, "approve_again")
    assert reply(client, slack, row) == "refused"
    assert "a second person has to agree" in slack.told[-1]["text"]
    assert not begin(row.id).granted


@fab_only
def test_the_repair_of_an_incident_that_somebody_may_not_see_is_as_if_it_was_not_there(
    client: TestClient, slack: SlackPeople
) -> None:
    repair_dag()
    row = _asked(stockout(8, dag_id="payroll"))
    assert reply(client, slack, row, user=HALF) == "refused"
    assert "There is no RCA-" in slack.told[-1]["text"]
    assert still_asked(row)
