"""The plugin inside the real app of Airflow: who is let in, and what bad input does."""

from __future__ import annotations

import json
import re
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from markupsafe import escape
from sqlalchemy import delete, func, select
from starlette.routing import Mount

from demo.local_airflow import AUTH_MANAGERS, LocalAirflow
from rca_plugin.config import settings
from rca_plugin.core.analysis import analysis_to_json
from rca_plugin.core.model_request import request_to_json
from rca_plugin.core.service_token import sign
from tests.server.asked import REQUEST
from tests.server.made import analysis

WEBHOOK = "/pluginsv2/rca/webhooks/airflow"
REPORT = {
    "dag_id": "orders",
    "run_id": "run-1",
    "task_id": "load",
    "try_number": 1,
    "occurred_at": "2026-11-23T12:00:00Z",
    "exception_type": "OperationalError",
    "message": "connection refused",
}


@pytest.fixture(scope="module", params=["simple", "fab"])
def app(request: pytest.FixtureRequest, sqlite_airflow: LocalAirflow) -> Iterator[FastAPI]:
    """Airflow's app with our plugin, under one of the two auth managers."""
    from airflow.api_fastapi.app import create_app, purge_cached_app

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__AUTH_MANAGER", AUTH_MANAGERS[request.param])
        patch.setenv("AIRFLOW__RCA__SLACK_SIGNING_SECRET", "what-slack-signs-with")
        patch.setenv("AIRFLOW__RCA__WEBHOOK_SECRET_JIRA", "what-jira-signs-with")
        patch.setenv("AIRFLOW__RCA__PLAYBOOK_SECRET", "what-playbooks-sign-with")
        settings.cache_clear()
        _forget_plugins()
        purge_cached_app()
        with warnings.catch_warnings():
            # Airflow 3.3 deprecates the Flask views of plugins, and starlette what Airflow mounts them with.
            warnings.simplefilter("ignore")
            app = create_app()
        yield app
    purge_cached_app()
    settings.cache_clear()


def _forget_plugins() -> None:
    """A Flask blueprint can be registered with one app only: each app gets plugins of its own."""
    import sys

    from airflow import plugins_manager

    for loaded in vars(plugins_manager).values():
        if hasattr(loaded, "cache_clear"):
            loaded.cache_clear()
    for name in ("webhooks", "slack_webhook", "jira_webhook", "views.incidents"):
        sys.modules.pop(f"rca_plugin.server.{name}", None)


@pytest.fixture(scope="module")
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://localhost", follow_redirects=False, raise_server_exceptions=False)


@pytest.fixture(autouse=True)
def no_rows_before(sqlite_airflow: LocalAirflow) -> None:
    from airflow.utils.session import create_session

    from rca_plugin.server.models import AuditRow, FailureRow, Feedback, Incident, ModelCall, Spending

    with create_session(scoped=False) as session:
        for model in (Feedback, ModelCall, Spending, AuditRow, FailureRow, Incident):
            session.execute(delete(model))


def stored_rows() -> int:
    from airflow.utils.session import create_session

    from rca_plugin.server.models import FailureRow

    with create_session(scoped=False) as session:
        return session.scalar(select(func.count(FailureRow.id))) or 0


@pytest.fixture
def token(sqlite_airflow: LocalAirflow) -> Callable[..., dict[str, str]]:
    def make(at: float | None = None, secret: str | None = None) -> dict[str, str]:
        secret = secret or sqlite_airflow.environment["AIRFLOW__API__SECRET_KEY"]
        return {"Authorization": f"Bearer {sign(secret, 'test', at or time.time())}"}

    return make


def fastapi_routes(app: FastAPI) -> list[tuple[str, str]]:
    [ours] = [route.app for route in app.routes if isinstance(route, Mount) and route.path == "/rca"]
    return [
        (method, "/rca" + re.sub(r"\{\w+_id\}", "1", route.path))
        for route in _flat(ours.routes)
        for method in sorted(route.methods or ())
    ]


def _flat(routes: list[Any]) -> list[Any]:
    return [r for route in routes for r in (_flat(route.routes) if hasattr(route, "routes") else [route])]


def flask_routes(app: FastAPI) -> list[tuple[str, str]]:
    [flask_app] = [r.app.app for r in app.routes if isinstance(r, Mount) and r.path == "/pluginsv2"]
    values = {"incident_id": 1, "silence_id": 1, "call_id": 1, "source": "airflow", "name": "rca.css"}
    with flask_app.test_request_context():
        adapter = flask_app.create_url_adapter(None) or flask_app.url_map.bind("localhost")
        return [
            (
                method,
                "/pluginsv2"
                + adapter.build(rule.endpoint, {a: values[a] for a in rule.arguments}, method=method),
            )
            for rule in flask_app.url_map.iter_rules()
            if rule.rule.startswith("/rca")
            for method in sorted(rule.methods - {"OPTIONS", "HEAD"})
        ]


def test_every_route_refuses_an_anonymous_call(app: FastAPI, client: TestClient) -> None:
    routes = [*fastapi_routes(app), *flask_routes(app)]
    assert len(routes) > 12
    assert {"/rca/openapi.json", "/rca/docs", "/pluginsv2/rca/incidents", WEBHOOK} <= {
        path for _, path in routes
    }
    for method, path in routes:
        answer = client.request(method, path, json={})
        to_login = answer.status_code in (302, 307) and "/auth/" in answer.headers["location"]
        assert answer.status_code == 401 or to_login, (method, path, answer.status_code)


def test_every_route_refuses_a_forged_token(
    app: FastAPI, client: TestClient, token: Callable[..., Any]
) -> None:
    forged = token(secret="somebody else's secret, long enough")
    for method, path in [*fastapi_routes(app), *flask_routes(app)]:
        cookie = {"Cookie": f"_token={forged['Authorization'][7:]}"}
        answer = client.request(method, path, json={}, headers={**forged, **cookie})
        assert answer.status_code in (302, 307, 401), (method, path, answer.status_code)


def test_a_report_is_stored_before_it_is_answered(client: TestClient, token: Callable[..., Any]) -> None:
    answer = client.post(WEBHOOK, json=REPORT, headers=token())
    assert answer.status_code == 202
    assert answer.json()["results"][0]["result"] == "opened"
    assert stored_rows() == 1


DEEP = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
BAD_BODIES: list[tuple[str, bytes, int, str]] = [
    ("empty", b"", 400, "invalid_json"),
    ("not JSON", b"hello", 400, "invalid_json"),
    ("a list", b"[]", 422, "invalid_fields"),
    ("wrong types", json.dumps({**REPORT, "try_number": "one"}).encode(), 422, "invalid_fields"),
    ("missing field", json.dumps({"dag_id": "x"}).encode(), 422, "invalid_fields"),
    ("unknown field", json.dumps({**REPORT, "x": 1}).encode(), 422, "invalid_fields"),
    ("2 MB", json.dumps({**REPORT, "message": "x" * 2_000_000}).encode(), 413, "body_too_large"),
    ("10,000 levels", DEEP, 400, "too_deep"),
    ("control characters", json.dumps({**REPORT, "dag_id": "a\x00\x1bb"}).encode(), 422, "invalid_fields"),
    ("lone surrogate", json.dumps({**REPORT, "task_id": "\ud800"}).encode(), 422, "invalid_fields"),
    ("invalid UTF-8", b'{"dag_id": "\xff\xfe"}', 400, "invalid_encoding"),
    ("NaN", b'{"try_number": NaN}', 400, "invalid_json"),
]


@pytest.mark.parametrize(
    ("body", "status", "code"), [c[1:] for c in BAD_BODIES], ids=[c[0] for c in BAD_BODIES]
)
def test_a_bad_body_is_refused_with_a_code_and_leaves_no_row(
    client: TestClient, token: Callable[..., Any], body: bytes, status: int, code: str
) -> None:
    answer = client.post(WEBHOOK, content=body, headers={**token(), "Content-Type": "application/json"})
    expect_refused(answer, status, code)


def test_a_bad_sender_is_refused_with_a_code_and_leaves_no_row(
    client: TestClient, token: Callable[..., Any]
) -> None:
    wrong = [
        {},
        {"Authorization": "Bearer x.y.z"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        token(secret="somebody else's secret, long enough"),
        token(at=time.time() - 600),
        token(at=time.time() + 600),
    ]
    for headers in wrong:
        expect_refused(client.post(WEBHOOK, json=REPORT, headers=headers), 401, "unauthenticated")


def test_an_unknown_source_and_a_wrong_method_are_refused(
    client: TestClient, token: Callable[..., Any]
) -> None:
    expect_refused(
        client.post("/pluginsv2/rca/webhooks/nagios", json=REPORT, headers=token()), 404, "unknown_source"
    )
    assert client.get(WEBHOOK, headers=token()).status_code == 405
    assert stored_rows() == 0


def expect_refused(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "Traceback" not in answer.text
    assert stored_rows() == 0


def test_control_characters_in_the_text_are_dropped_and_the_report_taken(
    client: TestClient, token: Callable[..., Any]
) -> None:
    from airflow.utils.session import create_session

    from rca_plugin.server.models import FailureRow

    answer = client.post(WEBHOOK, json={**REPORT, "message": "a\x00b\x1b[31mred\x1b[0m"}, headers=token())
    assert answer.status_code == 202
    with create_session(scoped=False) as session:
        assert session.scalars(select(FailureRow.message)).one() == "OperationalError: abred"


def test_an_error_of_ours_shows_no_traceback(
    client: TestClient, token: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    def broken(_: object) -> None:
        raise ZeroDivisionError("an inner secret")

    monkeypatch.setattr(sys.modules["rca_plugin.server.webhooks"], "take_in", broken)
    answer = client.post(WEBHOOK, json=REPORT, headers=token())
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert "secret" not in answer.text


def test_the_description_of_the_api_is_for_people_who_signed_in(
    app: FastAPI, client: TestClient, token: Callable[..., Any]
) -> None:
    assert client.get("/rca/openapi.json", headers=token()).status_code == 401
    [ours] = [route.app for route in app.routes if isinstance(route, Mount) and route.path == "/rca"]
    paths = ours.openapi()["paths"]
    assert "/api/v1/incidents" in paths
    example = ours.openapi()["components"]["schemas"]["IncidentSummary"]["properties"]["resource"]["examples"]
    assert example == ["orders_daily/load"]


def cookie_of_admin(app: FastAPI) -> dict[str, str]:
    """The session cookie of an administrator, as Airflow's login sets it."""
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    manager = app.state.auth_manager
    if isinstance(manager, SimpleAuthManager):
        return {
            "Cookie": f"_token={manager.generate_jwt(SimpleAuthManagerUser(username='ada', role='admin'))}"
        }
    return {"Cookie": f"_token={manager.generate_jwt(_fab_admin(manager))}"}


def _fab_admin(manager: Any) -> Any:
    with manager.flask_app.app_context():
        security = manager.security_manager
        found = security.find_user("ada")
        admin = security.find_role("Admin")
        return found or security.add_user("ada", "Ada", "L", "ada@example.invalid", admin, password="x" * 12)


def test_who_answered_is_found_by_the_id_that_airflow_notes(app: FastAPI, client: TestClient) -> None:
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    from rca_plugin.server import airflow_users

    manager = app.state.auth_manager
    admin = manager.get_users()[0] if isinstance(manager, SimpleAuthManager) else _fab_admin(manager)
    found = airflow_users.with_id(str(admin.get_id()))
    assert found is not None
    assert (str(found.user.get_id()), found.may_act()) == (str(admin.get_id()), True)
    for stranger in ("99999", "nobody", "1 OR 1=1", ""):
        assert airflow_users.with_id(stranger) is None


def test_pages_are_for_people_and_set_no_cookie_of_their_own(
    app: FastAPI, client: TestClient, token: Callable[..., Any]
) -> None:
    """FAB's own session would overwrite Airflow's."""
    opened = client.post(WEBHOOK, json=REPORT, headers=token()).json()["results"][0]["incident_id"]
    cookie = cookie_of_admin(app)
    for path in (
        "/pluginsv2/rca/incidents",
        f"/pluginsv2/rca/incidents/{opened}",
        "/pluginsv2/rca/static/rca.css",
    ):
        answer = client.get(path, headers=cookie)
        assert answer.status_code == 200, path
        assert "set-cookie" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert (
        "script-src 'self'"
        in client.get("/pluginsv2/rca/incidents", headers=cookie).headers["content-security-policy"]
    )
    assert client.get("/pluginsv2/rca/incidents/999999", headers=cookie).status_code == 404
    assert client.get("/pluginsv2/rca/static/../incidents.py", headers=cookie).status_code == 404


def test_the_page_and_the_api_say_what_a_retry_policy_decided(
    app: FastAPI, client: TestClient, token: Callable[..., Any]
) -> None:
    decision = "no retry: auth_permission (rule python.permission, 0.72): <PermissionError>"
    report = {**REPORT, "retry_decision": decision}
    opened = client.post(WEBHOOK, json=report, headers=token()).json()["results"][0]["incident_id"]
    page = client.get(f"/pluginsv2/rca/incidents/{opened}", headers=cookie_of_admin(app)).text
    assert page.count(escape(decision)) == 3  # on the failure, among its labels and on the timeline
    answer = client.get(f"/rca/api/v1/incidents/{opened}", headers=token()).json()
    assert answer["failures"][0]["labels"] == {"retry_decision": decision}


def test_people_may_read_and_only_our_tasks_may_write(
    app: FastAPI, client: TestClient, token: Callable[..., Any]
) -> None:
    opened = client.post(WEBHOOK, json=REPORT, headers=token()).json()["results"][0]["incident_id"]
    person = {"Authorization": cookie_of_admin(app)["Cookie"].replace("_token=", "Bearer ")}
    path = f"/rca/api/v1/incidents/{opened}"
    assert client.get("/rca/api/v1/incidents", headers=person).json()["total"] == 1
    assert client.get(path, headers=person).json()["label"] == f"RCA-{opened}"
    assert client.get(path, headers=token()).status_code == 200
    assert client.get("/rca/api/v1/health", headers=person).status_code == 200
    assert client.post(f"{path}/evidence", json={"wait": False}, headers=person).status_code == 401
    assert client.post("/rca/api/v1/housekeeping/reconcile", headers=person).status_code == 401
    assert client.post(WEBHOOK, json=REPORT, headers=person).status_code == 401


def test_tasks_ask_whether_a_model_may_be_asked_and_people_see_what_it_was(
    app: FastAPI, client: TestClient, token: Callable[..., Any]
) -> None:
    opened = client.post(WEBHOOK, json=REPORT, headers=token()).json()["results"][0]["incident_id"]
    person = {"Authorization": cookie_of_admin(app)["Cookie"].replace("_token=", "Bearer ")}
    calls = f"/rca/api/v1/incidents/{opened}/model-calls"
    plan = {"purpose": "analysis", "key": "0" * 64, "request": request_to_json(REQUEST)}
    assert client.post(calls, json=plan, headers=person).status_code == 401
    answer = client.post(calls, json=plan, headers=token()).json()
    assert (answer["decision"], answer["answer"]) == ("ask", None)
    outcome = f"/rca/api/v1/model-calls/{answer['call_id']}"
    body = {"answer": "{}", "problem": "", "input_tokens": 1000, "cached_tokens": 0, "output_tokens": 100,
            "seconds": 1.5, "retry_after": 0, "asked": True}  # fmt: skip
    assert client.put(outcome, json=body, headers=person).status_code == 401
    assert client.put(outcome, json={**body, "answer": "x" * 64_001}, headers=token()).status_code == 422
    kept = {"incident_id": opened, "cost": 0.00055}
    assert [client.put(outcome, json=body, headers=token()).json() for _ in range(2)] == [kept, kept]
    assert client.put("/rca/api/v1/model-calls/999999", json=body, headers=token()).status_code == 404
    for caller in (person, token()):
        [listed] = client.get(calls, headers=caller).json()["model_calls"]
        assert (listed["state"], listed["cost"], "request" in listed) == ("answered", 0.00055, False)
        one = client.get(f"{calls}/{listed['id']}", headers=caller).json()
        assert (one["request"], one["answer"]) == (plan["request"], "{}")
    secret = {**plan, "request": {**plan["request"], "text": "password=hunter2hunter2"}}
    refused = client.post(calls, json=secret, headers=token())
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_fields")
    assert "hunter2" not in refused.text


def test_people_say_whether_an_analysis_helped_and_no_other_site_does(
    app: FastAPI, client: TestClient, token: Callable[..., Any]
) -> None:
    opened = client.post(WEBHOOK, json=REPORT, headers=token()).json()["results"][0]["incident_id"]
    path = f"/rca/api/v1/incidents/{opened}"
    cookie = cookie_of_admin(app)
    said = {"helpful": True, "reason": "It was the password."}
    assert client.put(f"{path}/feedback", json=said, headers=cookie).status_code == 409
    stored = analysis_to_json(analysis())
    assert client.put(f"{path}/analysis", json=stored, headers=token()).status_code == 200
    other_site = {**cookie, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert client.put(f"{path}/feedback", json=said, headers=other_site).status_code == 403
    as_form = client.put(f"{path}/feedback", data={"helpful": "true"}, headers=cookie)
    assert as_form.status_code == 415
    assert client.put(f"{path}/feedback", json=said, headers=token()).status_code == 401
    given = client.put(f"{path}/feedback", json=said, headers=cookie).json()
    assert (given["person"], given["helpful"], given["method"]) == ("ada", True, "gemini")
    found = client.get("/rca/api/v1/analysis-scores", headers=cookie).json()
    assert [(score["rated"], score["share"]) for score in found["scores"]] == [(1, 1.0)]
    assert (found["spending"]["budget"], found["spending"]["stopped"]) == (5.0, False)


@pytest.mark.parametrize(
    "query", ["sort=nonsense", "limit=0", "limit=100000", "offset=-1", "status=x", "surprise=1"]
)
def test_a_query_that_is_not_one_is_refused(app: FastAPI, client: TestClient, query: str) -> None:
    assert client.get(f"/rca/api/v1/incidents?{query}", headers=cookie_of_admin(app)).status_code == 422
