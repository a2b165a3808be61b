from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rca_plugin.core.signature import (
    REPLAY_WINDOW_SECONDS,
    is_one_of,
    is_signed,
    is_signed_by_jira,
    is_signed_by_slack,
    sign,
)

NOW = 1_790_000_000
SECRET = "a secret of sixteen or more"
OTHER = "another secret, just as long"
SECRETS = st.text(min_size=1, max_size=40)


@given(SECRETS, st.binary(max_size=300), st.integers(-REPLAY_WINDOW_SECONDS, REPLAY_WINDOW_SECONDS))
def test_what_was_signed_is_believed_within_the_window(secret: str, body: bytes, seconds_off: int) -> None:
    signature = sign(secret, body, NOW + seconds_off)
    assert is_signed([OTHER, secret], body, signature, str(NOW + seconds_off), NOW)
    assert is_signed([secret, OTHER], body, signature, str(NOW + seconds_off), NOW)


@given(st.binary(min_size=1, max_size=100), st.data())
def test_any_flipped_bit_is_noticed(body: bytes, data: st.DataObject) -> None:
    signature, timestamp = sign(SECRET, body, NOW), str(NOW)
    parts = [body, signature.encode(), timestamp.encode()]
    which = data.draw(st.integers(0, 2))
    parts[which] = flipped(parts[which], data.draw(st.integers(0, 8 * len(parts[which]) - 1)))
    assert not is_signed([SECRET], parts[0], parts[1].decode("latin-1"), parts[2].decode("latin-1"), NOW)


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


@given(SECRETS, SECRETS, st.binary(max_size=50))
def test_another_secret_signs_nothing(secret: str, other: str, body: bytes) -> None:
    # HMAC fills a key up with zeros, so that these two are the same key.
    assume(secret.rstrip("\0") != other.rstrip("\0"))
    assert not is_signed([secret], body, sign(other, body, NOW), str(NOW), NOW)


def test_what_moves_between_time_and_body_is_noticed() -> None:
    signature = sign(SECRET, b"5 and the rest", NOW)
    assert not is_signed([SECRET], b" and the rest", signature, f"{NOW}.5", NOW)


@pytest.mark.parametrize("seconds_off", [-REPLAY_WINDOW_SECONDS - 1, REPLAY_WINDOW_SECONDS + 1, 10**6])
def test_too_old_and_too_new_are_refused(seconds_off: int) -> None:
    at = NOW + seconds_off
    assert not is_signed([SECRET], b"{}", sign(SECRET, b"{}", at), str(at), NOW)


@pytest.mark.parametrize(
    "timestamp", ["", " ", "now", "-1", "+1790000000", "1_790_000_000", "1.79e9", "١٧٩", "²", "9" * 5_000]
)
def test_what_is_no_time_is_refused(timestamp: str) -> None:
    assert not is_signed([SECRET], b"{}", sign(SECRET, b"{}", NOW), timestamp, NOW)
    assert not is_signed_by_slack([SECRET], b"{}", "v0=", timestamp, NOW)


@given(st.text(max_size=80), st.text(max_size=20))
def test_nothing_at_all_makes_it_fail(signature: str, timestamp: str) -> None:
    assert not is_signed([SECRET], b"{}", signature, timestamp, NOW)
    assert not is_signed([], b"{}", signature, timestamp, NOW)


@given(SECRETS, SECRETS)
def test_each_secret_is_one_of_them_and_nothing_else_is(one: str, other: str) -> None:
    assert is_one_of([one, other], one)
    assert is_one_of([one, other], other)
    assert not is_one_of([one, other], one + other)
    assert not is_one_of([one, other], "")
    assert not is_one_of([], one)


def test_all_secrets_are_compared_whichever_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    import hmac

    compared: list[bytes] = []
    real = hmac.compare_digest

    def noting(ours: bytes, given: bytes) -> bool:
        compared.append(ours)
        return real(ours, given)

    monkeypatch.setattr(hmac, "compare_digest", noting)
    assert is_one_of(["first", "second"], "first")
    assert compared == [b"first", b"second"]


def test_jira_as_its_documentation_has_it() -> None:
    """The example of GitHub's and Jira's documentation, which share the scheme."""
    secret, body = "It's a Secret to Everybody", b"Hello, World!"
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert is_signed_by_jira([OTHER, secret], body, signature)
    assert not is_signed_by_jira([secret], body + b"!", signature)
    assert not is_signed_by_jira([secret], body, signature.removeprefix("sha256="))
    assert not is_signed_by_jira([secret], body, "")


def test_slack_as_its_documentation_has_it() -> None:
    secret, at = "8f742231b10e8888abcd99yyyzzz85a5", 1531420618
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
        b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert is_signed_by_slack([OTHER, secret], body, signature, str(at), at + 299)
    assert not is_signed_by_slack([secret], body, signature, str(at), at + 301)
    assert not is_signed_by_slack([secret], body, signature, str(at), at - 301)
    assert not is_signed_by_slack([secret], body, signature, str(at + 1), at)
    assert not is_signed_by_slack([secret], body + b"&x=1", signature, str(at), at)
