"""What an analysis must never be, whatever a model said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rca_plugin.core.analysis import GEMINI, Analysis, analysis_to_json
from rca_plugin.core.category import NOT_REMEDIABLE, Category, Severity
from rca_plugin.core.classification import Classification
from rca_plugin.core.knowledge import Knowledge
from rca_plugin.core.rules import Rules
from rca_plugin.core.text import folded

SURE = 0.6
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)
_ACTIVE = {
    "an address": re.compile(
        r"(?i)\w[:\uff1a][/\uff0f]{2}|[/\uff0f]{2}\w+\.|www\.|\b(?:mailto|javascript|data|ftp):\S"
    ),
    "a bare address": re.compile(r"(?i)\bevil\.example\b"),
    "markup": re.compile(r"<\s{0,9}[a-zA-Z/!?@#]"),
    "a link or an image": re.compile(r"\]\(|!\["),
}
_ORDER = [Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL]


def harm(
    found: Analysis,
    classification: Classification,
    source: str,
    rules: Rules,
    knowledge: Mapping[Category, Knowledge],
    resource: str = "",
) -> Iterator[str]:
    """All that is wrong with it; nothing should be."""
    yield from _action(found, classification, source, rules, knowledge)
    yield from _verdict(found, classification, rules)
    for text in texts(found):
        if _UNSEEN.search(text):
            yield f"something invisible in {text!r}"
        if found.method == GEMINI:
            # What the knowledge base quotes is the log's, and shown as such.
            own = re.sub(r"“[^”]*”", "“”", text if text != folded(resource) else "")
            yield from (f"{name} in {text!r}" for name, pattern in _ACTIVE.items() if pattern.search(own))


def texts(found: Analysis) -> Iterator[str]:
    """Every text of it, but what it quotes of the evidence and the addresses of our own runbooks."""
    shown = {
        key: value for key, value in analysis_to_json(found).items() if key not in ("quotes", "runbooks")
    }
    return _strings(shown)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _action(
    found: Analysis,
    classification: Classification,
    source: str,
    rules: Rules,
    knowledge: Mapping[Category, Knowledge],
) -> Iterator[str]:
    if found.suggested_action is None:
        return
    allowed = {action.name for action in knowledge[found.category].actions if action.fits(source)}
    if found.suggested_action not in allowed:
        yield f"{found.suggested_action}, which {found.category.value} does not allow for {source}"
    ours = found.category is classification.category and _sure(classification)
    may = classification.remediable if ours else rules.defaults[found.category].remediable
    if found.category in NOT_REMEDIABLE or found.category is Category.UNKNOWN or not may:
        yield f"{found.suggested_action}, where repeating cannot help"


def _verdict(found: Analysis, classification: Classification, rules: Rules) -> Iterator[str]:
    floor = rules.defaults[found.category].severity
    if _sure(classification):
        floor = classification.severity
        if found.category is not classification.category:
            yield f"{found.category.value}, where the rules know it is {classification.category.value}"
    if _ORDER.index(found.severity) < _ORDER.index(floor):
        yield f"severity {found.severity.value} below {floor.value}"


def _sure(classification: Classification) -> bool:
    known = classification.category is not Category.UNKNOWN
    return known and classification.rule is not None and classification.confidence >= SURE
