"""The rules that say which evidence means which category, indexed for looking up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from rca_plugin.core.category import Category, Severity
from rca_plugin.core.phrase import Phrase
from rca_plugin.core.yaml_file import RuleError


@dataclass(frozen=True)
class Rule:
    """One line of knowledge: any of these codes, exceptions or phrases means this category.

    codes: exact codes, case ignored, `*` at either end allowed; `http:503`, `errno:111`,
        `sqlstate:08*`, `exit:137`, `signal:9`, `ora:12541`, … for numbers that mean nothing alone.
    exceptions: class names without their package; subclasses follow from `inherits`.
    saying: if given, one of these phrases must stand in the text as well.
    sources: if given, only for failures of these sources.
    strength: 1 to 100, how much this evidence proves; None takes the default of its kind.
    ceiling: 1 to 100, the most to trust it where whoever says it is guessing too; None sets no limit.
    normal: nothing failed (the user stopped it, the cluster was idle).
    """

    name: str
    category: Category
    codes: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    saying: tuple[Phrase, ...] = ()
    sources: frozenset[str] = frozenset()
    remediable: bool | None = None
    severity: Severity | None = None
    strength: int | None = None
    ceiling: int | None = None
    normal: bool = False


@dataclass(frozen=True)
class Default:
    """What holds for a category when the rule says nothing else."""

    severity: Severity
    remediable: bool
    #: One cause outside may fail many resources at once: a database, a network, a cloud, an account.
    outage: bool = False


@dataclass(frozen=True)
class Rules:
    """All rules of a folder, indexed for looking up."""

    rules: tuple[Rule, ...]
    defaults: Mapping[Category, Default]
    parents: Mapping[str, str]
    _by_code: Mapping[str, list[Rule]] = field(repr=False)
    _by_exception: Mapping[str, list[Rule]] = field(repr=False)

    @classmethod
    def of(
        cls, rules: Iterable[Rule], defaults: Mapping[Category, Default], parents: Mapping[str, str]
    ) -> Rules:
        """Index the rules. Every category needs a default, else RuleError."""
        missing = sorted(category.value for category in Category if category not in defaults)
        if missing:
            raise RuleError(f"no default for {', '.join(missing)}: add them under `categories:`")
        listed = tuple(rules)
        return cls(listed, defaults, parents, _index(listed, "codes"), _index(listed, "exceptions"))

    def for_code(self, code: str, source: str, *, loosely: bool = False) -> list[Rule]:
        """Rules for a code or its parent (`A.B` → `A`); with `loosely`, those with a `*` if there is none."""
        folded = code.upper().removeprefix("USERERROR")
        exact = self._spoken(folded, source) or self._spoken(folded.partition(".")[0], source)
        return exact or (_loose(self._by_code, folded, source) if loosely else [])

    def for_exception(self, name: str, source: str) -> list[Rule]:
        """Rules for an exception class, else for its nearest known ancestor, else by its ending."""
        for ancestor in self._lineage(name):
            found = _about(source, self._by_exception.get(ancestor.upper(), []))
            if found:
                return found
        return _loose(self._by_exception, name.upper(), source)

    def phrased(self, source: str) -> list[Rule]:
        """The rules with phrases."""
        return _about(source, [rule for rule in self.rules if rule.phrases])

    def _spoken(self, code: str, source: str) -> list[Rule]:
        return _about(source, self._by_code.get(code, []))

    def _lineage(self, name: str) -> Iterator[str]:
        seen: set[str] = set()
        while name and name not in seen:
            seen.add(name)
            yield name
            name = self.parents.get(name, "")


def _index(rules: tuple[Rule, ...], kind: str) -> dict[str, list[Rule]]:
    index: dict[str, list[Rule]] = {}
    for rule in rules:
        for key in getattr(rule, kind):
            index.setdefault(key.upper().removeprefix("USERERROR"), []).append(rule)
    return index


def _loose(index: Mapping[str, list[Rule]], key: str, source: str) -> list[Rule]:
    """Rules whose pattern with `*` fits; the longest such pattern speaks."""
    fitting = (pattern for pattern in index if "*" in pattern and fnmatchcase(key, pattern))
    spoken = (_about(source, index[pattern]) for pattern in sorted(fitting, key=len, reverse=True))
    return next((rules for rules in spoken if rules), [])


def _about(source: str, rules: list[Rule]) -> list[Rule]:
    return [rule for rule in rules if not rule.sources or source in rule.sources]
