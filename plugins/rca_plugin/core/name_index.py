"""Rules by the codes or exception classes they name, found without trying each of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rca_plugin.core.rules import Rule

#: How many answers for names without an exact rule are kept: the same few names come again and again.
_MOST_KEPT = 4_096


@dataclass(frozen=True)
class NameIndex:
    """Rules by name. Case and underscores do not count: RESOURCE_NOT_FOUND is ResourceNotFound."""

    _exact: dict[str, list[Rule]]
    _patterns: tuple[tuple[str, str, list[Rule]], ...]
    _kept: dict[tuple[str, str], list[Rule]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, named: Iterable[tuple[str, Rule]]) -> NameIndex:
        """Index pairs of a name, which may have a `*` at either end, and its rule."""
        exact: dict[str, list[Rule]] = {}
        patterns: dict[str, list[Rule]] = {}
        for name, rule in named:
            (patterns if "*" in name else exact).setdefault(folded(name), []).append(rule)
        longest_first = sorted(patterns, key=lambda pattern: (-len(pattern), pattern))
        return cls(exact, tuple((p, max(p.split("*"), key=len), patterns[p]) for p in longest_first))

    def __contains__(self, name: str) -> bool:
        return folded(name) in self._exact

    def exactly(self, name: str, source: str) -> list[Rule]:
        """The rules that name it."""
        return about(source, self._exact.get(folded(name), []))

    def loosely(self, name: str, source: str) -> list[Rule]:
        """The rules with the longest pattern that fits."""
        key = (folded(name), source)
        found = self._kept.get(key)
        if found is None:
            found = self._fitting(*key)
            if len(self._kept) < _MOST_KEPT:
                self._kept[key] = found
        return found

    def _fitting(self, name: str, source: str) -> list[Rule]:
        for pattern, part, rules in self._patterns:
            if part in name and fnmatchcase(name, pattern):
                found = about(source, rules)
                if found:
                    return found
        return []


def folded(name: str) -> str:
    """A code or class as it is compared."""
    return name.upper().removeprefix("USERERROR").replace("_", "")


def about(source: str, rules: list[Rule]) -> list[Rule]:
    """Those of the rules that hold for failures of a source."""
    return [rule for rule in rules if not rule.sources or source in rule.sources]
