"""The rule files: `include/rules/*.yaml`, read and checked.

A file is a mapping with up to three parts:

    categories:   per category its default severity, whether repeating may help, and whether it comes in outages
    inherits:     exception class → the class whose rules also hold for it
    rules:        a list of rules, see `Rule`
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rca_plugin.core.category import NOT_REMEDIABLE, Category, Severity
from rca_plugin.core.phrase import Phrase
from rca_plugin.core.rules import Default, Rule, Rules
from rca_plugin.core.yaml_file import LINE, RuleError, items_of, line_of, read_yaml, word


def load_rules(folder: Path, *own: Path) -> Rules:
    """Read `rules/*.yaml` below the data folder, then own files or folders of files.

    What is read later replaces what has the same name: a rule, a category's defaults, the parent of a class.
    RuleError when a file is missing or wrong.
    """
    shipped = folder / "rules"
    read = _Reading()
    for place in (shipped, *own):
        files = [place] if place.is_file() else sorted(place.glob("*.yaml"))
        if not files:
            hint = (
                "check where the plugin's include folder is"
                if place == shipped
                else "name a folder with *.yaml"
            )
            raise RuleError(f"{place}: no rule files here; {hint}")
        read.take(files)
    return Rules.of(read.rules.values(), read.defaults, read.parents)


class _Reading:
    """What was read so far."""

    def __init__(self) -> None:
        self.rules: dict[str, Rule] = {}
        self.defaults: dict[Category, Default] = {}
        self.parents: dict[str, str] = {}

    def take(self, files: Iterable[Path]) -> None:
        """Read files that belong together: among them a name must not stand twice."""
        places: dict[str, str] = {}
        for file in files:
            for line, rule in _read_file(file, self.defaults, self.parents):
                if rule.name in places:
                    place = f"{file.name}:{line}: rule {rule.name!r}"
                    raise RuleError(f"{place} exists twice, also at {places[rule.name]}; rename one of them")
                places[rule.name] = f"{file.name}:{line}"
                self.rules[rule.name] = rule


def _read_file(
    file: Path, defaults: dict[Category, Default], parents: dict[str, str]
) -> Iterator[tuple[int, Rule]]:
    content = read_yaml(file)
    part = next((part for part in content if part not in ("categories", "inherits", "rules", LINE)), None)
    if part is not None:
        raise RuleError(
            f"{file.name}:{line_of(content, part)}: unknown part {part!r}; "
            "allowed are categories, inherits, rules"
        )
    defaults.update(_defaults(file, _part(content, "categories", dict, file)))
    inherits = _part(content, "inherits", dict, file)
    for parent, children in _entries(inherits):
        place = f"{file.name}:{line_of(inherits, parent)}: inherits {parent}"
        parents.update(dict.fromkeys(_texts(children, place), str(parent)))
    for line, entry in items_of(_part(content, "rules", list, file)):
        yield line, _rule(f"{file.name}:{line}", entry)


def _part(content: dict[str, Any], name: str, kind: type[Any], file: Path) -> Any:
    part = content.get(name) or kind()
    if not isinstance(part, kind):
        wanted = "a list, each entry after `- `" if kind is list else "a mapping, `name: …` on each line"
        raise RuleError(
            f"{file.name}:{line_of(content, name)}: `{name}:` is no {kind.__name__}; write {wanted}"
        )
    return part


def _defaults(file: Path, content: Any) -> Iterator[tuple[Category, Default]]:
    for name, entry in _entries(content):
        if not isinstance(entry, dict):
            raise RuleError(
                f"{file.name}:{line_of(content, name)}: category {name!r}: write {{severity: …, remediable: …}}"
            )
        place = f"{file.name}:{entry[LINE]}: category {name!r}"
        category = word(Category, name, place)
        default = Default(
            word(Severity, entry.get("severity"), place),
            remediable=entry.get("remediable") is True,
            outage=entry.get("outage") is True,
        )
        if default.remediable and category in NOT_REMEDIABLE:
            raise RuleError(f"{place}: repeating cannot help this category; set remediable to false")
        yield category, default


def _entries(content: Any) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in content.items() if key != LINE]


_LISTS = ("codes", "exceptions", "phrases", "saying", "sources")
_ALLOWED = {"rule", "category", "remediable", "severity", "strength", "ceiling", "normal", *_LISTS}


def _rule(place: str, entry: Any) -> Rule:
    if isinstance(entry, dict):
        entry.pop(LINE, None)
    if not isinstance(entry, dict) or not entry.get("rule"):
        got = str(entry)[:60]
        raise RuleError(
            f"{place}: a rule is a mapping with the key `rule`; got {got!r}; write `- rule: …`, its name"
        )
    place = f"{place}: rule {entry['rule']!r}"
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
        strength=_percent(entry, "strength", place),
        ceiling=_percent(entry, "ceiling", place),
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


def _percent(entry: dict[str, Any], key: str, place: str) -> int | None:
    value = entry.get(key)
    if value is None or (isinstance(value, int) and 1 <= value <= 100):
        return value
    raise RuleError(f"{place}: {key} is {value!r}; write a whole number from 1 to 100")
