"""What is known to be secret in this process is masked, whatever it looks like."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from airflow._shared.secrets_masker import mask_secret, reset_secrets_masker

from rca_plugin import config
from rca_plugin.config import ConfigError
from rca_plugin.server.masking import redactor


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    config.settings.cache_clear()
    redactor.cache_clear()
    yield
    reset_secrets_masker()
    config.settings.cache_clear()
    redactor.cache_clear()


def test_a_secret_registered_with_airflow_is_masked() -> None:
    plain = "correct" + " horse"
    assert redactor().text(f"said {plain}") == f"said {plain}"
    mask_secret(plain)
    assert redactor().text(f"said {plain}, password=x9") == "said ***, password=***"
    assert redactor().tree({"conf": [f"said {plain}"], plain: 1}) == {"conf": ["said ***"], "***": 1}


def test_the_patterns_of_the_operator_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__RCA__REDACT_PATTERNS", "CUST-\\d+\n(?i)project \\w+")
    assert redactor().text("CUST-42 of Project Moon") == "*** of ***"


@pytest.mark.parametrize("wrong", ["(", "x*", "(?<=a)b", "ok\n["])
def test_a_pattern_that_cannot_be_used_names_the_option(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__RCA__REDACT_PATTERNS", wrong)
    with pytest.raises(ConfigError, match="redact_patterns"):
        redactor()
