"""A YAML file with data, read so that every complaint can name its file, line and entry."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import yaml

#: In every mapping that was read, the key under which the line it starts on stands.
LINE = "__line__"
#: Ten times faster than the Python loader; PyYAML's wheels carry it, a source build may not.
_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Word = TypeVar("_Word", bound=Enum)


class RuleError(ValueError):
    """A data file cannot be used. The text names file, line and entry, and says what to do."""


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping a YAML file holds. RuleError naming file and line when it is not one."""
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), _Loader)  # noqa: S506, a safe loader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RuleError(
            f"{file.name}:{_line_of_fault(file, error)}: not readable as YAML: {error}; fix the syntax"
        ) from error
    if not isinstance(content, dict):
        raise RuleError(f"{file.name}:1: expected a mapping at the top, got {type(content).__name__}")
    return content


def _line_of_fault(file: Path, error: Exception) -> int:
    if isinstance(error, UnicodeDecodeError):
        return error.object.count(b"\n", 0, error.start) + 1
    if isinstance(error, yaml.reader.ReaderError):
        return file.read_text(encoding="utf-8").count("\n", 0, error.position) + 1
    mark = getattr(error, "problem_mark", None)
    return mark.line + 1 if mark else 1


class _Block(dict[str, Any]):
    """A mapping that was read, which knows on which line each of its keys stands."""

    lines: Mapping[str, int]


def line_of(block: Mapping[str, Any], key: str) -> int:
    """The line a key of a mapping stands on; where the mapping starts when it lacks the key."""
    lines = block.lines if isinstance(block, _Block) else {}
    return lines.get(key) or int(block.get(LINE, 1))


class _Items(list[Any]):
    """A list that was read, which knows on which line each of its items stands."""

    lines: list[int]


def items_of(items: list[Any]) -> list[tuple[int, Any]]:
    """The items of a list that was read, each with the line it stands on."""
    lines = items.lines if isinstance(items, _Items) else [1] * len(items)
    return list(zip(lines, items, strict=True))


class _Loader(_BaseLoader):  # type: ignore[misc]  # which of the two bases it is, only the machine knows
    """The safe loader, which also notes the line of every mapping and of its keys."""


def _mapping(loader: Any, node: Any) -> dict[str, Any]:
    content = _Block(loader.construct_mapping(node, deep=True))
    content.lines = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
    content[LINE] = node.start_mark.line + 1
    return content


def _sequence(loader: Any, node: Any) -> list[Any]:
    items = _Items(loader.construct_sequence(node, deep=True))
    items.lines = [item.start_mark.line + 1 for item in node.value]
    return items


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:seq", _sequence)


def word(kind: type[_Word], value: Any, place: str) -> _Word:
    """The enum member with this value; RuleError naming `place` and the closest allowed word if none."""
    try:
        return kind(value)
    except ValueError:
        allowed = [member.value for member in kind]
        close = difflib.get_close_matches(str(value), allowed, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(allowed)}"
        raise RuleError(f"{place}: {value!r} is not a {kind.__name__.lower()}; {hint}") from None
