"""The rules that say which evidence means which category, indexed for looking up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rca_plugin.core.category import Category, Severity
from rca_plugin.core.name_index import NameIndex
from rca_plugin.core.phrase import Phrase
from rca_plugin.core.phrase_index import PhraseIndex
from rca_plugin.core.yaml_file import RuleError


@dataclass(frozen=True)
class Rule:
    """One line of knowledge: any of these codes, exceptions or phrases means this category.

    codes: exact codes, case and underscores ignored, `*` at either end allowed; `http:503`, `errno:111`,
        `sqlstate:08*`, `exit:137`, `signal:9`, `ora:12541`, … for numbers that mean nothing alone.
    exceptions: class names without their package; subclasses follow from `inherits`.
    saying: if given, one of these phrases must stand in the text as well, be it in a traceback's file or source lines.
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
    """All rules that hold, indexed for looking up."""

    rules: tuple[Rule, ...]
    defaults: Mapping[Category, Default]
    parents: Mapping[str, str]
    phrases: PhraseIndex = field(repr=False)
    _codes: NameIndex = field(repr=False)
    _exceptions: NameIndex = field(repr=False)

    @classmethod
    def of(
        cls, rules: Iterable[Rule], defaults: Mapping[Category, Default], parents: Mapping[str, str]
    ) -> Rules:
        """Index the rules. Every category needs a default, else RuleError."""
        missing = sorted(category.value for category in Category if category not in defaults)
        if missing:
            raise RuleError(f"no default for {', '.join(missing)}: add them under `categories:`")
        listed = tuple(rules)
        codes = NameIndex.of((code, rule) for rule in listed for code in rule.codes)
        exceptions = NameIndex.of((name, rule) for rule in listed for name in rule.exceptions)
        return cls(listed, defaults, parents, PhraseIndex.of(listed), codes, exceptions)

    def for_code(self, code: str, source: str, *, loosely: bool = False) -> list[Rule]:
        """Rules for a code or its parent (`A.B` → `A`); with `loosely`, those with a `*` if there is none."""
        exact = self._codes.exactly(code, source) or self._codes.exactly(code.partition(".")[0], source)
        return exact or (self._codes.loosely(code, source) if loosely else [])

    def for_exception(self, name: str, source: str) -> list[Rule]:
        """Rules for an exception class, else for its nearest known ancestor, else by its ending."""
        for ancestor in self._lineage(name):
            found = self._exceptions.exactly(ancestor, source)
            if found:
                return found
        return self._exceptions.loosely(name, source)

    def is_exception(self, name: str) -> bool:
        """Whether a rule or another class names this class."""
        return name in self.parents or name in self._exceptions

    def _lineage(self, name: str) -> Iterator[str]:
        seen: set[str] = set()
        while name and name not in seen:
            seen.add(name)
            yield name
            name = self.parents.get(name, "")
