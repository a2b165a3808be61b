"""Text from outside, made safe to store: no control characters, bounded length."""

from __future__ import annotations

import re

# NUL cannot be stored by PostgreSQL, lone surrogates by nothing; the others only garble terminals and pages.
_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_ANSI = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")


def clean(text: str) -> str:
    """The text without terminal colors, control characters and lone surrogates."""
    return _UNSAFE.sub("", _ANSI.sub("", text))


def head(text: str, limit: int) -> str:
    """At most `limit` characters from the beginning."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def tail(text: str, limit: int) -> str:
    """At most `limit` characters from the end: where a traceback names its error."""
    return text if len(text) <= limit else "…" + text[-(limit - 1) :]
