from __future__ import annotations

import pytest

from rca_plugin.cli.options import page
from rca_plugin.config import (
    ConfigError,
    Settings,
    options,
    playbook_secrets,
    read,
    remediation_file,
    settings,
    webhook_secrets,
)
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
        ("webhook_secret_adf", "short"), ("webhook_secret_adf", f"{'a' * 16},short"), ("webhook_secret_adf", ","),
        ("webhook_secret_adf", ",".join(["a" * 16] * 3)), ("webhook_secret_adf", "a" * 16 + " b"),
        ("webhook_secret_adf", "\u00e4" * 16), ("entra_tenant_id", "contoso.com"), ("entra_audience", " , "),
        ("entra_authority", "http://login.example.com"), ("entra_authority", ""), ("entra_caller", ""),
        ("rate_limit", "0"), ("rate_limit", "inf"), ("archive_conn_id", "a b"), ("archive_container", "a"),
        ("archive_container", "-abc"), ("archive_container", "Abc"), ("archive_container", "a--b"),
        ("archive_container", "a" * 64), ("remediation", "maybe"), ("remediation_file", "remediation.yaml"),
        ("playbook_secret", "short"), ("playbook_secret", ",".join(["a" * 16] * 3)),
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


@pytest.mark.parametrize("separator", [",", "\n", " , ", ",\n"])
def test_two_secrets_are_valid_at_once(separator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__RCA__WEBHOOK_SECRET_ADF", f"{'a' * 16}{separator}{'b' * 16}")
    settings.cache_clear()
    try:
        assert webhook_secrets("adf") == ("a" * 16, "b" * 16)
        assert webhook_secrets("generic") == ()
    finally:
        settings.cache_clear()


def test_a_secret_may_come_from_a_command_or_a_secrets_backend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow.configuration import conf

    monkeypatch.setenv("AIRFLOW__RCA__WEBHOOK_SECRET_ADF_CMD", "echo from-a-command-1234")
    monkeypatch.setenv("AIRFLOW__RCA__WEBHOOK_SECRET_GENERIC_SECRET", "rca-generic")
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", f"{__name__}.Vault")
    settings.cache_clear()
    try:
        assert webhook_secrets("adf") == ("from-a-command-1234",)
        assert webhook_secrets("generic") == ("from-a-vault-rca-generic",)
        assert conf.is_sensitive_option("rca", "webhook_secret_databricks")
    finally:
        settings.cache_clear()


class Vault:
    """A secrets backend."""

    def get_config(self, key: str) -> str:
        return f"from-a-vault-{key}"


def test_every_option_is_documented() -> None:
    assert all(option.description and option.allowed for option in options())
    assert (REPOSITORY / "docs" / "options.md").read_text() == page(), "run: make docs"


def test_repairs_are_on_until_they_are_switched_off() -> None:
    assert read(lambda _: None).remediation is True
    assert read({"remediation": "off"}.get).remediation is False


def test_the_file_about_repairs_is_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.cache_clear()
    try:
        assert remediation_file() == REPOSITORY / "include" / "remediation.yaml"
        settings.cache_clear()
        monkeypatch.setenv("AIRFLOW__RCA__REMEDIATION_FILE", "/etc/rca/remediation.yaml")
        monkeypatch.setenv("AIRFLOW__RCA__PLAYBOOK_SECRET", f"{'a' * 16},{'b' * 16}")
        assert str(remediation_file()) == "/etc/rca/remediation.yaml"
        assert playbook_secrets() == ("a" * 16, "b" * 16)
    finally:
        settings.cache_clear()
