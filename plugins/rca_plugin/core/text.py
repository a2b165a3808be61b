"""Text from outside, made safe to store: no control characters, bounded length."""

from __future__ import annotations

import re

# NUL cannot be stored by PostgreSQL, lone surrogates by nothing; the others only garble terminals and pages.
_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_ANSI = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
# What no eye sees, or what turns the order of what it sees: soft hyphens, fillers, marks of direction, zero-width
# characters, variation selectors, and the tag characters, in which whole sentences can be hidden.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)


def clean(text: str) -> str:
    """The text without terminal colors, control characters and lone surrogates."""
    return _UNSAFE.sub("", _ANSI.sub("", text))


def visible(text: str) -> str:
    """The clean text without what is invisible in it, such as marks of direction and zero-width characters.

    A secret may only be seen as one afterwards: what is redacted is redacted again.
    """
    return _INVISIBLE.sub("", clean(text))


def folded(text: str) -> str:
    """On one line, every white space a single space, nothing invisible: how texts are compared and quoted."""
    return " ".join(visible(text).split())


def head(text: str, limit: int) -> str:
    """At most `limit` characters from the beginning."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def tail(text: str, limit: int) -> str:
    """At most `limit` characters from the end: where a traceback names its error."""
    return text if len(text) <= limit else "…" + text[-(limit - 1) :]
