"""The key of a ticket, such as DATA-7."""

from __future__ import annotations

import re

#: As Jira allows them: https://confluence.atlassian.com/adminjiraserver/changing-the-project-key-format-938847081.html
KEY = r"[A-Z][A-Z0-9_]{1,60}-[1-9][0-9]{0,18}"
_PAGE = re.compile(rf"https?://[^\s?#]+/browse/({KEY})/?")


def is_key(text: str) -> bool:
    """Whether this is the key of a ticket."""
    return re.fullmatch(KEY, text, re.ASCII) is not None


def key_of(url: str) -> str | None:
    """The key of the ticket whose page this is; None for an address that is none."""
    found = _PAGE.fullmatch(url)
    return found and found[1]


def page_of(url: str, key: str) -> str:
    """The page of the ticket with this key, beside that of another."""
    return f"{url.rstrip('/').rpartition('/')[0]}/{key}"
