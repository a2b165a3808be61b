"""What a row, a set of dimensions or an object says, by the names its sender chose."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rca_plugin.core.json_body import BodyError
from rca_plugin.core.sources.fields import text_of

#: Log Analytics adds the type of a column of AzureDiagnostics to its name.
_TYPE_SUFFIX = re.compile(r"_[sgdbt]$")
_BETWEEN = re.compile(r"[\s_$-]+")


def fold(name: str) -> str:
    """The same for `PipelineRunId`, `pipeline_run_id` and `pipelineRunId_g`."""
    return _BETWEEN.sub("", _TYPE_SUFFIX.sub("", name)).lower()


def folded(value: object) -> dict[str, Any]:
    """An object by its folded names, of equal ones the first; empty for anything else."""
    found: dict[str, Any] = {}
    if isinstance(value, Mapping):
        for name, content in value.items():
            found.setdefault(fold(str(name)), content)
    return found


def lifted(value: object, *parts: str) -> dict[str, Any]:
    """An object by its folded names, with what its parts hold beside its own."""
    whole = folded(value)
    for part in parts:
        for name, content in folded(whole.get(part)).items():
            whole.setdefault(name, content)
    return whole


@dataclass(frozen=True)
class Facts:
    """Named texts, as sent and in the order sent."""

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, pairs: Iterable[tuple[object, object]]) -> Facts:
        """The pairs that have a name and a value."""
        texts = ((text_of(name), text_of(value)) for name, value in pairs)
        return cls(tuple((name, value) for name, value in texts if name and value))

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def folded(self) -> dict[str, str]:
        """The texts by their folded names."""
        return folded(dict(reversed(self.pairs)))

    def lines(self) -> list[str]:
        """One line for each, for a person to read."""
        return [f"{name}: {value}" for name, value in self.pairs]


def embedded(text: str) -> dict[str, Any]:
    """An object that a log table keeps as JSON text in one of its columns; empty if it is none."""
    if not text.startswith("{"):
        return {}
    try:
        return folded(json.loads(text))
    except (ValueError, RecursionError, BodyError):
        return {}
