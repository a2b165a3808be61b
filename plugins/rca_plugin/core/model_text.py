"""Words of a model as plain text: no address, no markup, nothing that our own prose would read as a citation."""

from __future__ import annotations

import re

from rca_plugin.core.text import folded, head

#: What stands in place of an address.
REMOVED = "[address left out]"
# Taking something out can put together what stood on both sides of it. No honest text needs a second pass.
_MOST_PASSES = 8

_TAG = re.compile(
    r"<(?:[/!@#?]|(?:a|b|i|u|s|p|q|br|hr|em|tt|li|ul|ol|td|th|tr|div|img|pre|svg|del|ins|sub|sup|big|code|span|form"
    r"|math|base|meta|link|body|html|head|font|input|style|video|audio|embed|table|small|strong|script|iframe"
    r"|object|button|marquee|details|template)\b|\w[^<>=]{0,80}=)[^<>]{0,2000}>",
    re.IGNORECASE,
)
_MARKDOWN_LINK = re.compile(r"!?\[([^\[\]]{0,500})\]\([^()]{0,2000}\)")
# Full-width colons and slashes too: some readers fold them.
_ADDRESS = re.compile(
    r"(?:[\w+.-]{0,20}[:\uff1a][/\\\uff0f\uff3c]{2}"
    r"|\b(?:javascript|vbscript|data|mailto|tel|sms|file|blob|about|https?|ftp|view-source)[:\uff1a](?=\S)"
    r"|\bwww\."
    r"|(?<![\w:/\\])[/\\\uff0f\uff3c]{2}(?=[\w-]{1,63}\.))"
    r"(?:\S*[^\s.,;:!?)\]}'\"`”])?",
    re.IGNORECASE,
)
_CITATION = re.compile(r" ?\(\s*E\d{1,9}(?:\s*[,;]\s*E\d{1,9}){0,50}\s*\)")
#: What begins a citation in our prose.
_OPENING = re.compile(r"\(+(?=E\d)")
_TICKS = re.compile(r"`+")


def plain(text: str, limit: int) -> str:
    """One line of at most `limit` characters, safe to stand in our prose. Empty when nothing is left."""
    text = head(folded(text), limit)
    for _ in range(_MOST_PASSES):
        cleaned = _pass(text)
        if cleaned == text:
            return text
        text = cleaned[:limit]
    return ""


def _pass(text: str) -> str:
    text = _MARKDOWN_LINK.sub(r"\1", _TAG.sub("", text))
    text = text.replace("](", "] (").replace("<", "\u2039").replace(">", "\u203a")
    text = _OPENING.sub("", _CITATION.sub("", _even_ticks(text)))
    return folded(_ADDRESS.sub(REMOVED, text))


def _even_ticks(text: str) -> str:
    """Backticks only in pairs: one alone would make code of all that follows, our citations too."""
    text = _TICKS.sub("`", text)
    return text.replace("`", "") if text.count("`") % 2 else text
