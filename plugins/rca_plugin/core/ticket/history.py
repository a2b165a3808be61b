"""When the fields of a ticket were changed last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class History:
    """By the names of the fields, without those that are as they were at first. by_others: by anybody but whoever
    created the ticket, who is the connection's user.
    """

    changed: Mapping[str, datetime] = field(default_factory=dict)
    by_others: Mapping[str, datetime] = field(default_factory=dict)


#: It is asked for only where it matters.
AskHistory = Callable[[], History]
