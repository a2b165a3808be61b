"""What differs between two JSON values, as lines a person reads: `conf.region: "eu" → "us"`. Without secrets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from rca_plugin.core.storable import Redacts
from rca_plugin.core.text import clean, head

NOTHING = object()
"""Stands for a value that is not there on one side."""

_VALUE_CHARS = 300
_SAME_CHARS = 60
_DEPTH = 12
# What differs in more places than this is another thing altogether.
_LINES = 200

Same = Callable[[Any, Any], bool]


def difference(before: Any, after: Any, redact: Redacts, *, name: str, same: Same | None = None) -> list[str]:
    """A line for each of at most 200 parts that differ; `name` is what the whole is called.

    `same` says which values that differ mean the same. Values are masked by the names they stand under, and
    compared before: that a secret changed is said, though not from what to what.
    """
    same = same or (lambda one, other: bool(one == other))
    return list(islice(_lines(before, after, redact, name, same, _DEPTH), _LINES))


def _lines(before: Any, after: Any, redact: Redacts, path: str, same: Same, depth: int) -> Iterator[str]:
    if same(before, after):
        return
    if depth and (parts := _parts(before, after)) is not None:
        for key, one, other in parts:
            yield from _lines(one, other, redact, f"{path}.{key}" if path else key, same, depth - 1)
        return
    yield _line(before, after, redact, path)


def _parts(before: Any, after: Any) -> list[tuple[str, Any, Any]] | None:
    """The parts of two values that have the same form, each with its name."""
    if isinstance(before, dict) and isinstance(after, dict) and not _names_its_value(before, after):
        keys = [*before, *(key for key in after if key not in before)]
        return [(str(key), before.get(key, NOTHING), after.get(key, NOTHING)) for key in keys]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [(str(at), one, other) for at, (one, other) in enumerate(zip(before, after, strict=True))]
    return None


def _names_its_value(*objects: dict[str, Any]) -> bool:
    """{"name": "DB_PASSWORD", "value": …}: taken apart, nothing says that the value is a secret."""
    return any("name" in an_object and "value" in an_object for an_object in objects)


def _line(before: Any, after: Any, redact: Redacts, path: str) -> str:
    key = path.rpartition(".")[2]
    one, other = (_shown(redact.tree({key: value}), value) for value in (before, after))
    return f"{clean(head(path, _VALUE_CHARS))}: {' → '.join(_apart(one, other))}"


def _shown(redacted: dict[str, Any], value: Any) -> str:
    if value is NOTHING:
        return "(none)"
    return clean(json.dumps(next(iter(redacted.values())), ensure_ascii=False, default=str))


def _apart(one: str, other: str) -> tuple[str, str]:
    """Both texts, or where they are long, what is around their first difference."""
    if max(len(one), len(other)) <= _VALUE_CHARS:
        return one, other
    differs = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    start = max(0, differs - _SAME_CHARS)
    begin = "…" if start else ""
    return begin + head(one[start:], _VALUE_CHARS), begin + head(other[start:], _VALUE_CHARS)
