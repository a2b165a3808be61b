"""Tokens of Entra ID, with real keys, against a tenant that publishes them over a real socket."""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from rca_plugin import config
from rca_plugin.server import entra, jwks
from rca_plugin.server.jwks import KeySet, KeysUnavailableError
from tests.fakes.entra import (
    AUDIENCE,
    AZURE_MONITOR,
    TENANT,
    EntraServer,
    entra_server,
    private_key,
    public_jwk,
)

OTHER_TENANT = str(uuid.uuid4())


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    def configure(server: EntraServer, **options: str) -> None:
        given = {
            "entra_authority": server.url,
            "entra_tenant_id": TENANT,
            "entra_audience": AUDIENCE,
            **options,
        }
        for name, value in given.items():
            monkeypatch.setenv(f"AIRFLOW__RCA__{name.upper()}", value)
        config.settings.cache_clear()

    yield configure
    config.settings.cache_clear()
    entra._keys.cache_clear()


@pytest.fixture
def tenant(configured: Callable[..., None]) -> Iterator[EntraServer]:
    with entra_server(["one", "two"]) as server:
        configured(server)
        yield server


def test_a_token_of_the_tenant_for_azure_monitor_is_valid(tenant: EntraServer) -> None:
    assert entra.is_valid(tenant.token("one"))
    assert entra.is_valid(tenant.token("two"))
    assert tenant.paths == [f"/{TENANT}/discovery/v2.0/keys"]


def test_a_token_of_version_1_is_valid(tenant: EntraServer) -> None:
    issuer = f"https://sts.windows.net/{TENANT}/"
    assert entra.is_valid(tenant.token(iss=issuer, azp=None, appid=AZURE_MONITOR, ver="1.0"))


def test_each_of_several_audiences_is_valid(tenant: EntraServer, configured: Callable[..., None]) -> None:
    client_id = str(uuid.uuid4())
    configured(tenant, entra_audience=f"{AUDIENCE}, {client_id}", entra_tenant_id=TENANT.upper())
    assert entra.is_valid(tenant.token(aud=AUDIENCE))
    assert entra.is_valid(tenant.token(aud=client_id))


def seconds_ago(seconds: int) -> int:
    return int(time.time()) - seconds


WRONG_CLAIMS: dict[str, Callable[[EntraServer], dict[str, Any]]] = {
    "expired": lambda _: {"exp": seconds_ago(120), "nbf": seconds_ago(4000)},
    "not valid yet": lambda _: {"nbf": seconds_ago(-120)},
    "made in the future": lambda _: {"iat": seconds_ago(-120)},
    "never expires": lambda _: {"exp": None},
    "no beginning": lambda _: {"nbf": None},
    "expiry is no number": lambda _: {"exp": "tomorrow"},
    "another audience": lambda _: {"aud": "https://management.azure.com/"},
    "no audience": lambda _: {"aud": None},
    "longer audience": lambda _: {"aud": AUDIENCE + "/"},
    "another tenant, version 2": lambda server: {"iss": f"{server.url}/{OTHER_TENANT}/v2.0"},
    "another tenant, version 1": lambda _: {"iss": f"https://sts.windows.net/{OTHER_TENANT}/"},
    "another issuer": lambda _: {"iss": f"https://evil.example.com/{TENANT}/v2.0"},
    "no issuer": lambda _: {"iss": None},
    "issuer is a list": lambda server: {"iss": [f"{server.url}/{TENANT}/v2.0"]},
    "another application": lambda _: {"azp": str(uuid.uuid4())},
    "no application": lambda _: {"azp": None},
    "application is empty": lambda _: {"azp": ""},
    "two applications": lambda _: {"appid": str(uuid.uuid4())},
}


@pytest.mark.parametrize("wrong", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_a_token_that_says_something_else_is_refused(
    tenant: EntraServer, wrong: Callable[[EntraServer], dict[str, Any]]
) -> None:
    # PyJWT does not make a token with such an issuer, but anybody else can.
    payload = json.dumps(tenant.claims(**wrong(tenant))).encode()
    token = jwt.api_jws.encode(payload, private_key("one"), algorithm="RS256", headers={"kid": "one"})
    assert not entra.is_valid(token)
    assert entra.is_valid(tenant.token())


def unsigned(header: dict[str, Any], payload: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(payload).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def signed_with_the_public_key(server: EntraServer) -> str:
    """The confusion of algorithms: the public key, known to all, taken for a shared secret."""
    import hashlib
    import hmac

    public = private_key("one").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unfinished = unsigned({"alg": "HS256", "kid": "one", "typ": "JWT"}, server.claims()).rpartition(".")[0]
    mac = hmac.new(public, unfinished.encode(), hashlib.sha256).digest()
    return f"{unfinished}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


FORGED: dict[str, Callable[[EntraServer], str]] = {
    "alg none": lambda s: unsigned({"alg": "none", "kid": "one"}, s.claims()),
    "alg None with a signature": lambda s: unsigned({"alg": "None", "kid": "one"}, s.claims(), b"x" * 256),
    "HS256 with the public key": signed_with_the_public_key,
    "RS512": lambda s: jwt.encode(s.claims(), private_key("one"), algorithm="RS512", headers={"kid": "one"}),
    "a key of its own under a known id": lambda s: jwt.encode(
        s.claims(), private_key("stranger"), algorithm="RS256", headers={"kid": "one"}
    ),
    "an unknown key": lambda s: s.token("stranger"),
    "no key id": lambda s: jwt.encode(s.claims(), private_key("one"), algorithm="RS256"),
    "a key id that is a number": lambda s: unsigned({"alg": "RS256", "kid": 1}, s.claims(), b"x" * 256),
    "its key in its own header": lambda s: jwt.encode(
        s.claims(), private_key("stranger"), algorithm="RS256",
        headers={"kid": "stranger", "jwk": public_jwk("stranger"), "jku": s.url + "/stranger"},
    ),
    "another payload": lambda s: swapped_payload(s.token(azp="someone else"), s.token()),
    "nothing": lambda _: "",
    "a word": lambda _: "secret",
    "dots": lambda _: "..",
    "a header of 10,000 levels": lambda _: base64.urlsafe_b64encode(b"[" * 10_000).decode() + ".e30.",
    "not ASCII": lambda _: "\u00e4.\u00f6.\u00fc",
}  # fmt: skip


def swapped_payload(token: str, other: str) -> str:
    (header, _, signature), (_, payload, _) = token.split("."), other.split(".")
    return f"{header}.{payload}.{signature}"


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_forged_token_is_refused(tenant: EntraServer, forged: Callable[[EntraServer], str]) -> None:
    assert not entra.is_valid(forged(tenant))
    assert entra.is_valid(tenant.token())
    assert "/stranger" not in tenant.paths


def test_any_changed_character_is_noticed(tenant: EntraServer) -> None:
    token = tenant.token()
    # The last character of each part may hold bits that mean nothing.
    places = [i for i in range(len(token)) if token[i] != "." and token[i + 1 : i + 2] not in ("", ".")]

    @given(st.sampled_from(places), st.sampled_from("AZaz09-_."))
    def check(place: int, other: str) -> None:
        changed = token[:place] + other + token[place + 1 :]
        assert entra.is_valid(changed) == (changed == token)

    check()


def test_why_a_token_was_refused_is_for_us_and_not_the_token(
    tenant: EntraServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    tokens = [tenant.token(aud="https://else"), tenant.token(azp="else"), tenant.token("stranger")]
    assert not any(entra.is_valid(token) for token in tokens)
    assert "InvalidAudienceError" in caplog.text
    assert "entra_caller" in caplog.text
    assert not any(part in caplog.text for token in tokens for part in token.split("."))


@pytest.mark.parametrize("missing", ["entra_tenant_id", "entra_audience"])
def test_half_of_the_options_is_said_to_be_half(
    tenant: EntraServer, configured: Callable[..., None], missing: str
) -> None:
    assert entra.is_configured()
    configured(tenant, **{missing: ""})
    with pytest.raises(config.ConfigError, match="entra_tenant_id and entra_audience"):
        entra.is_configured()


BAD_ANSWERS: dict[str, Any] = {
    "500": 500,
    "redirect": 302,
    "reset": "reset",
    "garbage": b"<html>",
    "not a key set": b"[1, 2]",
    "keys is no list": b'{"keys": {"kid": "one"}}',
    "no keys": b'{"keys": []}',
    "deep": b"[" * 10_000,
    "5 MB": b" " * 5_000_000,
    "endless": "endless",
    "trickle": "trickle",
    "no usable key": [
        public_jwk("one", use="enc"),
        public_jwk("one", kty="EC"),
        public_jwk("one", n="!"),
        {**public_jwk("one"), "kid": 7},
        public_jwk("one", bits=1024),
        {"kty": "RSA", "kid": "one"},
        {"kty": "oct", "kid": "one", "k": "c2VjcmV0"},
        7,
        None,
    ],
}


@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_tenant_in_trouble_is_not_the_sender_s_fault_and_holds_nobody_up(
    answer: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jwks, "FETCH_SECONDS", 0.5)
    with entra_server(answer, ["one"]) as server:
        keys, started = KeySet(server.url), time.monotonic()
        with pytest.raises(KeysUnavailableError):
            keys.key("one", now=1000)
        assert time.monotonic() - started < 0.5 + 1
        with pytest.raises(KeysUnavailableError):
            keys.key("one", now=1059)
        assert len(server.paths) == 1
        assert keys.key("one", now=1060) is not None
    assert_no_fetch_is_left()
    assert "could not be fetched" in caplog.text


def assert_no_fetch_is_left() -> None:
    for thread in threading.enumerate():
        if thread.name == "rca-jwks":
            thread.join(2)
            assert not thread.is_alive()


def test_a_tenant_that_is_down_is_not_the_sender_s_fault() -> None:
    with entra_server(["one"]) as server:
        pass
    with pytest.raises(KeysUnavailableError):
        KeySet(server.url).key("one", now=0)


def test_one_bad_key_does_not_hide_the_good_ones() -> None:
    with entra_server([public_jwk("bad", n="!"), {"kid": "worse"}, "one"]) as server:
        keys = KeySet(server.url)
        assert keys.key("one", now=0) is not None
        assert keys.key("bad", now=0) is None


def test_a_flood_of_unknown_keys_is_one_fetch_a_minute() -> None:
    with entra_server(["one"]) as server:
        keys = KeySet(server.url)
        assert keys.key("one", now=0) is not None
        for second in range(1, 180):
            for _ in range(20):
                assert keys.key(uuid.uuid4().hex, now=second) is None
            assert keys.key("one", now=second) is not None
        assert len(server.paths) == 3


def test_a_flood_while_the_tenant_is_slow_holds_up_one_caller_and_no_known_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jwks, "FETCH_SECONDS", 2.0)
    with entra_server(["one"], "trickle") as server:
        keys = KeySet(server.url)
        assert keys.key("one", now=0) is not None
        waits: list[float] = []

        def stranger() -> None:
            started = time.monotonic()
            with pytest.raises(KeysUnavailableError):
                keys.key(uuid.uuid4().hex, now=61)
            waits.append(time.monotonic() - started)

        threads = [threading.Thread(target=stranger) for _ in range(20)]
        for thread in threads:
            thread.start()
        started = time.monotonic()
        assert keys.key("one", now=61) is not None
        assert time.monotonic() - started < 0.5
        for thread in threads:
            thread.join()
        assert len(server.paths) == 2
    assert sum(wait > 0.5 for wait in waits) == 1
    assert_no_fetch_is_left()


def test_rotated_keys_are_found_and_old_ones_forgotten() -> None:
    with entra_server(["one"], ["one", "two"], ["two"]) as server:
        keys = KeySet(server.url)
        assert keys.key("one", now=0) is not None
        assert keys.key("two", now=61) is not None
        assert keys.key("one", now=jwks.REFRESH_SECONDS) is not None
        assert keys.key("one", now=61 + jwks.REFRESH_SECONDS) is not None  # and they are fetched behind it
        assert_no_fetch_is_left()
        assert keys.key("one", now=62 + jwks.REFRESH_SECONDS) is None
        assert len(server.paths) == 3


def test_keys_are_kept_while_the_tenant_is_in_trouble_but_not_for_ever() -> None:
    with entra_server(["one"], 500) as server:
        keys = KeySet(server.url)
        for hour in range(24):
            assert keys.key("one", now=hour * 3600) is not None
            assert_no_fetch_is_left()
        with pytest.raises(KeysUnavailableError):
            keys.key("one", now=jwks.EXPIRY_SECONDS)
