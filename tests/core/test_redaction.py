from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.redaction import redact, redact_tree

KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\n-----END RSA " + "PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("postgresql://etl:hunter2@db:5432/x", "hunter2"),
        ("postgresql://etl:p@ss/word@db:5432/x".replace("/word", "word"), "p@ssword"),
        ("password=hunter2 and more", "hunter2"),
        ("PASSWORD: 'hunter 2'", "hunter 2"),
        ('{"client_secret": "abc def"}', "abc def"),
        ("jdbc:sqlserver://h;user=sa;password=Secr3t!;encrypt=true", "Secr3t!"),
        ("Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
        ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("AccountName=x;AccountKey=Zm9vYmFy==;EndpointSuffix=core", "Zm9vYmFy"),
        ("https://a.blob.core.windows.net/c?sv=2024&sig=aB%2Fc123&se=1", "aB%2Fc123"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJhbGciOiJIUzI1NiJ9"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("dapi" + "0123456789abcdef" * 2, "0123456789abcdef"),
        ("xoxb-" + "123456789012-abcdef", "123456789012"),
        (KEY, "MIIEow"),
        ("write to ada.lovelace@example.com", "ada.lovelace@example.com"),
    ],
)
def test_secrets_go(text: str, secret: str) -> None:
    assert secret not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "run_id=manual__2026-11-23T03:00:00+00:00",
        "cluster 0923-164208-meows279 ended with DRIVER_UNREACHABLE",
        "could not translate host name warehouse.internal to address",
        "https://adb-1234567890123456.7.azuredatabricks.net/jobs/9/runs/77",
        "the password file is missing",
        "tokenizer failed on line 3",
        "KeyError: 'api'",
    ],
)
def test_what_a_diagnosis_needs_stays(text: str) -> None:
    assert redact(text) == text


def test_a_tree_is_redacted_by_name_and_by_text() -> None:
    tree = {"db_password": "x", "rows": [{"Token": 5, "url": "ftp://u:p1@h/"}], "empty_secret": "", "n": 1}
    assert redact_tree(tree) == {
        "db_password": "***", "rows": [{"Token": "***", "url": "ftp://u:***@h/"}], "empty_secret": "", "n": 1,
    }  # fmt: skip


@given(st.text(alphabet=st.sampled_from("ab:/@= .-_'\"\n{}passwordtokenBearer0129"), max_size=300))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert redact(redact(text)) == redact(text)
