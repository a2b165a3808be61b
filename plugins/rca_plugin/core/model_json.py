"""The JSON in an answer of a model, whatever stands around it."""

from __future__ import annotations

import json
from typing import Any

#: Ten times what the longest good answer needs.
LONGEST = 200_000
# Each complaint of the decoder counts the lines up to it: thousands of them would take seconds.
_MOST_TRIES = 50


class DraftError(ValueError):
    """The answer of a model cannot be used. The text says why, with at most one word of the answer."""


def first_object(text: str) -> dict[str, Any]:
    """The first JSON object in a text. DraftError when there is none, or only the beginning of one."""
    if len(text) > LONGEST:
        raise DraftError(f"the answer is too long: {len(text):,} characters, at most {LONGEST:,} are read")
    text = text.rstrip()
    if not text:
        raise DraftError("the answer is empty")
    start = text.find("{")
    for _ in range(_MOST_TRIES):
        if start < 0:
            break
        found, end = _object_at(text, start)
        if found is not None:
            return found
        # From where it went wrong, and not from the next brace: no part is read twice.
        start = text.find("{", max(end, start + 1))
    raise DraftError("the answer has no JSON object in it")


def _object_at(text: str, start: int) -> tuple[dict[str, Any] | None, int]:
    try:
        found, end = json.JSONDecoder().raw_decode(text, start)
    except json.JSONDecodeError as error:
        if error.pos >= len(text) or error.msg.startswith("Unterminated string"):
            raise DraftError("the answer breaks off in the middle of its JSON") from None
        return None, error.pos
    except RecursionError:
        raise DraftError("the JSON of the answer is nested too deeply") from None
    except ValueError:
        # Python reads no number of thousands of digits.
        raise DraftError("the JSON of the answer has a number in it that is too long") from None
    return found, end
