"""What some actions have to know, in the file about repairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rca_plugin.core.knowledge import is_https
from rca_plugin.core.remediation.condition import FACTS, condition
from rca_plugin.core.remediation.policy import NEED_SETTINGS, ActionSettings
from rca_plugin.core.yaml_file import LINE, RuleError
from rca_plugin.core.yaml_value import check_keys, entries, section, text, texts, wrong


def settings(file: Path, content: Mapping[str, Any]) -> dict[str, tuple[ActionSettings, ...]]:
    """By action, in the order of the file. Raises RuleError."""
    found = section(file, content, "settings", sorted(NEED_SETTINGS))
    return {
        action: tuple(_settings(file, action, *entry) for entry in entries(file, found, action))
        for action in found
        if action != LINE
    }


def _settings(file: Path, action: str, line: int, entry: Any) -> ActionSettings:
    keys, read = _ACTIONS[action]
    if not isinstance(entry, dict) or not entry.keys() & set(keys):
        raise RuleError(f"{file.name}:{line}: this sets nothing for {action}; write {' and '.join(keys)}")
    check_keys(file, entry, ("when", *keys))
    return ActionSettings(condition(file, entry, FACTS), read(file, entry))


def _node_types(file: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    found = section(file, entry, "node_types", None)
    if not found.keys() - {LINE}:
        raise wrong(file, entry, "node_types", "node_types names no node type; write `type: [next, …]`")
    return {"node_types": {name: list(texts(file, found, name)) for name in found if name != LINE}}


def _factor(file: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    factor = entry["factor"]
    if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not 1 < factor <= 10:
        raise wrong(file, entry, "factor", f"factor is {factor!r}; write a number above 1, up to 10")
    return {"factor": float(factor)}


def _place(file: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: text(file, entry, key) for key in ("pool", "queue") if key in entry}


def _playbook(file: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    url = text(file, entry, "url")
    # What is sent is signed, but anybody on the way could read it.
    if not is_https(url) and not _stays_here(url):
        raise wrong(file, entry, "url", f"url is {url!r}; write one that begins with https://")
    return {"name": text(file, entry, "name"), "url": url}


def _stays_here(url: str) -> bool:
    try:
        return urlsplit(url).scheme == "http" and urlsplit(url).hostname in ("localhost", "127.0.0.1")
    except ValueError:
        return False


_ACTIONS: Mapping[str, tuple[tuple[str, ...], Callable[[Path, Mapping[str, Any]], dict[str, Any]]]] = {
    "airflow_clear_with_longer_timeout": (("factor",), _factor),
    "airflow_clear_in_other_pool": (("pool", "queue"), _place),
    "databricks_use_fallback_node_type": (("node_types",), _node_types),
    "http_playbook": (("name", "url"), _playbook),
}
