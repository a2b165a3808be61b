"""What an exception says. It is anybody's class: whatever it does when it is asked, nothing is raised here."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

#: How much of a text is sent and classified. The server keeps less; this keeps it small whatever was raised.
TEXT_CHARS = 20_000
#: Nobody wraps an error more often; a chain may also be a circle.
_LONGEST_CHAIN = 50


def text_of(error: BaseException | str | None) -> str:
    """The text of an exception, of any length."""
    if error is None:
        return "The task failed without an exception"
    try:
        return _encodable(str(error))
    except Exception:  # a user's own exception class may fail to describe itself
        return f"(the text of this {type(error).__name__} cannot be read)"


def traceback_of(error: BaseException | str | None) -> str:
    """The traceback of an exception with all that caused it, of any length; empty where there is none."""
    if not isinstance(error, BaseException):
        return ""
    try:
        return _encodable("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    except Exception:
        return ""


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """The exception and what caused it, the innermost last, as its traceback shows them."""
    seen: set[int] = set()
    raised: BaseException | None = error
    while raised is not None and id(raised) not in seen and len(seen) < _LONGEST_CHAIN:
        seen.add(id(raised))
        yield raised
        hidden = raised.__cause__ is not None or raised.__suppress_context__
        raised = raised.__cause__ if hidden else raised.__context__


def attribute_of(value: object, name: str) -> Any:
    """An attribute of an exception or of what it carries; None where there is none, or reading it fails."""
    try:
        return getattr(value, name, None)
    except Exception:
        return None


def _encodable(text: str) -> str:
    """Lone surrogates, which os.fsdecode makes of odd file names, are not valid in JSON."""
    return text.encode("utf-8", "replace").decode("utf-8")
