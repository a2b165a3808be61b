"""How far repairs may go: what the file says, and what it may not say."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml

from rca_plugin.core.category import NOT_REMEDIABLE, Category
from rca_plugin.core.data import data_folder
from rca_plugin.core.knowledge import ACTIONS
from rca_plugin.core.remediation.action_words import ACTION_WORDS
from rca_plugin.core.remediation.policy import NEED_SETTINGS, Breaker, Limit, Policy
from rca_plugin.core.remediation.policy_file import load_policy
from rca_plugin.core.remediation.state import Mode, Risk
from rca_plugin.core.yaml_file import RuleError
from tests.core.repairs import KNOWLEDGE, NOW, SHIPPED, proposal, subject

FULL = """
mode: suggest
modes:
  - when: ['resource=~"finance_.*"']
    mode: off
  - when: ['category="connection_error"', 'environment="staging"']
    mode: auto
  - when: ['action=databricks_restart_cluster', 'target="cluster:1/2"']
    mode: "off"
  - when: ['source=databricks']
    mode: approve
risks: {airflow_clear: low, http_playbook: medium}
cooldown_minutes: 0
approval_minutes: 15
limits: {window_minutes: 30, per_resource: {running: 2}, everywhere: {running: 3, started: 4}, blast_radius: 7}
breaker: {failures: 2, rest_minutes: 90}
freezes:
  - name: Year
    time_zone: Europe/Berlin
    starts_at: 2026-12-28 18:00
    ends_at: 2027-01-04
  - name: Nights
    when: ['source=adf']
    time_zone: Europe/Berlin
    recurrence: 0 22 * * *
    duration_minutes: 480
four_eyes:
  - when: ['priority=~"P1|P2"']
settings:
  databricks_use_fallback_node_type:
    - node_types: {small: [medium, large]}
  airflow_clear_with_longer_timeout:
    - when: ['resource="a/b"']
      factor: 3
    - factor: 1.5
  airflow_clear_in_other_pool:
    - queue: big
  http_playbook:
    - {name: restart, url: "https://example.com/run"}
"""


def read(tmp_path: Path, text: str) -> Policy:
    file = tmp_path / "remediation.yaml"
    file.write_text(text)
    return load_policy(file)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type, misc]


def test_the_first_mode_that_matches_counts(tmp_path: Path) -> None:
    policy = read(tmp_path, FULL)
    clear, restart = proposal(), proposal("databricks_restart_cluster", resource="cluster:1/2")
    assert policy.mode_of(subject(), clear) == (Mode.SUGGEST, "remediation.yaml:2")
    assert policy.mode_of(subject(environment="staging"), clear) == (Mode.AUTO, "remediation.yaml:7")
    finance = subject(environment="staging", resource="finance_month/close")
    assert policy.mode_of(finance, clear) == (Mode.OFF, "remediation.yaml:5")
    assert policy.mode_of(subject(source="databricks"), restart) == (Mode.OFF, "remediation.yaml:9")
    other = proposal("databricks_restart_cluster", resource="cluster:1/20")
    assert policy.mode_of(subject(source="databricks"), other) == (Mode.APPROVE, "remediation.yaml:11")


def test_an_action_is_off_only_where_no_target_could_turn_it_on(tmp_path: Path) -> None:
    policy = read(tmp_path, FULL)
    assert not policy.is_off(subject(source="databricks"), "databricks_restart_cluster")
    assert policy.is_off(subject(resource="finance_x"), "databricks_restart_cluster")
    text = "mode: off\nmodes:\n  - {when: ['target=\"cluster:1/2\"'], mode: approve}"
    one = read(tmp_path, text)
    assert not one.is_off(subject(), "databricks_restart_cluster")
    assert read(tmp_path, "mode: off").is_off(subject(), "databricks_restart_cluster")


def test_everything_is_read(tmp_path: Path) -> None:
    policy = read(tmp_path, FULL)
    assert (policy.risk_of("airflow_clear"), policy.risk_of("http_playbook")) == (Risk.LOW, Risk.MEDIUM)
    assert policy.risk_of("adf_rerun_whole") is Risk.HIGH
    assert (policy.cooldown, policy.approval, policy.window) == (
        timedelta(0),
        timedelta(minutes=15),
        timedelta(minutes=30),
    )
    assert (policy.per_resource, policy.everywhere) == (Limit(2, 5), Limit(3, 4))
    assert (policy.blast_radius, policy.breaker) == (7, Breaker(2, timedelta(minutes=90)))
    assert policy.needs_four_eyes(subject(), proposal())


def test_freezes_hold_by_the_clock_on_the_wall(tmp_path: Path) -> None:
    policy = read(tmp_path, FULL)
    year = [policy.freeze_at(moment, subject()) for moment in (
        utc(2026, 12, 28, 16, 59), utc(2026, 12, 28, 17), utc(2027, 1, 3, 22, 59), utc(2027, 1, 3, 23),
    )]  # fmt: skip
    assert [freeze and freeze.name for freeze in year] == [None, "Year", "Year", None]
    night = policy.freeze_at(utc(2026, 7, 1, 20), subject(source="adf"))
    assert night and night.name == "Nights"
    assert policy.freeze_at(utc(2026, 7, 1, 19, 59), subject(source="adf")) is None
    assert policy.freeze_at(utc(2026, 7, 1, 20), subject()) is None


def test_settings(tmp_path: Path) -> None:
    policy = read(tmp_path, FULL)
    assert policy.settings_of("airflow_clear", subject()) == {}
    assert policy.settings_of("airflow_clear_with_longer_timeout", subject(resource="a/b")) == {"factor": 3.0}
    assert policy.settings_of("airflow_clear_with_longer_timeout", subject()) == {"factor": 1.5}
    assert policy.settings_of("airflow_clear_in_other_pool", subject()) == {"queue": "big"}
    nodes = policy.settings_of("databricks_use_fallback_node_type", subject())
    assert nodes == {"node_types": {"small": ["medium", "large"]}}
    playbook = policy.settings_of("http_playbook", subject())
    assert playbook == {"name": "restart", "url": "https://example.com/run"}
    for action in NEED_SETTINGS:
        assert SHIPPED.settings_of(action, subject()) is None


def test_what_is_left_out_is_as_shipped(tmp_path: Path) -> None:
    empty, shipped = read(tmp_path, "{}"), SHIPPED
    assert empty == Policy()
    for name in ("mode", "modes", "cooldown", "window", "per_resource", "everywhere", "blast_radius", "breaker",
                 "approval", "freezes", "four_eyes", "settings"):  # fmt: skip
        assert getattr(empty, name) == getattr(shipped, name), name
    assert empty.risk_of("airflow_clear") is Risk.HIGH


def test_shipped_every_action_has_a_risk_and_words_and_every_repair_asks() -> None:
    assert SHIPPED.risks.keys() == ACTIONS.keys() == ACTION_WORDS.keys()
    for category in Category:
        for action in KNOWLEDGE[category].actions:
            mode, _ = SHIPPED.mode_of(subject(category=category), proposal(action.name))
            assert mode is Mode.APPROVE
    allowed = {action.name for known in KNOWLEDGE.values() for action in known.actions}
    assert allowed == ACTIONS.keys()


def test_the_examples_in_the_shipped_file_are_right(tmp_path: Path) -> None:
    text = (data_folder() / "remediation.yaml").read_text()
    lines = [line.removeprefix("#") if line.startswith("#  ") else line for line in text.splitlines()]
    examples = "\n".join(lines)
    for part in ("modes", "freezes", "four_eyes"):
        examples = examples.replace(f"\n{part}: []", f"\n{part}:")
    examples = examples.replace("\nsettings: {}", "\nsettings:")
    content = yaml.safe_load(examples)
    policy = read(tmp_path, examples)
    assert len(policy.modes) == len(content["modes"]) == 3
    assert len(policy.freezes) == len(policy.four_eyes) == 2
    assert policy.settings.keys() == NEED_SETTINGS
    frozen = policy.freeze_at(utc(2026, 12, 31), subject())
    assert frozen and frozen.name == "Close of the year"
    assert policy.freeze_at(NOW, subject()) is None


@pytest.mark.parametrize("category", sorted(NOT_REMEDIABLE), ids=str)
@pytest.mark.parametrize("mode", ["suggest", "approve", "auto"])
@pytest.mark.parametrize(
    "condition",
    ['category="{}"', 'category=~"{}|timeout"', 'category=~".+"', 'category=~"{}", category!="timeout"'],
)
def test_what_is_never_repaired_cannot_be_turned_on(
    tmp_path: Path, category: Category, mode: str, condition: str
) -> None:
    text = f"\nmodes:\n  - when: ['{condition.format(category)}']\n    mode: "
    with pytest.raises(RuleError, match=r"^remediation.yaml:3: when: category.* which is never repaired"):
        read(tmp_path, text + mode)
    assert read(tmp_path, text + "off").modes[0].mode is Mode.OFF


MODES, FREEZES = "modes:\n  - ", "freezes:\n  - {name: x, time_zone: UTC, "
WRONG = [
    ("modus: auto", "1: unknown key 'modus'; did you mean 'modes'?"),
    ("mode: automatic", "1: 'automatic' is not a mode; did you mean 'auto'?"),
    ("mode: on", "1: True is not a mode; allowed are off, suggest, approve, auto"),
    ("modes: auto", "1: modes is no list; begin each entry with `- `"),
    (f"{MODES}auto", "2: this says no mode; write a mapping with `when` and `mode`"),
    (f"{MODES}mode: auto", "2: this says no mode"),
    (f"{MODES}when: []\n    mode: auto", "2: when: matchers: there must be 1 to 20"),
    (f"{MODES}when: ['catgory=timeout']\n    mode: auto", "2: when: catgory cannot be asked for; allowed are"),
    (f"{MODES}when: ['category=timeuot']\n    mode: auto", '2: when: category="timeuot" matches none of'),
    (f"{MODES}when: ['action=~\"clear.*\"']\n    mode: auto", '2: when: action=~"clear.*" matches none of'),
    (f"{MODES}when: ['message=~\".*please.*\"']\n    mode: auto", "2: when: message cannot be asked for"),
    (f"{MODES}when: ['priority=P4']\n    mode: auto", "2: when: priority cannot be asked for"),
    (f"{MODES}when: ['owner=ada']\n    mode: auto", "2: when: owner cannot be asked for"),
    (f"{MODES}when: ['source~x']\n    mode: auto", "2: when: matchers: cannot read"),
    (f"{MODES}when: ['source=adf']\n    mode: auto\n    risk: low", "4: unknown key 'risk'"),
    ("risks: {airflow_claer: low}", "1: unknown key 'airflow_claer'; did you mean 'airflow_clear'?"),
    ("risks:\n  airflow_clear: none", "2: 'none' is not a risk; allowed are low, medium, high"),
    ("risks: low", "1: risks is no mapping"),
    ("cooldown_minutes: -1", "1: cooldown_minutes is -1; write a whole number from 0 to 10080"),
    ("cooldown_minutes: 1.5", "1: cooldown_minutes is 1.5"),
    ("approval_minutes: true", "1: approval_minutes is True"),
    ("approval_minutes: 0", "1: approval_minutes is 0; write a whole number from 1"),
    ("limits:\n  blast_radius: 0", "2: blast_radius is 0; write a whole number from 1 to 1000"),
    ("limits:\n  per_resource: 3", "2: per_resource is no mapping"),
    ("limits:\n  per_resource: {runing: 1}", "2: unknown key 'runing'; did you mean 'running'?"),
    ("limits:\n  everywhere:\n    running: 0", "3: running is 0"),
    ("limits:\n  blast: 3", "2: unknown key 'blast'"),
    ("breaker:\n  failures: many", "2: failures is 'many'"),
    ("breaker:\n  rest_minutes: 0", "2: rest_minutes is 0"),
    ("freezes:\n  - Christmas", "2: this is no freeze window"),
    ("freezes:\n  - {name: x, starts_at: 2026-12-24, ends_at: 2026-12-26}", "2: this is no freeze window"),
    (f"{FREEZES}starts_at: 2026-12-24}}", "2: this freeze window has no times"),
    (f"{FREEZES}starts_at: 2026-12-24, ends_at: 2026-12-23}}", "2: ends_at: must be after starts_at"),
    (f"{FREEZES}starts_at: soon, ends_at: 2026-12-23}}", "2: starts_at is 'soon'; write a time such as"),
    (f"{FREEZES}starts_at: 2026-12-24T10:00:00Z, ends_at: 2026-12-26}}", "2: starts_at has an offset"),
    (f"{FREEZES}recurrence: 0 2 * * *}}", "2: duration_minutes"),
    (f"{FREEZES}recurrence: at night, duration_minutes: 60}}", "2: recurrence: must be a cron expression"),
    (f"{FREEZES}recurrence: 0 0 31 2 *, duration_minutes: 60}}", "2: recurrence: this cron expression never"),
    (f"{FREEZES}recurrence: 0 0 * * *, duration_minutes: 99999}}", "2: duration_minutes is 99999"),
    ("freezes:\n  - name: x\n    time_zone: Mars\n    recurrence: 0 0 * * *\n    duration_minutes: 60",
     "3: time_zone: 'Mars' is not a time zone"),
    (f"{FREEZES}recurrence: 0 0 * * *, duration_minutes: 60, when: ['target=x']}}", "2: when: target cannot be"),
    ("four_eyes: yes", "1: four_eyes is no list"),
    ("four_eyes:\n  - priority: P1", "2: this says not for what; write a mapping with `when`"),
    ("four_eyes:\n  - when: ['priority=P5']", '2: when: priority="P5" matches none of P1, P2, P3, P4'),
    ("settings: []", "1: settings is no mapping"),
    ("settings:\n  airflow_clear: []", "2: unknown key 'airflow_clear'; did you mean"),
    ("settings:\n  http_playbook: {name: x}", "2: http_playbook is no list"),
    ("settings:\n  http_playbook:\n    - x", "3: this sets nothing for http_playbook; write name and url"),
    ("settings:\n  http_playbook:\n    - name: x", "3: url is None; write a text"),
    ("settings:\n  http_playbook:\n    - name: x\n      url: http://example.com", "4: url is 'http://example.com'"),
    ("settings:\n  http_playbook:\n    - name: x\n      url: 'http://['", "4: url is 'http://['"),
    ("settings:\n  http_playbook:\n    - name: x\n      url: 'http://localhost.evil.example'", "4: url is"),
    ("settings:\n  airflow_clear_with_longer_timeout:\n    - factor: 1", "3: factor is 1; write a number above 1"),
    ("settings:\n  airflow_clear_with_longer_timeout:\n    - factor: .inf", "3: factor is inf"),
    ("settings:\n  airflow_clear_with_longer_timeout:\n    - when: ['source=airflow']", "3: this sets nothing"),
    ("settings:\n  airflow_clear_in_other_pool:\n    - pool: ''", "3: pool is ''"),
    ("settings:\n  databricks_use_fallback_node_type:\n    - node_types: [a]", "3: node_types is no mapping"),
    ("settings:\n  databricks_use_fallback_node_type:\n    - node_types: {a: b}", "3: a is no list of texts"),
    ("settings:\n  databricks_use_fallback_node_type:\n    - node_types: {}", "3: node_types names no node type"),
    ("mode: ]", "1: not readable as YAML"),
    ("- mode", "1: expected a mapping at the top"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "complaint"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(RuleError) as error:
        read(tmp_path, text)
    assert str(error.value).startswith(f"remediation.yaml:{complaint}"), error.value


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"missing; \[rca\] remediation_file names the file"):
        load_policy(tmp_path / "nowhere.yaml")
