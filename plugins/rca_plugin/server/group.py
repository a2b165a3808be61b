"""New failures that belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.orm import Session

from rca_plugin.core.failure import Failure
from rca_plugin.server.models import FailureRow


@dataclass(frozen=True)
class Group:
    """New failures with the same fingerprint, oldest first, already stored.

    `stored` says for each event the incident that its row names so far.
    """

    print_: str
    signature: str
    failures: tuple[Failure, ...]
    stored: Mapping[str, int | None]

    @property
    def oldest(self) -> Failure:
        """The first to happen."""
        return self.failures[0]

    @property
    def newest(self) -> Failure:
        """The last to happen."""
        return self.failures[-1]

    def attach(self, session: Session, incident_id: int) -> None:
        """Write the incident into the rows that do not name it yet."""
        keys = [f.event_key for f in self.failures if self.stored[f.event_key] != incident_id]
        if keys:
            of_group = update(FailureRow).where(FailureRow.event_key.in_(keys))
            session.connection().execute(of_group.values(incident_id=incident_id))
