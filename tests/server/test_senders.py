"""Who may send what: every source, every way to prove oneself, every way to get it wrong."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from rca_plugin import config
from rca_plugin.core.failure import Source
from rca_plugin.core.service_token import sign as service_token
from rca_plugin.core.signature import sign
from rca_plugin.server import entra
from rca_plugin.server.auth import UnauthenticatedError
from rca_plugin.server.senders import SENDERS, Delivery, verify
from tests.fakes.entra import AUDIENCE, TENANT, EntraServer, entra_server

BODY = b'{"what": "failed"}'
OUTSIDE = [source for source in Source if source is not Source.AIRFLOW]


def secret_of(source: Source, which: str = "first") -> str:
    return f"{which}-{source.value}-0123456789"


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def basic(secret: str, user: str = "databricks") -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"}


def query(secret: str) -> dict[str, str]:
    return {"X-RCA-Query-Secret": secret}


def signed(secret: str) -> dict[str, str]:
    now = int(time.time())
    return {"X-RCA-Signature": sign(secret, BODY, now), "X-RCA-Timestamp": str(now)}


WAYS: dict[str, Callable[[str], dict[str, str]]] = {
    "bearer": bearer,
    "basic": basic,
    "query": query,
    "signed": signed,
}
ACCEPTED: dict[Source, set[str]] = {
    Source.ADF: {"bearer", "signed"},
    Source.AZURE_MONITOR: {"basic", "query"},
    Source.DATABRICKS: {"basic"},
    Source.GENERIC: {"bearer", "signed"},
}
TABLE = [(source, way) for source in OUTSIDE for way in WAYS]
IDS = [f"{source.value}-{way}" for source, way in TABLE]


def send(source: Source, headers: Mapping[str, str], body: bytes = BODY) -> None:
    verify(Delivery(source, Headers(headers), body, time.time()))


def refuse(source: Source, headers: Mapping[str, str], body: bytes = BODY) -> str:
    with pytest.raises(UnauthenticatedError) as refused:
        send(source, headers, body)
    assert refused.value.challenge == SENDERS[source].challenge
    return str(refused.value)


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    def set_options(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"AIRFLOW__RCA__{name.upper()}", value)
        config.settings.cache_clear()

    set_options()
    yield set_options
    config.settings.cache_clear()
    entra._keys.cache_clear()


@pytest.fixture
def secrets_set(options: Callable[..., None]) -> None:
    options(**{
        f"webhook_secret_{source.value}": f"{secret_of(source)},{secret_of(source, 'second')}"
        for source in OUTSIDE
    })  # fmt: skip


@pytest.mark.parametrize(("source", "way"), TABLE, ids=IDS)
def test_a_source_without_a_secret_is_closed_whatever_is_sent(
    options: Callable[..., None], source: Source, way: str
) -> None:
    for headers in ({}, WAYS[way](secret_of(source)), WAYS[way]("")):
        with pytest.raises(config.ConfigError, match=rf"\[rca\] webhook_secret_{source.value}"):
            send(source, headers)


@pytest.mark.parametrize(("source", "way"), TABLE, ids=IDS)
def test_both_secrets_are_taken_in_the_ways_of_the_source_and_in_no_other(
    secrets_set: None, source: Source, way: str
) -> None:
    for which in ("first", "second"):
        headers = WAYS[way](secret_of(source, which))
        if way in ACCEPTED[source]:
            send(source, headers)
        else:
            refuse(source, headers)


@pytest.mark.parametrize(("source", "way"), TABLE, ids=IDS)
def test_whatever_is_wrong_the_answer_is_the_same(secrets_set: None, source: Source, way: str) -> None:
    right = secret_of(source)
    wrong = [
        "",
        "x",
        right[:-1],
        right + "x",
        right.upper(),
        f"{right},{secret_of(source, 'second')}",
        "\u00e4" * 20,
        *(secret_of(other) for other in OUTSIDE if other is not source),
    ]
    answers = {refuse(source, WAYS[way](secret)) for secret in wrong}
    assert answers == {refuse(source, {})}
    assert not any(secret in answer for answer in answers for secret in wrong if len(secret) > 1)


@pytest.mark.parametrize("source", OUTSIDE, ids=lambda source: source.value)
def test_a_service_token_opens_no_other_source(secrets_set: None, source: Source) -> None:
    refuse(source, bearer(service_token(config.service_secret(), "test", time.time())))


def test_the_secret_of_a_source_is_no_service_token(secrets_set: None) -> None:
    for headers in ({}, bearer(secret_of(Source.GENERIC)), signed(config.service_secret())):
        with pytest.raises(UnauthenticatedError):
            send(Source.AIRFLOW, headers)
    send(Source.AIRFLOW, bearer(service_token(config.service_secret(), "test", time.time())))


@pytest.mark.parametrize("source", [Source.ADF, Source.GENERIC], ids=lambda source: source.value)
def test_a_signature_is_for_one_body_and_one_time(secrets_set: None, source: Source) -> None:
    headers = signed(secret_of(source))
    send(source, headers)
    send(source, headers)  # again within the window: its event keys make it a duplicate
    refuse(source, headers, BODY + b" ")
    refuse(source, {**headers, "X-RCA-Timestamp": str(int(headers["X-RCA-Timestamp"]) + 1)})
    refuse(source, {"X-RCA-Signature": headers["X-RCA-Signature"]})
    for seconds in (-301, 301):
        late = int(time.time()) + seconds - (seconds < 0)
        stale = sign(secret_of(source), BODY, late + (seconds > 0))
        refuse(source, {"X-RCA-Signature": stale, "X-RCA-Timestamp": str(late + (seconds > 0))})


@pytest.mark.parametrize(
    "authorization",
    [
        "", "Basic", "Basic ", "Basic !!!", "Basic Og==", "Basic " + "A" * 5, "basic \u00e4",
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(), "Bearer", "Bearer ", "Negotiate x", " ", "\x00",
    ],
)  # fmt: skip
@pytest.mark.parametrize("source", OUTSIDE, ids=lambda source: source.value)
def test_a_header_that_is_none_is_refused(secrets_set: None, source: Source, authorization: str) -> None:
    refuse(source, {"Authorization": authorization})


def test_any_user_name_goes_with_the_password(secrets_set: None) -> None:
    for user in ("", "databricks", "\u00e4"):
        send(Source.DATABRICKS, basic(secret_of(Source.DATABRICKS), user))
    refuse(Source.DATABRICKS, basic("x", user=secret_of(Source.DATABRICKS)))


@given(
    headers=st.dictionaries(
        st.sampled_from(["Authorization", "X-RCA-Signature", "X-RCA-Timestamp"]), st.text()
    )
)
def test_nothing_sent_makes_the_check_fail(headers: dict[str, str]) -> None:
    sane = {name: value.replace("\r", "").replace("\n", "") for name, value in headers.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rca_plugin.server.senders.webhook_secrets", lambda source: ("a" * 16,))
        for source in OUTSIDE:
            refuse(source, sane)


@pytest.fixture
def tenant(options: Callable[..., None]) -> Iterator[EntraServer]:
    with entra_server(["one"]) as server:
        options(entra_authority=server.url, entra_tenant_id=TENANT, entra_audience=AUDIENCE)
        yield server


def test_a_token_of_entra_id_is_enough_for_azure_monitor_alone(
    tenant: EntraServer, options: Callable[..., None]
) -> None:
    send(Source.AZURE_MONITOR, bearer(tenant.token()))
    refuse(Source.AZURE_MONITOR, bearer(tenant.token(aud="https://else")))
    refuse(Source.AZURE_MONITOR, {})
    refuse(Source.AZURE_MONITOR, query(""))
    options(webhook_secret_generic="x" * 16, webhook_secret_adf="x" * 16)
    refuse(Source.GENERIC, bearer(tenant.token()))
    refuse(Source.ADF, bearer(tenant.token()))


def test_azure_monitor_may_send_a_token_or_its_secret(
    tenant: EntraServer, options: Callable[..., None]
) -> None:
    secret = secret_of(Source.AZURE_MONITOR)
    options(webhook_secret_azure_monitor=secret)
    for headers in (bearer(tenant.token()), basic(secret), query(secret)):
        send(Source.AZURE_MONITOR, headers)
    refuse(Source.AZURE_MONITOR, bearer(secret))


def test_without_either_both_options_are_named(options: Callable[..., None]) -> None:
    with pytest.raises(config.ConfigError, match=r"webhook_secret_azure_monitor.* entra_tenant_id"):
        send(Source.AZURE_MONITOR, {})


def test_a_tenant_without_an_audience_is_open_to_nobody(options: Callable[..., None]) -> None:
    options(entra_tenant_id=TENANT)
    with pytest.raises(config.ConfigError, match="entra_tenant_id and entra_audience: set both"):
        send(Source.AZURE_MONITOR, bearer("x.y.z"))
