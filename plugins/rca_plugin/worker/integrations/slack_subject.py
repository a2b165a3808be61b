"""What is posted about, as the metadata of a message says it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Subject:
    """An event type, and values that nothing else of the type has. Nothing was posted about it before `since`."""

    event_type: str
    identity: Mapping[str, Any]
    since: datetime

    def metadata(self, part: str, digest: str) -> dict[str, Any]:
        """That of one part of what is posted, with this content."""
        payload = {**self.identity, "part": part, "digest": digest}
        return {"event_type": self.event_type, "event_payload": payload}

    def payload(self, posted: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a message says in metadata of this type; nothing where it has no such."""
        said = posted.get("metadata") or {}
        payload: Mapping[str, Any] = said.get("event_payload") or {}
        return payload if said.get("event_type") == self.event_type else {}

    def among(
        self, pages: Iterable[Iterable[dict[str, Any]]], part: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """The messages about it, or only those that are one part."""
        wanted = {**self.identity, "part": part} if part else self.identity
        for page in pages:
            for posted in page:
                said = self.payload(posted)
                if said and all(said.get(name) == value for name, value in wanted.items()):
                    yield posted
