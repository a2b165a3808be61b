"""Names of Azure resources, as Azure Resource Manager writes them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from rca_plugin.core.sources.fields import ID_CHARS, identifier


@dataclass(frozen=True)
class ArmId:
    """`/subscriptions/…/resourceGroups/…/providers/<namespace>/<type>/<name>…`, in lower case.

    Azure compares these without case and writes them now so, now so.
    """

    text: str

    @classmethod
    def of(cls, text: str | None) -> ArmId | None:
        """Read an id; None for what is none."""
        lower = identifier(text or "", ID_CHARS).lower().rstrip("/")
        return cls(lower) if lower.startswith("/subscriptions/") else None

    @property
    def type(self) -> str:
        """Such as `microsoft.datafactory/factories`; empty for a group or a subscription."""
        namespace, _, rest = self.text.rpartition("/providers/")[2].partition("/")
        return f"{namespace}/{rest.partition('/')[0]}" if "/providers/" in self.text else ""

    @property
    def name(self) -> str:
        """The last part."""
        return self.text.rpartition("/")[2]

    def part(self, kind: str) -> str | None:
        """What stands behind `subscriptions`, `resourcegroups`, `factories`, …; None where it does not."""
        parts = self.text.split("/")
        return next((after for key, after in pairwise(parts) if key == kind), None)

    def labels(self) -> list[tuple[str, str | None]]:
        """Where it is."""
        return [("subscription", self.part("subscriptions")), ("resource_group", self.part("resourcegroups"))]
