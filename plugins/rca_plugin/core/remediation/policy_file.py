"""The file that says how far repairs may go, read and checked.

    mode, modes        off, suggest, approve or auto; the first entry of `modes` whose `when` matches counts
    risks              low, medium or high for each action; one that is not named is of high risk
    limits, breaker, cooldown_minutes, approval_minutes, freezes, four_eyes, settings: see `Policy`

`when` is a list of conditions in the syntax of silences, which all have to match. They can ask for what an incident is
and where, and not for texts that whoever reports a failure chooses, such as its message.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from rca_plugin.core.knowledge import ACTIONS
from rca_plugin.core.remediation.condition import ACTION_FACTS, check_repairable, condition
from rca_plugin.core.remediation.freeze_file import freeze
from rca_plugin.core.remediation.policy import Breaker, Limit, ModeEntry, Policy
from rca_plugin.core.remediation.settings_file import settings
from rca_plugin.core.remediation.state import Mode, Risk
from rca_plugin.core.yaml_file import LINE, RuleError, line_of, read_yaml, word
from rca_plugin.core.yaml_value import check_keys, count, entries, section

_KEYS = ("mode", "modes", "risks", "cooldown_minutes", "approval_minutes", "limits", "breaker", "freezes",
         "four_eyes", "settings")  # fmt: skip
_LIMITS = ("window_minutes", "per_resource", "everywhere", "blast_radius")
_DEFAULT = Policy()
_WEEK = 7 * 24 * 60


def load_policy(file: Path) -> Policy:
    """Read the file. RuleError that names file and line, and says what to write instead."""
    if not file.is_file():
        raise RuleError(
            f"{file}: missing; [rca] remediation_file names the file that says how far repairs may go"
        )
    content = read_yaml(file)
    check_keys(file, content, _KEYS)
    limits, breaker = (
        section(file, content, "limits", _LIMITS),
        section(file, content, "breaker", ("failures", "rest_minutes")),
    )
    return Policy(
        mode=_mode(file, content, _DEFAULT.mode),
        mode_place=f"{file.name}:{line_of(content, 'mode')}" if "mode" in content else _DEFAULT.mode_place,
        modes=tuple(_entry(file, *entry) for entry in entries(file, content, "modes")),
        risks=_risks(file, section(file, content, "risks", ACTIONS)),
        cooldown=_minutes(file, content, "cooldown_minutes", _DEFAULT.cooldown, 0),
        approval=_minutes(file, content, "approval_minutes", _DEFAULT.approval, 1),
        window=_minutes(file, limits, "window_minutes", _DEFAULT.window, 1),
        per_resource=_limit(file, limits, "per_resource", _DEFAULT.per_resource),
        everywhere=_limit(file, limits, "everywhere", _DEFAULT.everywhere),
        blast_radius=count(file, limits, "blast_radius", _DEFAULT.blast_radius, 1, 1_000),
        breaker=Breaker(
            count(file, breaker, "failures", _DEFAULT.breaker.failures, 1, 100),
            _minutes(file, breaker, "rest_minutes", _DEFAULT.breaker.rest, 1),
        ),
        freezes=tuple(freeze(file, *entry) for entry in entries(file, content, "freezes")),
        four_eyes=tuple(_four_eyes(file, *entry) for entry in entries(file, content, "four_eyes")),
        settings=settings(file, content),
    )


def _entry(file: Path, line: int, entry: Any) -> ModeEntry:
    if not isinstance(entry, dict) or not {"when", "mode"} <= entry.keys():
        raise RuleError(f"{file.name}:{line}: this says no mode; write a mapping with `when` and `mode`")
    check_keys(file, entry, ("when", "mode"))
    mode, when = _mode(file, entry, Mode.OFF), condition(file, entry, ACTION_FACTS)
    if mode is not Mode.OFF:
        check_repairable(file, entry, when)
    return ModeEntry(when, mode, f"{file.name}:{line_of(entry, 'mode')}")


def _four_eyes(file: Path, line: int, entry: Any) -> Any:
    if not isinstance(entry, dict) or "when" not in entry:
        raise RuleError(f"{file.name}:{line}: this says not for what; write a mapping with `when`")
    check_keys(file, entry, ("when",))
    return condition(file, entry, (*ACTION_FACTS, "priority"))


def _mode(file: Path, entry: Mapping[str, Any], default: Mode) -> Mode:
    value = entry.get("mode", default)
    # YAML reads the word `off` as false.
    return word(Mode, "off" if value is False else value, f"{file.name}:{line_of(entry, 'mode')}")


def _risks(file: Path, entry: Mapping[str, Any]) -> dict[str, Risk]:
    return {
        action: word(Risk, risk, f"{file.name}:{line_of(entry, action)}")
        for action, risk in entry.items()
        if action != LINE
    }


def _limit(file: Path, limits: Mapping[str, Any], key: str, default: Limit) -> Limit:
    entry = section(file, limits, key, ("running", "started"))
    # None at all is `mode: off`: a limit of 0 would hide it.
    return Limit(
        count(file, entry, "running", default.running, 1, 1_000),
        count(file, entry, "started", default.started, 1, 10_000),
    )


def _minutes(file: Path, entry: Mapping[str, Any], key: str, default: timedelta, least: int) -> timedelta:
    minutes = count(file, entry, key, int(default.total_seconds() // 60), least, _WEEK)
    return timedelta(minutes=minutes)
