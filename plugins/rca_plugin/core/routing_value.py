"""What stands in an entry of the routing file, read so that a complaint names its line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Any

from rca_plugin.core.yaml_file import LINE, RuleError, line_of

_MOST_CHARS = 500
_CHANNEL = re.compile(r"[CG][A-Z0-9]{7,29}")


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
    check_keys(f"{file.name}:", entry, allowed)


def check_keys(place: str, entry: Mapping[str, Any], allowed: Iterable[str]) -> None:
    """RuleError for a key that means nothing here."""
    for key in entry.keys() - {LINE, *allowed}:
        close = difflib.get_close_matches(str(key), list(allowed), 1)
        hint = f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(allowed)}"
        raise RuleError(f"{place}{line_of(entry, key)}: unknown key {key!r}; {hint}")


def check_blanks(file: Path, entry: Mapping[str, Any], key: str, template: str) -> None:
    """RuleError for a `$` that begins no blank."""
    if any(blank["invalid"] is not None for blank in Template.pattern.finditer(template)):
        raise wrong(file, entry, key, f"{key} has a $ that begins no blank; write $$ for a dollar sign")


def wrong(file: Path, entry: Mapping[str, Any], key: str, problem: str) -> RuleError:
    """The complaint about one key."""
    return RuleError(f"{file.name}:{line_of(entry, key)}: {problem}")
