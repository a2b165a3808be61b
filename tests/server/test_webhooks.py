"""The webhooks over HTTP, up to what is taken in: order of the checks, codes, methods, rates."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rca_plugin import config
from rca_plugin.core.failure import Source
from rca_plugin.core.signature import sign
from rca_plugin.server import entra
from tests.fakes.entra import AUDIENCE, TENANT, entra_server
from tests.server.test_senders import OUTSIDE, basic, bearer, query, secret_of

RIGHT = {
    Source.ADF: bearer(secret_of(Source.ADF)),
    Source.AZURE_MONITOR: query(secret_of(Source.AZURE_MONITOR)),
    Source.DATABRICKS: basic(secret_of(Source.DATABRICKS)),
    Source.GENERIC: bearer(secret_of(Source.GENERIC)),
}


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    from rca_plugin.server import webhooks

    def set_options(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"AIRFLOW__RCA__{name.upper()}", value)
        config.settings.cache_clear()
        webhooks._bucket.cache_clear()

    set_options(**{f"webhook_secret_{source.value}": secret_of(source) for source in OUTSIDE})
    yield set_options
    config.settings.cache_clear()
    webhooks._bucket.cache_clear()
    entra._keys.cache_clear()


@pytest.fixture
def client(options: Callable[..., None]) -> FlaskClient:
    from rca_plugin.server.webhooks import blueprint

    app = Flask(__name__)
    app.register_blueprint(blueprint)
    return app.test_client()


def expect(answer: TestResponse, status: int, code: str) -> None:
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (status, code)


# What comes after the proof: the body is not JSON, so that nothing is taken in.
def expect_let_in(answer: TestResponse) -> None:
    expect(answer, 400, "invalid_json")


@pytest.mark.parametrize("source", OUTSIDE, ids=lambda source: source.value)
def test_the_proof_comes_before_the_body_is_read(client: FlaskClient, source: Source) -> None:
    path = f"/rca/webhooks/{source.value}"
    expect(client.post(path, data=b"{"), 401, "unauthenticated")
    expect(client.post(path, data=b"{", headers={"Authorization": "Bearer wrong"}), 401, "unauthenticated")
    expect_let_in(client.post(path, data=b"{", headers=RIGHT[source]))


@pytest.mark.parametrize(
    ("source", "challenges"),
    [
        (Source.AIRFLOW, 'Bearer realm="rca"'),
        (Source.ADF, 'Bearer realm="rca"'),
        (Source.AZURE_MONITOR, 'Bearer realm="rca", Basic realm="rca"'),
        (Source.DATABRICKS, 'Basic realm="rca"'),
        (Source.GENERIC, 'Bearer realm="rca"'),
    ],
)
def test_a_refusal_says_how_to_prove_oneself(client: FlaskClient, source: Source, challenges: str) -> None:
    answer = client.post(f"/rca/webhooks/{source.value}", data=b"{}")
    assert answer.headers["WWW-Authenticate"] == challenges


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, RIGHT[Source.ADF]])
def test_a_source_without_a_secret_names_its_option(
    client: FlaskClient, options: Callable[..., None], headers: dict[str, str]
) -> None:
    options(webhook_secret_adf="")
    answer = client.post("/rca/webhooks/adf", data=b"{}", headers=headers)
    expect(answer, 503, "not_configured")
    assert "[rca] webhook_secret_adf" in answer.get_json()["error"]["message"]


@pytest.mark.parametrize("name", ["nagios", "jira", "slack", "ADF", "adf.", "source.adf", "%00"])
def test_an_unknown_source_is_said_to_be_unknown(client: FlaskClient, name: str) -> None:
    expect(client.post(f"/rca/webhooks/{name}", data=b"{}", headers=RIGHT[Source.ADF]), 404, "unknown_source")


def test_a_slash_at_the_end_changes_nothing(client: FlaskClient) -> None:
    """A redirect would turn the POST of most senders into a GET."""
    expect_let_in(client.post("/rca/webhooks/adf/", data=b"{", headers=RIGHT[Source.ADF]))


@pytest.mark.parametrize("path", ["/rca/webhooks/adf", "/rca/webhooks/adf/"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_only_post_is_allowed(client: FlaskClient, method: str, path: str) -> None:
    answer = client.open(path, method=method, headers=RIGHT[Source.ADF])
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_a_source_that_sends_too_much_is_told_when_to_come_back(
    client: FlaskClient, options: Callable[..., None]
) -> None:
    options(rate_limit="1")
    path, right = "/rca/webhooks/adf", RIGHT[Source.ADF]
    for _ in range(10):
        expect_let_in(client.post(path, data=b"{", headers=right))
    answer = client.post(path, data=b"{", headers=right)
    expect(answer, 429, "rate_limited")
    assert answer.headers["Retry-After"] == "1"
    expect_let_in(client.post("/rca/webhooks/generic", data=b"{", headers=RIGHT[Source.GENERIC]))
    time.sleep(1)
    expect_let_in(client.post(path, data=b"{", headers=right))


def test_strangers_use_up_nothing(client: FlaskClient, options: Callable[..., None]) -> None:
    options(rate_limit="1")
    for _ in range(30):
        expect(client.post("/rca/webhooks/adf", data=b"{"), 401, "unauthenticated")
    expect_let_in(client.post("/rca/webhooks/adf", data=b"{", headers=RIGHT[Source.ADF]))


def test_a_signed_body_is_the_one_that_arrived(client: FlaskClient) -> None:
    body, now = b'{"a": 1, ', int(time.time())
    headers = {"X-RCA-Signature": sign(secret_of(Source.GENERIC), body, now), "X-RCA-Timestamp": str(now)}
    expect_let_in(client.post("/rca/webhooks/generic", data=body, headers=headers))
    expect(client.post("/rca/webhooks/generic", data=body + b" ", headers=headers), 401, "unauthenticated")


def test_a_form_is_a_body_like_any_other(client: FlaskClient) -> None:
    """Flask would read a form by itself, and leave an empty body to be signed."""
    headers = {**RIGHT[Source.ADF], "Content-Type": "application/x-www-form-urlencoded"}
    expect_let_in(client.post("/rca/webhooks/adf", data=b"a=1&b=2", headers=headers))


def test_a_tenant_that_is_down_asks_for_patience(client: FlaskClient, options: Callable[..., None]) -> None:
    with entra_server(500) as tenant:
        options(entra_authority=tenant.url, entra_tenant_id=TENANT, entra_audience=AUDIENCE)
        path = "/rca/webhooks/azure_monitor"
        answer = client.post(path, data=b"{", headers=bearer(tenant.token()))
        expect(answer, 503, "try_again")
        assert answer.headers["Retry-After"] == "5"
        expect_let_in(client.post(path, data=b"{", headers=RIGHT[Source.AZURE_MONITOR]))


def test_no_answer_repeats_what_was_sent(client: FlaskClient) -> None:
    sent = "needle-in-the-request"
    for source in Source:
        answer = client.post(
            f"/rca/webhooks/{source.value}?secret={sent}",
            data=f'"{sent}',
            headers={"Authorization": f"Bearer {sent}", "X-RCA-Signature": sent, "X-RCA-Timestamp": sent},
        )
        assert sent not in answer.text + str(answer.headers)
