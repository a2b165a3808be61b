"""How long the client leaves a server alone that was asked too often, over real sockets."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from rca_plugin import config
from rca_plugin.worker.client import RcaClient, ServerError
from tests.fakes.rca_server import RcaServer, rca_server


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AIRFLOW__RCA__SERVICE_SECRET", "the secret of these tests")
    config.settings.cache_clear()
    yield
    config.settings.cache_clear()


def report(server: RcaServer, patience: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__RCA__API_URL", server.url)
        config.settings.cache_clear()
        with RcaClient("test") as client:
            client.report_failure({}, deadline=time.monotonic() + patience)


def pauses(server: RcaServer) -> list[float]:
    return [later - earlier for earlier, later in zip(server.arrivals, server.arrivals[1:], strict=False)]


def test_it_stays_away_as_long_as_it_is_told() -> None:
    with rca_server(429, 202, retry_after="1") as server:
        report(server, patience=5)
    [pause] = pauses(server)
    assert 1 <= pause < 2


def test_it_gives_up_at_once_when_it_is_told_to_stay_away_for_too_long() -> None:
    with rca_server(429, 202, retry_after="60") as server:
        started = time.monotonic()
        with pytest.raises(ServerError) as refused:
            report(server, patience=5)
        assert time.monotonic() - started < 2
    assert (refused.value.status, refused.value.retry_after) == (429, 60)
    assert len(server.requests) == 1


@pytest.mark.parametrize("retry_after", [None, "", "0", "-5", "soon", "Wed, 21 Oct 2099 07:28:00 GMT", "1e9"])
def test_without_a_number_of_seconds_its_own_pauses_hold(retry_after: str | None) -> None:
    with rca_server(429, 202, retry_after=retry_after) as server:
        report(server, patience=5)
    [pause] = pauses(server)
    assert pause < 1


def test_a_server_in_trouble_is_asked_again_sooner_than_it_says() -> None:
    """A failing task has a few seconds only, and such trouble is often over in less."""
    with rca_server(503, 202, retry_after="60") as server:
        report(server, patience=5)
    [pause] = pauses(server)
    assert pause < 1
