"""The rules that say which evidence means which category: read from files, checked, indexed.

A file in `include/rules/` is a mapping with up to three parts:

    categories:   per category its default severity and whether repeating may help
    inherits:     exception class → the class whose rules also hold for it
    rules:        a list of rules, see `Rule`

There are no regular expressions in the data. A phrase is plain text in which `*` stands for anything
on the same line, so no rule can make the classifier slow, whatever log it meets.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

import yaml

from rca_plugin.core.category import NOT_REMEDIABLE, Category, Severity

#: Ten times faster than the Python loader; PyYAML's wheels carry it, a source build may not.
_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_LINE = "__line__"
_Word = TypeVar("_Word", Category, Severity)


class RuleError(ValueError):
    """A data file cannot be used. The text names file, line and entry, and says what to do."""


@dataclass(frozen=True)
class Phrase:
    """Text that must stand in one line, in this order; see `Phrase.of`."""

    fragments: tuple[str, ...]
    open_start: bool
    open_end: bool

    @classmethod
    def of(cls, text: str) -> Phrase:
        """Read `connection to * refused`: case is ignored, `*` is anything on the line.

        A phrase that begins or ends with a letter or digit matches whole words only
        ("oom" is not in "room_id"); a `*` at that end lifts this.
        """
        folded = " ".join(text.lower().split())
        fragments = tuple(part for part in (f.strip() if f != " " else f for f in folded.split("*")) if part)
        if not fragments:
            raise ValueError(f"the phrase {text!r} has no text")
        return cls(fragments, folded.startswith("*"), folded.endswith("*"))

    def find(self, line: str) -> int:
        """Where the phrase starts in a lower-case line, or -1. Time is linear in the line."""
        start = line.find(self.fragments[0])
        while start >= 0:
            if self._opens(line, start):
                return start if self._continues(line, start) else -1
            start = line.find(self.fragments[0], start + 1)
        return -1

    def _opens(self, line: str, start: int) -> bool:
        if not self.open_start and _joined(line, start):
            return False
        return len(self.fragments) > 1 or self._closes(line, start + len(self.fragments[0]))

    def _continues(self, line: str, start: int) -> bool:
        end = start + len(self.fragments[0])
        for fragment in self.fragments[1:-1]:
            at = line.find(fragment, end)
            if at < 0:
                return False
            end = at + len(fragment)
        return len(self.fragments) == 1 or self._ends(line, end)

    def _ends(self, line: str, start: int) -> bool:
        last = self.fragments[-1]
        at = line.find(last, start)
        while at >= 0 and not self._closes(line, at + len(last)):
            at = line.find(last, at + 1)
        return at >= 0

    def _closes(self, line: str, end: int) -> bool:
        return self.open_end or not _joined(line, end)


def _joined(line: str, at: int) -> bool:
    """Whether the characters on both sides of a position belong to one word."""
    return 0 < at < len(line) and _in_word(line[at - 1]) and _in_word(line[at])


def _in_word(char: str) -> bool:
    return char.isalnum() or char == "_"


@dataclass(frozen=True)
class Rule:
    """One line of knowledge: any of these codes, exceptions or phrases means this category.

    codes: exact codes, case ignored, `*` at either end allowed; `http:503`, `errno:111`,
        `sqlstate:08*`, `exit:137`, `signal:9`, `ora:12541`, … for numbers that mean nothing alone.
    exceptions: class names without their package; subclasses follow from `inherits`.
    saying: if given, one of these phrases must stand in the text as well.
    sources: if given, only for failures of these sources.
    strength: 1 to 100, how much this evidence proves; None takes the default of its kind.
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
    normal: bool = False


@dataclass(frozen=True)
class Default:
    """What holds for a category when the rule says nothing else."""

    severity: Severity
    remediable: bool


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


def load_rules(folder: Path) -> Rules:
    """Read `rules/*.yaml` below the data folder. RuleError when a file is missing or wrong."""
    files = sorted((folder / "rules").glob("*.yaml"))
    if not files:
        raise RuleError(f"{folder / 'rules'}: no rule files here; check where the plugin's include folder is")
    rules: dict[str, Rule] = {}
    defaults: dict[Category, Default] = {}
    parents: dict[str, str] = {}
    for file in files:
        for rule in _read_file(file, defaults, parents):
            if rule.name in rules:
                raise RuleError(f"{file.name}: rule {rule.name!r} exists twice; rename one of them")
            rules[rule.name] = rule
    return Rules.of(rules.values(), defaults, parents)


def _read_file(file: Path, defaults: dict[Category, Default], parents: dict[str, str]) -> Iterator[Rule]:
    content = read_yaml(file)
    unknown = set(content) - {"categories", "inherits", "rules", _LINE}
    if unknown:
        raise RuleError(
            f"{file.name}:1: unknown part {min(unknown)!r}; allowed are categories, inherits, rules"
        )
    defaults.update(_defaults(file, content.get("categories") or {}))
    for parent, children in _entries(content.get("inherits") or {}):
        parents.update(dict.fromkeys(_texts(children, f"{file.name}: inherits {parent}"), parent))
    for entry in content.get("rules") or []:
        yield _rule(file, entry)


def _defaults(file: Path, content: Any) -> Iterator[tuple[Category, Default]]:
    for name, entry in _entries(content):
        place = f"{file.name}: category {name!r}"
        category = word(Category, name, place)
        default = Default(word(Severity, entry.get("severity"), place), entry.get("remediable") is True)
        if default.remediable and category in NOT_REMEDIABLE:
            raise RuleError(f"{place}: repeating cannot help this category; set remediable to false")
        yield category, default


def _entries(content: Any) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in content.items() if key != _LINE]


_LISTS = ("codes", "exceptions", "phrases", "saying", "sources")
_ALLOWED = {"rule", "category", "remediable", "severity", "strength", "normal", *_LISTS}


def _rule(file: Path, entry: Any) -> Rule:
    if not isinstance(entry, dict) or not entry.get("rule"):
        raise RuleError(
            f"{file.name}: a rule is a mapping with the key `rule`, its name; got {str(entry)[:60]!r}"
        )
    place = f"{file.name}:{entry.pop(_LINE, 0)}: rule {entry['rule']!r}"
    _check_keys(entry, place)
    lists = {key: _texts(entry.get(key) or [], f"{place}: {key}") for key in _LISTS}
    if not (lists["codes"] or lists["exceptions"] or lists["phrases"]):
        raise RuleError(f"{place}: nothing to match; give codes, exceptions or phrases")
    severity = entry.get("severity")
    return Rule(
        name=str(entry["rule"]),
        category=word(Category, entry.get("category"), place),
        codes=lists["codes"],
        exceptions=lists["exceptions"],
        phrases=_phrases(lists["phrases"], place),
        saying=_phrases(lists["saying"], place),
        sources=frozenset(lists["sources"]),
        remediable=_remediable(entry, place),
        severity=None if severity is None else word(Severity, severity, place),
        strength=_strength(entry.get("strength"), place),
        normal=entry.get("normal") is True,
    )


def _check_keys(entry: dict[str, Any], place: str) -> None:
    for key in entry:
        if key not in _ALLOWED:
            close = difflib.get_close_matches(str(key), _ALLOWED, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(sorted(_ALLOWED))}"
            raise RuleError(f"{place}: unknown key {key!r}; {hint}")


def _texts(value: Any, place: str) -> tuple[str, ...]:
    items = [value] if isinstance(value, (str, int)) else value
    if not isinstance(items, list) or not all(type(i) in (str, int) for i in items):
        raise RuleError(f"{place}: write a list of texts; put quotes around words such as NO and ON")
    return tuple(str(item) for item in items)


def _phrases(texts: Iterable[str], place: str) -> tuple[Phrase, ...]:
    try:
        return tuple(Phrase.of(text) for text in texts)
    except ValueError as error:
        raise RuleError(f"{place}: {error}; write at least one word") from None


def _remediable(entry: dict[str, Any], place: str) -> bool | None:
    value = entry.get("remediable")
    if value not in (None, True, False):
        raise RuleError(f"{place}: remediable is {value!r}; write true or false")
    if value and entry.get("category") in {category.value for category in NOT_REMEDIABLE}:
        raise RuleError(f"{place}: {entry['category']} is never remediable; remove `remediable: true`")
    return value


def _strength(value: Any, place: str) -> int | None:
    if value is None or (isinstance(value, int) and 1 <= value <= 100):
        return value
    raise RuleError(f"{place}: strength is {value!r}; write a whole number from 1 to 100")


def word(kind: type[_Word], value: Any, place: str) -> _Word:
    """The enum member with this value; RuleError naming `place` and the closest allowed word if none."""
    try:
        return kind(value)
    except ValueError:
        allowed = [member.value for member in kind]
        close = difflib.get_close_matches(str(value), allowed, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(allowed)}"
        raise RuleError(f"{place}: {value!r} is not a {kind.__name__.lower()}; {hint}") from None


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping a YAML file holds. RuleError naming file and line when it is not one."""
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), _Loader)  # noqa: S506, a safe loader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise RuleError(f"{file.name}{line}: not readable as YAML: {error}; fix the syntax") from error
    if not isinstance(content, dict):
        raise RuleError(f"{file.name}:1: expected a mapping at the top, got {type(content).__name__}")
    return content


class _Loader(_BaseLoader):  # type: ignore[misc]
    """The safe loader, which also notes in every mapping the line it starts on."""


def _mapping(loader: Any, node: Any) -> dict[str, Any]:
    content: dict[str, Any] = loader.construct_mapping(node, deep=True)
    content[_LINE] = node.start_mark.line + 1
    return content


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
