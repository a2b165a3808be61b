"""What people do, by the JSON API inside the real app of Airflow: who may, and what bad input does."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.utils.session import create_session
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import delete

from demo.local_airflow import AUTH_MANAGERS, LocalAirflow
from rca_plugin.server.similarity_index import file_incidents
from tests.server.rows import a_failure_row, add, an_incident

API = "/rca/api/v1"
SILENCE = {"matchers": ['dag_id="orders"'], "reason": "upgrade", "ends_at": "2098-01-01T00:00:00Z"}


@pytest.fixture(scope="module")
def app(sqlite_airflow: LocalAirflow) -> Iterator[FastAPI]:
    from airflow.api_fastapi.app import create_app, purge_cached_app

    from tests.server.test_app import _forget_plugins

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__AUTH_MANAGER", AUTH_MANAGERS["simple"])
        _forget_plugins()
        purge_cached_app()
        with warnings.catch_warnings():
            # Airflow 3.3 deprecates the Flask views of plugins, and starlette what Airflow mounts them with.
            warnings.simplefilter("ignore")
            app = create_app()
        yield app
    purge_cached_app()


@pytest.fixture(autouse=True)
def no_rows(sqlite_airflow: LocalAirflow) -> None:
    from rca_plugin.server.models import AuditRow, FailureRow, Incident, Silence

    with create_session(scoped=False) as session:
        for model in (AuditRow, FailureRow, Incident, Silence):
            session.execute(delete(model))


def client_of(app: FastAPI, role: str, *, cookie: bool = False, **headers: str) -> TestClient:
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    token = app.state.auth_manager.generate_jwt(SimpleAuthManagerUser(username="ada", role=role))
    proof = {"Cookie": f"_token={token}"} if cookie else {"Authorization": f"Bearer {token}"}
    return TestClient(
        app,
        "http://localhost",
        headers=proof | headers,
        follow_redirects=False,
        raise_server_exceptions=False,
    )


@pytest.fixture
def user(app: FastAPI) -> TestClient:
    """Somebody who may trigger DAGs."""
    return client_of(app, "user")


@pytest.fixture
def viewer(app: FastAPI) -> TestClient:
    """Somebody who may read everything, and trigger nothing."""
    return client_of(app, "viewer")


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def act(client: TestClient, number: int, action: str, **body: Any) -> Any:
    return client.post(f"{API}/incidents/{number}/{action}", json=body)


# --- similar incidents -------------------------------------------------------------------------------------


def test_similar_incidents_are_answered_with_what_became_of_them(
    user: TestClient, viewer: TestClient
) -> None:
    past, new = add(an_incident("stock/load"), an_incident("orders/load"))
    add(a_failure_row(past, resource="stock/load"), a_failure_row(new))
    act(user, past, "resolve", reason="the password was renewed")
    file_incidents()
    [found] = viewer.get(f"{API}/incidents/{new}/similar").json()["incidents"]
    assert (found["id"], found["label"], found["resource"]) == (past, f"RCA-{past}", "stock/load")
    assert (found["resolved_how"], found["resolved_by"]) == ("the password was renewed", "ada")
    assert 0.7 < found["score"] < 0.9
    assert found["seconds_to_resolve"] > 0
    assert viewer.get(f"{API}/incidents/{past}/similar").json() == {"incidents": []}


def test_of_an_unknown_incident_nothing_is_similar(viewer: TestClient) -> None:
    assert problem(viewer.get(f"{API}/incidents/987654/similar")) == (404, "unknown_incident")
    assert problem(viewer.get(f"{API}/incidents/{2**63}/similar")) == (422, "invalid_fields")


# --- incidents ---------------------------------------------------------------------------------------------


def test_an_incident_is_acknowledged_resolved_and_reopened_and_says_by_whom(user: TestClient) -> None:
    [number] = add(an_incident())
    assert act(user, number, "acknowledge").json()["status"] == "acknowledged"
    resolved = act(user, number, "resolve", reason="  The password was renewed. ").json()
    assert (resolved["status"], resolved["resolved_how"]) == ("resolved", "The password was renewed.")
    assert act(user, number, "reopen", reason="It was not.").json()["reopened_count"] == 1
    detail = user.get(f"{API}/incidents/{number}").json()
    assert (detail["status"], detail["resolved_at"]) == ("open", None)
    assert [(e["action"], e["actor"]) for e in detail["timeline"]] == [
        ("acknowledged", "ada"), ("resolved", "ada"), ("reopened", "ada"),
    ]  # fmt: skip
    assert detail["timeline"][2]["detail"] == {"reason": "It was not."}


@pytest.mark.parametrize(
    ("status", "action"),
    [
        ("acknowledged", "acknowledge"), ("resolved", "acknowledge"), ("suppressed", "acknowledge"),
        ("closed", "resolve"), ("resolved", "resolve"), ("closed", "reopen"), ("open", "reopen"),
        ("acknowledged", "reopen"), ("suppressed", "reopen"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_status_is_refused_and_changes_nothing(
    user: TestClient, status: str, action: str
) -> None:
    [number] = add(an_incident(status=status))
    answer = act(user, number, action, **({"reason": "because"} if action != "acknowledge" else {}))
    assert problem(answer) == (409, "wrong_status")
    detail = user.get(f"{API}/incidents/{number}").json()
    assert (detail["status"], detail["timeline"]) == (status, [])


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": " \x1b "}, {"reason": 7}, {"reason": "x", "more": 1}]
)
def test_resolving_needs_a_reason(user: TestClient, body: dict[str, Any]) -> None:
    [number] = add(an_incident())
    answer = act(user, number, "resolve", **body)
    assert problem(answer) == (422, "invalid_fields")
    assert user.get(f"{API}/incidents/{number}").json()["status"] == "open"


def test_who_may_not_trigger_the_rca_dag_may_read_but_not_act(viewer: TestClient, user: TestClient) -> None:
    [number] = add(an_incident())
    silence_id = user.post(f"{API}/silences", json=SILENCE).json()["id"]
    for action in ("acknowledge", "resolve", "reopen"):
        assert problem(act(viewer, number, action, reason="x")) in [
            (403, "not_allowed"),
            (422, "invalid_fields"),
        ]
    assert problem(act(viewer, number, "acknowledge")) == (403, "not_allowed")
    assert problem(viewer.post(f"{API}/silences", json=SILENCE)) == (403, "not_allowed")
    assert problem(viewer.delete(f"{API}/silences/{silence_id}")) == (403, "not_allowed")
    assert viewer.get(f"{API}/incidents/{number}").json()["status"] == "open"
    assert viewer.get(f"{API}/silences/{silence_id}").json()["state"] == "active"
    assert viewer.post(f"{API}/silences/preview", json={"matchers": ["dag_id=orders"]}).json()["total"] == 1


def test_an_incident_that_is_not_there_is_said_to_be_so(user: TestClient) -> None:
    assert problem(act(user, 987_654, "acknowledge")) == (404, "unknown_incident")


def test_who_may_act_may_act_only_on_what_they_may_read(
    user: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rca_plugin.server.auth import Person

    [number] = add(an_incident("secret/load"))
    # The simple auth manager knows no permission on one DAG.
    monkeypatch.setattr(Person, "readable", lambda _self, dag_ids: set(dag_ids) - {"secret"})
    assert problem(act(user, number, "acknowledge")) == (404, "unknown_incident")
    monkeypatch.undo()
    assert user.get(f"{API}/incidents/{number}").json()["status"] == "open"


# --- other sites -------------------------------------------------------------------------------------------

CROSS_SITE: list[tuple[dict[str, str], tuple[int, str]]] = [
    ({"Content-Type": "application/x-www-form-urlencoded"}, (415, "not_json")),
    ({"Content-Type": "text/plain"}, (415, "not_json")),
    ({"Content-Type": "multipart/form-data; boundary=x"}, (415, "not_json")),
    ({"Content-Type": ""}, (415, "not_json")),
    ({"Content-Type": "text/plain; application/json"}, (415, "not_json")),
    ({"Sec-Fetch-Site": "cross-site"}, (403, "cross_site")),
    ({"Sec-Fetch-Site": "same-site"}, (403, "cross_site")),
    ({"Origin": "https://evil.example"}, (403, "cross_site")),
    ({"Origin": "http://localhost.evil.example"}, (403, "cross_site")),
    ({"Origin": "http://localhost:8081"}, (403, "cross_site")),
    ({"Origin": "null"}, (403, "cross_site")),
]


@pytest.mark.parametrize(("headers", "expected"), CROSS_SITE)
def test_what_a_page_of_another_site_can_send_with_the_cookie_is_refused(
    app: FastAPI, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    [number] = add(an_incident())
    client = client_of(app, "admin", cookie=True)
    sent = {"Content-Type": "application/json"} | headers
    path = f"{API}/incidents/{number}/acknowledge"
    assert problem(client.post(path, content=b"{}", headers=sent)) == expected
    assert client.get(f"{API}/incidents/{number}").json()["status"] == "open"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "http://localhost"}, {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}],
)
def test_what_our_own_pages_send_with_the_cookie_is_taken(app: FastAPI, headers: dict[str, str]) -> None:
    [number] = add(an_incident())
    client = client_of(app, "user", cookie=True)
    assert client.post(f"{API}/incidents/{number}/acknowledge", json={}, headers=headers).status_code == 200


def test_behind_a_proxy_the_address_that_airflow_knows_is_ours(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    [number] = add(an_incident())
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/team")
    client = client_of(app, "user", cookie=True, Origin="https://airflow.example.com")
    assert act(client, number, "acknowledge").status_code == 200


def test_a_delete_from_another_site_is_refused(app: FastAPI, user: TestClient) -> None:
    number = user.post(f"{API}/silences", json=SILENCE).json()["id"]
    client = client_of(app, "admin", cookie=True, Origin="https://evil.example")
    assert problem(client.delete(f"{API}/silences/{number}")) == (403, "cross_site")
    assert user.get(f"{API}/silences/{number}").json()["ended_at"] is None


# --- silences ----------------------------------------------------------------------------------------------


def test_a_silence_is_made_listed_and_ended(user: TestClient) -> None:
    made = user.post(f"{API}/silences", json=SILENCE)
    assert made.status_code == 201
    number = made.json()["id"]
    [listed] = user.get(f"{API}/silences").json()["silences"]
    assert listed == user.get(f"{API}/silences/{number}").json() == made.json()
    assert (listed["state"], listed["created_by"], listed["matchers"]) == (
        "active",
        "ada",
        ['dag_id="orders"'],
    )
    ended = user.delete(f"{API}/silences/{number}").json()
    assert (ended["state"], ended["ended_by"], ended["windows"]) == ("expired", "ada", [])
    assert user.delete(f"{API}/silences/{number}").json() == ended
    assert problem(user.delete(f"{API}/silences/987654")) == (404, "unknown_silence")


def test_a_time_without_an_offset_is_one_of_the_time_zone(user: TestClient) -> None:
    times = {
        "starts_at": "2090-07-01T02:00",
        "ends_at": "2090-07-01T06:00:00+00:00",
        "time_zone": "Europe/Berlin",
    }
    made = user.post(f"{API}/silences", json=SILENCE | times).json()
    assert (made["starts_at"], made["ends_at"]) == ("2090-07-01T00:00:00Z", "2090-07-01T06:00:00Z")
    assert made["state"] == "pending"


def test_a_recurring_silence_says_when_it_holds(user: TestClient) -> None:
    recurring = {
        "recurrence": " 0 2  * * 6 ",
        "duration_minutes": 240,
        "time_zone": "Europe/Berlin",
        "ends_at": None,
    }
    made = user.post(f"{API}/silences", json=SILENCE | recurring).json()
    assert (made["recurrence"], made["ends_at"], len(made["windows"])) == ("0 2 * * 6", None, 5)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"matchers": []}, "matchers"),
    ({"matchers": ['dag_id=""']}, "matchers"),
    ({"matchers": ["dag_id=~("]}, "matchers"),
    ({"matchers": ["x=y"] * 21}, "matchers"),
    ({"matchers": "dag_id=x"}, "matchers"),
    ({"reason": "  "}, "reason"),
    ({"reason": None}, "reason"),
    ({"ends_at": None}, "ends_at"),
    ({"ends_at": "2001-01-01T00:00:00Z"}, "ends_at"),
    ({"ends_at": "9999-12-31T23:59:59-12:00"}, "ends_at"),
    ({"starts_at": "0001-01-01T00:00:00+14:00"}, "starts_at"),
    ({"starts_at": "2099-01-01T00:00:00Z"}, "ends_at"),
    ({"starts_at": "soon"}, "starts_at"),
    ({"time_zone": "Mars/Base"}, "time_zone"),
    ({"time_zone": "../../../etc/passwd"}, "time_zone"),
    ({"recurrence": "61 * * * *", "duration_minutes": 5}, "recurrence"),
    ({"recurrence": "0 2 * * 6"}, "duration_minutes"),
    ({"recurrence": "0 2 * * 6", "duration_minutes": 0}, "duration_minutes"),
    ({"surprise": 1}, "surprise"),
]


@pytest.mark.parametrize(("change", "field"), WRONG)
def test_a_silence_that_makes_no_sense_names_the_field(
    user: TestClient, change: dict[str, Any], field: str
) -> None:
    answer = user.post(f"{API}/silences", json=SILENCE | change)
    assert problem(answer) == (422, "invalid_fields")
    assert answer.json()["error"]["message"].startswith(field)
    assert user.get(f"{API}/silences").json() == {"silences": []}


def test_a_body_that_is_no_json_does_not_come_back(user: TestClient) -> None:
    sent = {"Content-Type": "application/json"}
    answer = user.post(f"{API}/silences", content=b'{"reason": secret', headers=sent)
    assert problem(answer) == (422, "invalid_fields")
    assert "secret" not in answer.text


def test_the_preview_says_what_would_match_and_when_and_changes_nothing(user: TestClient) -> None:
    [number, _] = add(an_incident(), an_incident("other/load"))
    add(a_failure_row(number, labels={"cluster_id": "c-1"}))
    found = user.post(
        f"{API}/silences/preview", json={"matchers": ["cluster_id=c-1"], "ends_at": "2098-01-01T00:00"}
    )
    body = found.json()
    assert (body["total"], [i["id"] for i in body["incidents"]]) == (1, [number])
    assert (len(body["windows"]), body["problem"]) == (1, None)
    without = user.post(f"{API}/silences/preview", json={"matchers": ["cluster_id=c-1"]}).json()
    assert (without["total"], without["windows"]) == (1, [])
    assert without["problem"].startswith("ends_at: ")
    assert problem(user.post(f"{API}/silences/preview", json={"matchers": ["=x"]})) == (422, "invalid_fields")
    assert user.get(f"{API}/silences").json() == {"silences": []}


# --- pages -------------------------------------------------------------------------------------------------


def test_the_pages_show_actions_only_to_those_who_may_act(app: FastAPI) -> None:
    [number] = add(an_incident())
    user, viewer = (client_of(app, role, cookie=True) for role in ("user", "viewer"))
    made = client_of(app, "user").post(f"{API}/silences", json=SILENCE).json()["id"]
    for path in (f"incidents/{number}", "silences", f"silences/{made}", "silences/new"):
        for client, shown in ((user, True), (viewer, False)):
            answer = client.get(f"/pluginsv2/rca/{path}")
            assert answer.status_code == 200, path
            assert ("data-api" in answer.text) is shown, path
            assert "set-cookie" not in answer.headers
    assert user.get("/pluginsv2/rca/silences/987654").status_code == 404
