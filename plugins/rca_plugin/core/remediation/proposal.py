"""What could be done: one action, on what, and everything that it touches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rca_plugin.core.knowledge import ACTIONS
from rca_plugin.core.text import visible

MOST_TOUCHED = 1_000
MOST_TARGET_CHARS = 16_000
_RESOURCE_CHARS = 510


class ProposalError(ValueError):
    """This is no proposal. The text says which field is wrong, and not what stands in it."""


@dataclass(frozen=True)
class Proposal:
    """One action, ready to be carried out.

    action: its name in `core.knowledge.ACTIONS`.
    resource: what limits count by: `dag/task`, `cluster:<workspace>/<id>`, `job:<workspace>/<id>`,
    `pipeline:<factory>/<name>`.
    target: JSON with all that the action needs, and nothing else.
    blast_radius: exactly what it touches, by name, for people; how many they are is what is limited.
    """

    action: str
    resource: str
    target: Mapping[str, Any]
    blast_radius: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """A plain dict, ready for `json.dumps`."""
        return {
            "action": self.action,
            "resource": self.resource,
            "target": dict(self.target),
            "blast_radius": list(self.blast_radius),
        }

    @classmethod
    def from_json(cls, value: Any) -> Proposal:
        """Read what `to_json` wrote.

        Raises ProposalError.
        """
        try:
            read = _Proposal.model_validate(value)
        except ValidationError as error:
            places = sorted({".".join(str(part) for part in e["loc"])[:80] or "all" for e in error.errors()})
            raise ProposalError(f"not a proposal, look at: {', '.join(places[:10])}") from None
        return cls(read.action, read.resource, read.target, tuple(read.blast_radius))


_Name = Annotated[str, Field(min_length=1, max_length=_RESOURCE_CHARS)]


class _Proposal(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    action: str
    resource: _Name
    target: dict[str, Any]
    # One that touches nothing we know of would be under every limit.
    blast_radius: Annotated[list[_Name], Field(min_length=1, max_length=MOST_TOUCHED)]

    @field_validator("action")
    @classmethod
    def _known(cls, action: str) -> str:
        if action not in ACTIONS:
            raise ValueError("not an action")
        return action

    @field_validator("resource")
    @classmethod
    def _plain(cls, resource: str) -> str:
        # What cannot be seen would make two of one resource, with twice the limits.
        if visible(resource).strip() != resource:
            raise ValueError("has characters that cannot be seen")
        return resource

    @field_validator("blast_radius")
    @classmethod
    def _visible(cls, touched: list[str]) -> list[str]:
        seen = [visible(name).strip() for name in touched]
        if not all(seen):
            raise ValueError("has a name that cannot be seen")
        return seen

    @field_validator("target")
    @classmethod
    def _bounded(cls, target: dict[str, Any]) -> dict[str, Any]:
        try:
            length = len(json.dumps(target, allow_nan=False))
        except (TypeError, RecursionError):
            raise ValueError("not JSON, or too deep") from None
        if length > MOST_TARGET_CHARS:
            raise ValueError("too long")
        return target
