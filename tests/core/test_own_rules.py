"""Rules of a user's own, which add to ours and replace them."""

from pathlib import Path

import pytest

from rca_plugin.config import ConfigError, own_rules, read, settings
from rca_plugin.core.category import Category, Severity
from rca_plugin.core.classification import Symptom, classify
from rca_plugin.core.data import data_folder
from rca_plugin.core.rule_files import load_rules
from rca_plugin.core.yaml_file import RuleError
from rca_plugin.rules_in_force import rules_in_force

OWN = """
categories:
  dns: {severity: Low, remediable: false}
inherits:
  TimeoutError: [FlakyLedgerFailure]
rules:
  - rule: ours.ledger
    category: data_quality
    phrases: ["ledger does not balance"]
  - rule: airflow.sensor_timeout
    category: missing_data
    exceptions: [AirflowSensorTimeout]
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "ours.yaml").write_text(OWN)
    return tmp_path


def category(message: str, *places: Path) -> Category:
    return classify(Symptom("airflow", None, message), load_rules(data_folder(), *places)).category


def test_they_add_to_ours(own: Path) -> None:
    assert category("The ledger does not balance") is Category.UNKNOWN
    assert category("The ledger does not balance", own) is Category.DATA_QUALITY
    assert (
        category("ConnectionRefusedError: [Errno 111] Connection refused", own) is Category.CONNECTION_ERROR
    )


def test_one_file_is_enough(own: Path) -> None:
    assert category("The ledger does not balance", own / "ours.yaml") is Category.DATA_QUALITY


def test_a_rule_of_the_same_name_replaces_ours_altogether(own: Path) -> None:
    assert category("airflow.exceptions.AirflowSensorTimeout: x") is Category.SENSOR_TIMEOUT
    assert category("airflow.exceptions.AirflowSensorTimeout: x", own) is Category.MISSING_DATA
    assert category("Snap. Time is OUT.") is Category.SENSOR_TIMEOUT
    assert category("Snap. Time is OUT.", own) is Category.UNKNOWN


def test_defaults_and_parents_can_be_replaced_as_well(own: Path) -> None:
    rules = load_rules(data_folder(), own)
    assert (rules.defaults[Category.DNS].severity, rules.defaults[Category.DNS].remediable) == (
        Severity.LOW,
        False,
    )
    assert category("a.b.FlakyLedgerFailure: x", own) is Category.TIMEOUT


def test_what_comes_later_replaces_what_came_before(own: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "a.yaml").write_text("rules:\n  - {rule: ours.ledger, category: dns, phrases: [ledger]}\n")
    assert category("The ledger does not balance", own, newer) is Category.DNS


def test_a_name_must_not_stand_twice_in_a_folder(own: Path) -> None:
    (own / "z.yaml").write_text("# mine\nrules:\n  - {rule: ours.ledger, category: dns, phrases: [x]}\n")
    with pytest.raises(RuleError, match=r"z\.yaml:3: rule 'ours\.ledger' exists twice, also at ours\.yaml:7"):
        load_rules(data_folder(), own)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules: {a: b}\n", "a.yaml:1: `rules:` is no list; write a list"),
        ("\ncategories: [dns]\n", "a.yaml:2: `categories:` is no dict; write a mapping"),
        ("categories:\n  dns: High\n", "a.yaml:2: category 'dns': write {severity: …, remediable: …}"),
        (
            "rules: []\ncategories:\n  dnss: {severity: High}\n",
            "a.yaml:3: category 'dnss': 'dnss' is not a category",
        ),
        ("inherits:\n  A: {b: c}\n", "a.yaml:2: inherits A: write a list of texts"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(RuleError) as error:
        load_rules(data_folder(), tmp_path)
    assert says in str(error.value)


def test_an_empty_or_missing_folder_is_named(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none"):
        with pytest.raises(RuleError, match=f"{place}: no rule files here; name a folder"):
            load_rules(data_folder(), place)


def test_the_option_names_the_folder(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_rules() == ()
    monkeypatch.setenv("AIRFLOW__RCA__RULES_FOLDER", str(own))
    settings.cache_clear()
    try:
        assert own_rules() == (own,)
    finally:
        settings.cache_clear()


def test_a_mistake_in_them_loses_no_failure(
    own: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW__RCA__RULES_FOLDER", str(own))
    settings.cache_clear()
    try:
        assert any(rule.name == "ours.ledger" for rule in rules_in_force().rules)
        (own / "wrong.yaml").write_text("rules:\n  - {rule: a, category: dnss, phrases: [x]}\n")
        assert len(rules_in_force().rules) == len(load_rules(data_folder()).rules)
    finally:
        settings.cache_clear()
    assert "[rca] rules_folder is not used: wrong.yaml:2: rule 'a'" in caplog.text


def test_the_option_is_absolute_because_every_process_starts_elsewhere() -> None:
    with pytest.raises(ConfigError, match="rules_folder"):
        read({"rules_folder": "rules"}.get)
