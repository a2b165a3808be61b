"""What stands in a data file, value by value, read so that a complaint names its line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Any

from rca_plugin.core.matcher import Matchers
from rca_plugin.core.yaml_file import LINE, RuleError, items_of, line_of

_MOST_CHARS = 500
_CHANNEL = re.compile(r"[CG][A-Z0-9]{7,29}")


def check_keys(file: Path, entry: Mapping[str, Any], allowed: Iterable[str]) -> None:
    """RuleError for a key that is not one of these."""
    for key in entry.keys() - {LINE, *allowed}:
        close = difflib.get_close_matches(str(key), list(allowed), 1)
        hint = f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(allowed)}"
        raise wrong(file, entry, key, f"unknown key {key!r}; {hint}")


def entries(file: Path, content: Mapping[str, Any], part: str) -> list[tuple[int, Any]]:
    """The entries of a list, each with its line; none where it is not there. Raises RuleError."""
    found = content.get(part) or []
    if not isinstance(found, list):
        raise wrong(file, content, part, f"{part} is no list; begin each entry with `- `")
    return items_of(found) if found else []


def section(
    file: Path, content: Mapping[str, Any], key: str, allowed: Iterable[str] | None
) -> Mapping[str, Any]:
    """A mapping with these keys, or with any where None is given; empty where it is not there. Raises RuleError."""
    found = content.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise wrong(file, content, key, f"{key} is no mapping; write `name: value` on each line")
    if allowed is not None:
        check_keys(file, found, tuple(allowed))
    return found


def count(file: Path, entry: Mapping[str, Any], key: str, default: int, low: int, high: int) -> int:
    """A whole number from `low` to `high`; the default where it is not there. Raises RuleError."""
    if key not in entry:
        return default
    value = entry[key]
    # True is a whole number to Python.
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise wrong(file, entry, key, f"{key} is {value!r:.60}; write a whole number from {low} to {high}")
    return value


def when(file: Path, entry: Mapping[str, Any]) -> Matchers | None:
    """The conditions of an entry, in the syntax of silences; None where it has none. Raises RuleError."""
    if "when" not in entry:
        return None
    try:
        return Matchers.from_text(texts(file, entry, "when"))
    except ValueError as error:
        raise wrong(file, entry, "when", f"when: {error}") from None


def text(file: Path, entry: Mapping[str, Any], key: str) -> str:
    """A text that is not empty. Raises RuleError."""
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip() or len(value) > _MOST_CHARS:
        raise wrong(
            file, entry, key, f"{key} is {value!r:.60}; write a text of at most {_MOST_CHARS} characters"
        )
    return value.strip()


def texts(file: Path, entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of texts. Raises RuleError."""
    values = entry.get(key)
    if not isinstance(values, list) or not all(isinstance(value, str) and value.strip() for value in values):
        raise wrong(file, entry, key, f"{key} is no list of texts; begin each with `- `")
    return tuple(values)


def mapping(file: Path, entry: Mapping[str, Any], key: str) -> dict[str, str]:
    """Names and their texts. Raises RuleError."""
    values = plain(entry.get(key))
    if not isinstance(values, dict) or not all(isinstance(value, (str, int)) for value in values.values()):
        raise wrong(file, entry, key, f"{key} is no mapping of texts; write `name: text` on each line")
    return {name: str(value) for name, value in values.items()}


def plain(value: Any) -> Any:
    """A value without the notes on lines, as JSON takes it."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items() if key != LINE}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def texts_in(value: Any) -> Iterable[str]:
    """All texts in a value, however deep."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value] if isinstance(value, str) else [found for item in inner for found in texts_in(item)]


def channel_id(file: Path, entry: Mapping[str, Any]) -> str:
    """The id of a channel of Slack. RuleError for a name: Slack finds no messages by it."""
    channel = text(file, entry, "channel")
    if not _CHANNEL.fullmatch(channel):
        raise wrong(
            file, entry, "channel",
            f"channel is {channel!r:.60}; write its id, such as C0123456789, which Slack shows at the end of the "
            "channel's details",
        )  # fmt: skip
    return channel


def check_entry(file: Path, line: int, entry: Any, allowed: Iterable[str], needed: str) -> None:
    """RuleError for what is no mapping with the key that is needed, or has other keys than are allowed."""
    if not isinstance(entry, dict) or needed not in entry:
        raise RuleError(f"{file.name}:{line}: this is no route; write a mapping with the key `{needed}`")
    check_keys(file, entry, allowed)


def check_blanks(file: Path, entry: Mapping[str, Any], key: str, template: str) -> None:
    """RuleError for a `$` that begins no blank."""
    if any(blank["invalid"] is not None for blank in Template.pattern.finditer(template)):
        raise wrong(file, entry, key, f"{key} has a $ that begins no blank; write $$ for a dollar sign")


def wrong(file: Path, entry: Mapping[str, Any], key: str, problem: str) -> RuleError:
    """The complaint about one key."""
    return RuleError(f"{file.name}:{line_of(entry, key)}: {problem}")
