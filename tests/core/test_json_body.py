from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.json_body import BodyError, parse_json


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"\xff\xfe{}", "invalid_encoding"),
        (b"NaN", "invalid_json"),
        (b"[" * 10_000 + b"]" * 10_000, "too_deep"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "too_deep"),
        (b"[" + b"1," * 30_000 + b"1]", "too_many_values"),
        (b"1" * 5_000, "invalid_json"),
        (b"1e999", "invalid_json"),
        (b'{"a": [-1e999]}', "invalid_json"),
    ],
)
def test_dishonest_bodies_are_refused_with_a_code(body: bytes, code: str) -> None:
    with pytest.raises(BodyError) as refused:
        parse_json(body)
    assert refused.value.code == code


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=30,
)


@given(JSON)
def test_honest_bodies_come_through(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_nothing_but_a_body_error_is_raised(body: bytes) -> None:
    try:
        parse_json(body)
    except BodyError as refused:
        assert refused.code
