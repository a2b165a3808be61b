"""What stands in an entry of the routing file, read so that a complaint names its line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Any

from rca_plugin.core.yaml_file import LINE, RuleError, line_of

_MOST_CHARS = 500


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


def check_blanks(file: Path, entry: Mapping[str, Any], key: str, template: str) -> None:
    """RuleError for a `$` that begins no blank."""
    if any(blank["invalid"] is not None for blank in Template.pattern.finditer(template)):
        raise wrong(file, entry, key, f"{key} has a $ that begins no blank; write $$ for a dollar sign")


def wrong(file: Path, entry: Mapping[str, Any], key: str, problem: str) -> RuleError:
    """The complaint about one key."""
    return RuleError(f"{file.name}:{line_of(entry, key)}: {problem}")
