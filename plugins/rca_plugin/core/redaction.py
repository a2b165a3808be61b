"""Take secrets out of text before it is stored, shown or sent.

What is masked: values behind names of secrets, passwords in URLs and connection strings, credentials in headers,
tokens of known shape, private keys, the person in an e-mail address, and what an operator's own patterns find.
Run ids, cluster ids, hosts and paths stay: a diagnosis needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rca_plugin.core.secret_name import is_secret_name, lower
from rca_plugin.core.secret_shape import ENCLOSING, tokens
from rca_plugin.core.secret_value import MASK, without_named_values

MOST_PATTERNS = 20
PATTERN_CHARS = 500
# No real payload is deeper, and Python's stack is not endless.
_DEPTH = 60


def own_patterns(lines: str) -> tuple[str, ...]:
    """Read the patterns of an operator: one regular expression (RE2) a line.

    Raises ValueError for one that is no expression, is too long, is one too many, or finds the empty text.
    """
    patterns = tuple(line for raw in lines.splitlines() if (line := raw.strip()))
    if len(patterns) > MOST_PATTERNS:
        raise ValueError(f"more than {MOST_PATTERNS} patterns")
    for pattern in patterns:
        if len(pattern) > PATTERN_CHARS or _compiled(pattern).search(b""):
            raise ValueError(f"too long, or finds the empty text: the pattern {pattern}")
    return patterns


def _compiled(pattern: str) -> Any:
    # Not `re`: it can be made to backtrack for minutes, and this runs while failures are taken in.
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise ValueError(f"not a regular expression (RE2): {pattern!r}") from error


def _nothing_known(text: str) -> str:
    return text


@dataclass(frozen=True)
class Redactor:
    """Masks secrets. Redacting twice changes nothing more.

    `patterns` are an operator's own: what they find is masked. `known` masks values that are known to be
    secret, and goes first.
    """

    patterns: tuple[str, ...] = ()
    known: Callable[[str], str] = _nothing_known

    def text(self, text: str) -> str:
        """The text without its secrets."""
        text = self.known(text)
        lowered = lower(text)
        for shape in ENCLOSING:
            text = shape.without(text, lowered)
        text = without_named_values(text, lower(text))
        for shape in tokens():
            text = shape.without(text, lowered)
        for pattern in self._own:
            text = _without(pattern, text)
        return text

    def tree(self, value: Any) -> Any:
        """The same for a JSON value: texts and keys are redacted, and so is all that stands under a secret's name."""
        return self._tree(value, _DEPTH)

    def _tree(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if depth == 0:
            return MASK
        if isinstance(value, (list, tuple)):
            return [self._tree(item, depth - 1) for item in value]
        if isinstance(value, dict):
            named = {"value"} if is_secret_name(str(value.get("name", ""))) else set()
            return {self._key(key): self._entry(key, item, named, depth - 1) for key, item in value.items()}
        return value

    def _key(self, key: Any) -> Any:
        return self.text(key) if isinstance(key, str) else key

    def _entry(self, key: Any, item: Any, named: set[str], depth: int) -> Any:
        secret = isinstance(key, str) and (key in named or is_secret_name(key))
        return MASK if secret and item not in (None, "", True, False) else self._tree(item, depth)

    @cached_property
    def _own(self) -> tuple[Any, ...]:
        return tuple(_compiled(pattern) for pattern in self.patterns)


def _without(pattern: Any, text: str) -> str:
    # What is masked already is not looked at: a pattern that finds "*" would mask the masks.
    parts = text.encode("utf-8", "replace").split(MASK.encode())
    return MASK.join(pattern.sub(MASK.encode(), part).decode() for part in parts)
