"""What the team knows about each category: what it means, what to do first, what may be tried.

One file per category in `include/knowledge/`, written for the engineer on call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rca_plugin.core.category import NOT_REMEDIABLE, Category, Severity
from rca_plugin.core.phrase import Phrase
from rca_plugin.core.rule_files import load_rules
from rca_plugin.core.rules import Default
from rca_plugin.core.yaml_file import RuleError, read_yaml

#: Every action a knowledge file may allow, and for which sources it can be carried out (empty: for all).
ACTIONS: Mapping[str, frozenset[str]] = {
    "airflow_clear": frozenset({"airflow"}),
    "airflow_clear_after_upstream_check": frozenset({"airflow"}),
    "airflow_clear_with_longer_timeout": frozenset({"airflow"}),
    "databricks_repair_run": frozenset({"databricks"}),
    "databricks_run_now": frozenset({"databricks"}),
    "databricks_start_cluster": frozenset({"databricks"}),
    "databricks_restart_cluster": frozenset({"databricks"}),
    "databricks_use_on_demand": frozenset({"databricks"}),
    "databricks_use_fallback_node_type": frozenset({"databricks"}),
    "databricks_reinstall_libraries": frozenset({"databricks"}),
    "adf_rerun_from_failed_activity": frozenset({"adf", "azure_monitor"}),
    "http_playbook": frozenset(),
}


@dataclass(frozen=True)
class Action:
    """A repair this category allows. `backoff` is the wait before each attempt, in seconds."""

    name: str
    attempts: int
    backoff: tuple[int, ...]

    def fits(self, source: str) -> bool:
        """Whether it can be carried out for failures of this source."""
        sources = ACTIONS[self.name]
        return not sources or source in sources


@dataclass(frozen=True)
class Cause:
    """One likely cause, how to tell it from the others, and the phrases that point to it."""

    text: str
    tell: str
    when: tuple[Phrase, ...]


@dataclass(frozen=True)
class Runbook:
    """Where the longer story is told: `whose pages: which page`, and its address where that is stable."""

    title: str
    url: str | None


@dataclass(frozen=True)
class Knowledge:
    """What is known about one category.

    title: what happened, as it goes on after "failed: ".
    headline: the same in 2 to 8 words, to stand before the error itself.
    description: what it means, in one or two sentences.
    first: what to do, in this order. avoid: what makes it worse.
    estimated_minutes: how long a person usually needs until it works again.
    """

    category: Category
    title: str
    headline: str
    description: str
    severity: Severity
    remediable: bool
    actions: tuple[Action, ...]
    causes: tuple[Cause, ...]
    first: tuple[str, ...]
    avoid: tuple[str, ...]
    estimated_minutes: int
    runbooks: tuple[Runbook, ...]


def load_knowledge(folder: Path) -> dict[Category, Knowledge]:
    """Read `knowledge/<category>.yaml` for every category. RuleError when one is missing or wrong."""
    defaults = load_rules(folder).defaults
    return {category: _knowledge(folder, category, defaults[category]) for category in Category}


_KEYS = {
    "title",
    "headline",
    "description",
    "actions",
    "causes",
    "first",
    "avoid",
    "estimated_minutes",
    "runbooks",
}


def _knowledge(folder: Path, category: Category, default: Default) -> Knowledge:
    file = folder / "knowledge" / f"{category.value}.yaml"
    if not file.is_file():
        raise RuleError(f"{file}: missing; every category needs a knowledge file")
    content = read_yaml(file)
    _check_keys(file, content)
    return Knowledge(
        category=category,
        title=_text(file, content, "title"),
        headline=_headline(file, content),
        description=_text(file, content, "description"),
        severity=default.severity,
        remediable=default.remediable,
        actions=_actions(file, content, category),
        causes=_causes(file, content),
        first=_texts(file, content, "first"),
        avoid=_texts(file, content, "avoid"),
        estimated_minutes=_minutes(file, content),
        runbooks=tuple(_runbook(file, entry) for entry in content.get("runbooks") or ()),
    )


def _check_keys(file: Path, content: Mapping[str, Any]) -> None:
    unknown = {key for key in content if not key.startswith("__")} - _KEYS
    if unknown:
        raise RuleError(f"{file.name}: unknown key {min(unknown)!r}; allowed are {', '.join(sorted(_KEYS))}")


def _text(file: Path, content: Mapping[str, Any], key: str) -> str:
    value = content.get(key)
    if not isinstance(value, str) or not value.strip():
        raise RuleError(f"{file.name}: {key} is missing; write one or two sentences")
    return " ".join(value.split())


def _headline(file: Path, content: Mapping[str, Any]) -> str:
    text = _text(file, content, "headline")
    if not 2 <= len(text.split()) <= 8 or not text[0].isupper() or not text[-1].isalnum():
        raise RuleError(
            f"{file.name}: headline is {text!r}; write 2 to 8 words, capitalized, without a period"
        )
    return text


def _texts(file: Path, content: Mapping[str, Any], key: str) -> tuple[str, ...]:
    items = content.get(key) or []
    if not isinstance(items, list) or not items or not all(isinstance(item, str) for item in items):
        raise RuleError(f"{file.name}: {key} must be a list of sentences")
    return tuple(" ".join(item.split()) for item in items)


def _minutes(file: Path, content: Mapping[str, Any]) -> int:
    minutes = content.get("estimated_minutes")
    if not isinstance(minutes, int) or not 1 <= minutes <= 10_000:
        raise RuleError(f"{file.name}: estimated_minutes is {minutes!r}; write whole minutes")
    return minutes


def _actions(file: Path, content: Mapping[str, Any], category: Category) -> tuple[Action, ...]:
    actions = tuple(_action(file, entry) for entry in content.get("actions") or ())
    if actions and category in NOT_REMEDIABLE:
        raise RuleError(f"{file.name}: {category} is never remediable; remove its actions")
    return actions


def _action(file: Path, entry: Mapping[str, Any]) -> Action:
    name, backoff = str(entry.get("action")), entry.get("backoff") or []
    place = f"{file.name}:{entry.get('__line__')}: action {name!r}"
    if name not in ACTIONS:
        raise RuleError(f"{place}: not an action; allowed are {', '.join(ACTIONS)}")
    if not backoff or not all(isinstance(wait, int) and 0 < wait <= 86_400 for wait in backoff):
        raise RuleError(f"{place}: backoff must list the seconds to wait before each attempt")
    return Action(name, len(backoff), tuple(backoff))


def _causes(file: Path, content: Mapping[str, Any]) -> tuple[Cause, ...]:
    causes = tuple(_cause(file, entry) for entry in content.get("causes") or ())
    if not causes:
        raise RuleError(f"{file.name}: causes is missing; give at least one with `cause` and `tell`")
    return causes


def _cause(file: Path, entry: Mapping[str, Any]) -> Cause:
    when = tuple(Phrase.of(text) for text in entry.get("when") or ())
    return Cause(_text(file, entry, "cause"), _text(file, entry, "tell"), when)


def _runbook(file: Path, entry: Mapping[str, Any]) -> Runbook:
    title = _text(file, entry, "title")
    if ": " not in title:
        raise RuleError(
            f"{file.name}: runbook {title!r}; write whose it is too, such as `Vendor: Page title`"
        )
    return Runbook(title, entry.get("url"))
