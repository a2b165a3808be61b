"""What we wrote into a ticket last. It is kept on the ticket itself, as a property, and written with the fields.

So we know which fields somebody has changed there since: those that no longer say what we wrote.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rca_plugin.core.ticket.dialect import Dialect

#: The name of the property.
PROPERTY = "rca-written"


@dataclass(frozen=True)
class Record:
    """fields: the essence of each. status: the incident's, when the ticket was last moved, or need not be.

    failures: how many the ticket tells of; None where nobody knows.
    """

    fields: Mapping[str, str]
    status: str | None = None
    failures: int | None = None

    @classmethod
    def from_json(cls, value: Any) -> Record:
        """Read what `to_json` wrote. Whoever may edit the ticket may have changed it: what is not right is left out."""
        known = value if isinstance(value, dict) else {}
        fields = known.get("fields")
        texts = {n: v for n, v in (fields if isinstance(fields, dict) else {}).items() if isinstance(v, str)}
        status, failures = known.get("status"), known.get("failures")
        return cls(
            texts,
            status if isinstance(status, str) else None,
            failures if isinstance(failures, int) else None,
        )

    def to_json(self) -> dict[str, Any]:
        """As the property holds it."""
        return {"fields": dict(self.fields), "status": self.status, "failures": self.failures}

    def outdated(
        self,
        wanted: Mapping[str, Any],
        there: Mapping[str, Any],
        dialect: Dialect,
        decided: Collection[str] = (),
    ) -> dict[str, Any]:
        """Those of the wanted fields that say something new, and that nobody has changed there; and the decided ones
        that do not say the same there.
        """

        def is_outdated(name: str, value: Any) -> bool:
            new, now = dialect.essence(name, value), dialect.essence(name, there.get(name))
            before = self.fields.get(name, "")
            return new != now if name in decided else new != before and now == before

        return {name: value for name, value in wanted.items() if is_outdated(name, value)}

    def having(self, written: Mapping[str, Any], dialect: Dialect) -> Record:
        """The record when these fields have been written too."""
        new = {name: dialect.essence(name, value) for name, value in written.items()}
        return replace(self, fields={**self.fields, **new})
