"""What we wrote into a ticket last. It is kept on the ticket itself, as a property, and written with the fields.

So we know which fields somebody has changed there since: those that no longer say what we wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rca_plugin.core.ticket.dialect import Dialect
from rca_plugin.core.ticket.history import AskHistory
from rca_plugin.core.tracker.event import Field
from rca_plugin.core.tracker.overruled import Overruled

_OF_BOTH = frozenset(field.value for field in Field)
#: The name of the property.
PROPERTY = "rca-written"


@dataclass(frozen=True)
class Record:
    """fields: the essence of each. status: the incident's, when the ticket was last moved, or need not be. left: the
    status of the ticket, when we moved it; None before that.

    failures: how many the ticket tells of; None where nobody knows. repair: the one whose end it told of last.
    """

    fields: Mapping[str, str]
    status: str | None = None
    failures: int | None = None
    left: str | None = None
    repair: int | None = None

    @classmethod
    def from_json(cls, value: Any) -> Record:
        """Read what `to_json` wrote. Whoever may edit the ticket may have changed it: what is not right is left out."""
        known = value if isinstance(value, dict) else {}
        fields = known.get("fields")
        texts = {n: v for n, v in (fields if isinstance(fields, dict) else {}).items() if isinstance(v, str)}
        status, failures, left = known.get("status"), known.get("failures"), known.get("left")
        repair = known.get("repair")
        return cls(
            texts,
            status if isinstance(status, str) else None,
            failures if isinstance(failures, int) else None,
            left if isinstance(left, str) else None,
            repair if isinstance(repair, int) else None,
        )

    def to_json(self) -> dict[str, Any]:
        """As the property holds it."""
        return {
            "fields": dict(self.fields),
            "status": self.status,
            "failures": self.failures,
            "left": self.left,
            "repair": self.repair,
        }

    def outdated(
        self,
        wanted: Mapping[str, Any],
        there: Mapping[str, Any],
        dialect: Dialect,
        overruled: Overruled,
        history: AskHistory,
    ) -> dict[str, Any]:
        """Those of the wanted fields that say something new, and that nobody has changed there, or whose change there
        is overruled.
        """

        def is_outdated(name: str, value: Any) -> bool:
            new, now = dialect.essence(name, value), dialect.essence(name, there.get(name))
            if new == now:
                return False
            if now == self.fields.get(name, ""):
                # It may have been changed, and changed back.
                theirs = history().by_others.get(name) if name in _OF_BOTH else None
                return theirs is None or overruled.overrules(name, theirs)
            if name not in overruled:
                return False
            at = history().changed.get(name)
            # Whoever has a ticket that nobody ever changed has it from its project: that is not taken away.
            return overruled.overrules(name, at) and not (at is None and not new)

        return {name: value for name, value in wanted.items() if is_outdated(name, value)}

    def having(self, written: Mapping[str, Any], dialect: Dialect) -> Record:
        """The record when these fields have been written too."""
        new = {name: dialect.essence(name, value) for name, value in written.items()}
        return replace(self, fields={**self.fields, **new})
