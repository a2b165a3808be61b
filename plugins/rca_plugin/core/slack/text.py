"""Text of anybody's as Slack shows it: as it is, and never as a mention, a link or formatting.

Lengths are as Slack may count them: after escaping, in UTF-16. Its own documents do not say.
"""

from __future__ import annotations

import re
from typing import Any

from rca_plugin.core.exhibit import readable

_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_NOT_WORDS = re.compile(r"[^\w\s/()=+-]+")
# A client may link a URL by itself, wherever it stands.
_URL = re.compile(r":(?=//)")
_GAP = "…"


def plain(text: str, limit: int) -> dict[str, Any]:
    """A text object of at most so many characters, of the beginning of a text."""
    shown = beginning(_URL.sub(": ", readable(text)).strip(), limit)
    # Never mrkdwn, in which much can be said that is no text. An empty one is refused.
    return {"type": "plain_text", "text": escaped(shown) or "-", "emoji": False}


def code(text: str, limit: int) -> dict[str, Any]:
    """A block with the end of a text, which is where a traceback names its error, in a fixed-width font."""
    element = {"type": "text", "text": end(readable(text).strip("\n"), limit) or "-"}
    preformatted = {"type": "rich_text_preformatted", "elements": [element]}
    return {"type": "rich_text", "elements": [preformatted]}


def words(text: str, limit: int) -> str:
    """What is left of the beginning of a text for notifications, where Slack knows no plain text: only its words."""
    return beginning(" ".join(_NOT_WORDS.sub(" ", readable(text)).split()), limit)


def minute(at: str) -> str:
    """A moment to the minute, as the API says it: in UTC."""
    return f"{at[:16].replace('T', ' ')} UTC"


def escaped(text: str) -> str:
    """Without Slack's three control characters."""
    return "".join(_ESCAPED.get(char, char) for char in text)


def end(text: str, limit: int) -> str:
    """The last lines of a text that fit; of one line that is too long, its end."""
    if length(text) <= limit:
        return text
    kept = beginning(text[::-1], limit - 1, mark="")[::-1]
    first = kept.find("\n", 0, len(kept) // 2)
    return f"{_GAP}\n{kept[first + 1 :]}" if first >= 0 else _GAP + kept


def length(text: str) -> int:
    """How long it is at most, as Slack counts."""
    return sum(_cost(char) for char in text)


def beginning(text: str, limit: int, mark: str = _GAP) -> str:
    """As much of the beginning of a text as fits, with a mark where something is left out."""
    if length(text) <= limit:
        return text
    left = limit - len(mark)
    for place, char in enumerate(text):
        left -= _cost(char)
        if left < 0:
            return text[:place] + mark
    return text


def _cost(char: str) -> int:
    return len(_ESCAPED.get(char, char)) if char <= "\uffff" else 2
