from __future__ import annotations

import pytest

from rca_plugin.cli.options import page
from rca_plugin.config import ConfigError, Settings, options, read
from tests.conftest import REPOSITORY


def test_without_any_option_the_defaults_hold() -> None:
    assert read(lambda _: None) == Settings()


def test_values_are_typed() -> None:
    given = {
        "listener_timeout": " 2.5 ",
        "listener_enabled": "off",
        "evidence_log_lines": "50",
        "environment": "dev",
    }
    found = read(given.get)
    assert (found.listener_timeout, found.listener_enabled) == (2.5, False)
    assert (found.evidence_log_lines, found.environment) == (50, "dev")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("listener_timeout", "0"), ("listener_timeout", "16"), ("listener_timeout", "soon"),
        ("listener_timeout", "nan"),
        ("listener_enabled", "maybe"), ("evidence_log_lines", "1.5"), ("api_url", "ftp://x"), ("api_url", "localhost"),
        ("environment", ""), ("service_secret", "short"), ("reconcile_window", "-1"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_the_option_and_what_is_allowed(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read({name: value}.get)
    allowed = next(option.allowed for option in options() if option.name == name)
    assert f"[rca] {name}" in str(refused.value)
    assert allowed in str(refused.value)


def test_a_secret_is_shown_nowhere() -> None:
    with pytest.raises(ConfigError) as refused:
        read({"service_secret": "hunter2"}.get)
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(Settings(service_secret="hunter2hunter2hunter2"))


def test_every_option_is_documented() -> None:
    assert all(option.description and option.allowed for option in options())
    assert (REPOSITORY / "docs" / "options.md").read_text() == page(), "run: make docs"
