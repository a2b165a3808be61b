"""How a site of Jira wants to be told something: Cloud by version 3 of its API, Data Center by version 2."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

from rca_plugin.core.ticket.adf import adf, text_of
from rca_plugin.core.ticket.block import Block, fitting
from rca_plugin.core.ticket.wiki import wiki


@dataclass(frozen=True)
class Dialect:
    """Of Cloud, or of Data Center."""

    cloud: bool

    @property
    def version(self) -> str:
        """Of the API."""
        return "3" if self.cloud else "2"

    def text(self, blocks: Sequence[Block]) -> Any:
        """A description or a comment."""
        return fitting(blocks, adf if self.cloud else wiki)

    def read_text(self, value: Any) -> str:
        """What a description or a comment says; of Data Center's with its markup, but for character references."""
        return text_of(value) if self.cloud else unescape(str(value or ""))

    def person(self, name: str | None) -> dict[str, str | None]:
        """Somebody, by the account id or the user name, or nobody."""
        return {self._person_key: name}

    def essence(self, name: str, value: Any) -> str:
        """What a field says, whether we send it or read it; the same only for the same. Empty where it says nothing."""
        if not value:
            return ""
        if name == "description":
            # Jira gives line ends and nodes back in its own way.
            words = "".join(self.read_text(value).split())
            return hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:24]
        if isinstance(value, dict):
            return str(value.get(self._person_key if name == "assignee" else "name") or "")
        return str(value)

    @property
    def _person_key(self) -> str:
        return "accountId" if self.cloud else "name"
