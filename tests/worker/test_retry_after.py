"""How long a service wants to be left alone, from what real clients raise and from what should not be believed."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import slack_sdk
from airflow.providers.http.hooks.http import HttpHook
from azure.core import PipelineClient
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.rest import HttpRequest

from rca_plugin.worker.retry_after import retry_after
from tests.fakes.busy_service import busy_service

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=timezone.utc)


def raised_by(call: Callable[..., Any], *args: Any) -> BaseException:
    with pytest.raises(Exception) as caught:
        call(*args)
    return caught.value


def by_requests(url: str) -> None:
    requests.get(url, timeout=5).raise_for_status()


def by_httpx(url: str) -> None:
    httpx.get(url).raise_for_status()


def by_urllib(url: str) -> None:
    try:
        urllib.request.urlopen(url, timeout=5)
    except urllib.request.HTTPError as error:
        with error:
            raise


def by_aiohttp(url: str) -> None:
    async def get() -> None:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            answer.raise_for_status()

    asyncio.run(get())


def by_azure(url: str) -> None:
    with PipelineClient(url, policies=[SansIOHTTPPolicy()]) as client:
        client.send_request(HttpRequest("GET", url)).raise_for_status()


def by_slack(url: str) -> None:
    slack_sdk.WebClient(token="none", base_url=f"{url}/").api_test()


def by_airflow(url: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_BUSY_SERVICE", url)
        HttpHook("GET", http_conn_id="busy_service").run("orders")


@pytest.mark.parametrize(
    "call", [by_requests, by_httpx, by_urllib, by_aiohttp, by_azure, by_slack, by_airflow]
)
def test_it_is_found_in_what_clients_raise(call: Callable[[str], None]) -> None:
    with busy_service(429, Retry_After="7") as url:
        assert retry_after(raised_by(call, url), NOW) == 7


class AwsError(Exception):
    """As botocore's ClientError: the answer is a dict, its headers in lower case."""

    def __init__(self) -> None:
        super().__init__("An error occurred (Throttling) when calling the GetCallerIdentity operation")
        self.response = {"ResponseMetadata": {"HTTPStatusCode": 429, "HTTPHeaders": {"retry-after": "7"}}}


class GoogleError(Exception):
    """As googleapiclient's HttpError: the answer is a dict of its headers."""

    def __init__(self) -> None:
        self.resp = {"status": "429", "retry-after": "7"}


@pytest.mark.parametrize("error", [AwsError(), GoogleError()])
def test_it_is_found_in_answers_that_are_dicts(error: Exception) -> None:
    assert retry_after(error, NOW) == 7


class AnsweredError(Exception):
    def __init__(self, **headers: object) -> None:
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (120, 120),
        (" 0.5 ", 0.5),
        ("0", 0),
        ("Mon, 23 Nov 2026 12:01:30 GMT", 90),
        ("Mon, 23 Nov 2026 12:01:30 -0000", 90),
        ("Monday, 23-Nov-26 13:01:30 +0100", 90),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0),
        *((wrong, None) for wrong in ("-5", "1e9", "nan", "inf", "soon", "", "٣", "9" * 5000, b"5", True, None)),
        ("Mon, 23 Nov 99999 12:01:30 GMT", None),
        ("Mon, 99 Nov 2026 12:01:30 GMT", None),
    ],
)  # fmt: skip
def test_seconds_and_dates_are_read_and_nothing_else(value: object, seconds: float | None) -> None:
    assert retry_after(AnsweredError(retry_after=value), NOW) == seconds


@pytest.mark.parametrize("name", ["retry_after_ms", "x_ms_retry_after_ms"])
def test_azure_says_it_in_milliseconds(name: str) -> None:
    assert retry_after(AnsweredError(**{name: "1500"}), NOW) == 1.5


def test_it_is_found_behind_whatever_wraps_it() -> None:
    try:
        try:
            try:
                raise AnsweredError(retry_after="7")
            except AnsweredError:
                raise KeyError("rows") from None
        except KeyError as error:
            raise RuntimeError("no rows") from error
    except RuntimeError as error:
        assert retry_after(error, NOW) == 7
        error.__cause__.__cause__ = error  # a circle ends too


def test_a_circle_of_causes_ends() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert retry_after(one, NOW) is None


class HostileError(Exception):
    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError(name)


class HostileHeadersError(Exception):
    def __init__(self) -> None:
        self.headers = self

    def get(self, name: str) -> str:
        raise ZeroDivisionError(name)


@pytest.mark.parametrize(
    "error", [HostileError(), HostileHeadersError(), ValueError("x"), SystemExit(1)], ids=str
)
def test_whatever_was_raised_nothing_is_raised(error: BaseException) -> None:
    assert retry_after(error, NOW) is None
