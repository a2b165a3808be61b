"""What incidents of different resources have in common, when something they all need is out of order."""

from __future__ import annotations

import hashlib
import re

from rca_plugin.core.category import Category
from rca_plugin.core.rules import Rules

_MOST_CHARS = 64
_NAME = r"(?P<name>[A-Za-z0-9][\w-]{0,62}(?:\.[\w-]{1,63}){0,8})"
# Where an error says what it could not reach: a URL, a host and its port, or words before a name.
_TARGETS = (
    re.compile(rf"\b[a-z][a-z0-9+.-]{{1,30}}://(?:[^\s/@]{{0,200}}@)?{_NAME}"),
    re.compile(rf"(?<![\w./-]){_NAME}:(?:\d{{2,5}}|<\w+>)(?![\d:.])"),
    re.compile(
        rf"\b(?:server at|host(?:name)?|server|endpoint|database)[ =:]{{1,3}}[\"'`]?{_NAME}", re.IGNORECASE
    ),
)
_NO_TARGET = re.compile(
    r"\A(?:\d+|is|was|has|not|and|or|in|on|to|at|for|by|closed|error|errors|failed|failure|unavailable|unreachable|name|"
    r"address|port|the|a|an|cannot|could|does|did|rejected|refused|returned|timed|timeout|connection|localhost|"
    r"[\w.-]+\.(?:py|pyx|java|scala|go|js|ts|sql|c|cc|cpp|rs|kt))\Z",
    re.IGNORECASE,
)


def cause_of(category: Category, signature: str, rules: Rules) -> str:
    """The same text for failures that one cause may explain, at most 64 characters.

    Of a category that comes in outages that is the category, with what could not be reached if the error says it: the
    same broken database says `refused` to one task and `timed out` to another. Of any other category only the very
    same error counts.
    """
    if not rules.defaults[category].outage:
        return _digest(signature)
    target = target_of(signature)
    cause = f"{category.value}@{target}" if target else category.value
    return cause if len(cause) <= _MOST_CHARS else _digest(cause)


def target_of(signature: str) -> str | None:
    """The host that an error names, in lower case; None if it names none."""
    for pattern in _TARGETS:
        for found in pattern.finditer(signature):
            if not _NO_TARGET.match(found["name"]):
                return found["name"].lower()
    return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
