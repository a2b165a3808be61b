"""The conditions in the file about repairs: what they may ask for, and what nobody can allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rca_plugin.core.category import NOT_REMEDIABLE, Category, Priority
from rca_plugin.core.failure import Source
from rca_plugin.core.knowledge import ACTIONS
from rca_plugin.core.matcher import Matcher, Matchers
from rca_plugin.core.yaml_file import RuleError
from rca_plugin.core.yaml_value import when, wrong

#: What conditions can ask for: nothing that whoever reports a failure can choose as it likes, such as its message.
FACTS = ("category", "source", "environment", "resource")
#: The same, where a repair is known: its action, and what is repaired, such as `cluster:<workspace>/<id>`.
ACTION_FACTS = (*FACTS, "action", "target")

_WORDS: Mapping[str, tuple[str, ...]] = {
    "category": tuple(category.value for category in Category),
    "source": tuple(source.value for source in Source),
    "action": tuple(ACTIONS),
    "priority": tuple(priority.value for priority in Priority),
}
_POSITIVE = ("=", "=~")


def condition(file: Path, entry: Mapping[str, Any], allowed: Sequence[str]) -> Matchers | None:
    """The `when` of an entry; None where it has none. RuleError for a fact that is not allowed and a word that
    nothing can match.
    """
    found = when(file, entry)
    for matcher in found.all if found else ():
        if matcher.name not in allowed:
            raise _wrong(file, entry, f"{matcher.name} cannot be asked for; allowed are {', '.join(allowed)}")
        if matcher.name in _WORDS and not _meant(matcher):
            raise _wrong(file, entry, f"{matcher} matches none of {', '.join(_WORDS[matcher.name])}")
    return found


def check_repairable(file: Path, entry: Mapping[str, Any], found: Matchers | None) -> None:
    """RuleError for a condition that names a category that is never repaired."""
    for matcher in found.all if found else ():
        if matcher.name != "category" or matcher.op not in _POSITIVE:
            continue
        for name in _meant(matcher):
            if Category(name) in NOT_REMEDIABLE:
                raise _wrong(
                    file, entry, f"{matcher} means {name}, which is never repaired; only off is possible"
                )


def _meant(matcher: Matcher) -> list[str]:
    return [word for word in _WORDS[matcher.name] if matcher.matches({matcher.name: word})]


def _wrong(file: Path, entry: Mapping[str, Any], problem: str) -> RuleError:
    return wrong(file, entry, "when", f"when: {problem}")
