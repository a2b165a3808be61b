from __future__ import annotations

import jwt
import pytest

from rca_plugin.core.service_token import AUDIENCE, InvalidTokenError, sign, verify

SECRET = "a secret that is long enough"


def now() -> float:
    import time

    return time.time()


def test_a_token_names_its_subject() -> None:
    assert verify(SECRET, sign(SECRET, "listener", now())).subject == "listener"


def forged(**claims: object) -> str:
    from rca_plugin.core.service_token import _derived_key

    base = {"aud": AUDIENCE, "sub": "x", "iat": int(now()), "exp": int(now()) + 60}
    return jwt.encode({**base, **claims}, _derived_key(SECRET), algorithm="HS256")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "not.a.token",
        sign("another secret, long enough", "listener", now()),
        sign(SECRET, "listener", now() - 3_600),
        sign(SECRET, "listener", now() + 3_600),
        jwt.encode({"aud": AUDIENCE, "sub": "x", "iat": 0, "exp": 2**40}, "x" * 32, algorithm="HS256"),
        jwt.encode({"aud": AUDIENCE, "sub": "x", "iat": 0, "exp": 2**40}, "", algorithm="none"),
        # The shared secret itself is not the key: who can make tokens with it elsewhere cannot make ours.
        jwt.encode(
            {"aud": AUDIENCE, "sub": "x", "iat": int(now()), "exp": int(now()) + 60}, SECRET.ljust(32, "x")
        ),
        forged(aud="airflow"),
        forged(exp=int(now()) + 86_400),
        forged(sub=None),
    ],
)
def test_no_other_token_is_taken(token: str) -> None:
    with pytest.raises(InvalidTokenError):
        verify(SECRET, token)
