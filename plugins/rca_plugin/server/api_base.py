"""What goes in and out of the JSON API, at its most general."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class In(BaseModel):
    """What is sent to us: nothing but what is asked for."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """What we send."""

    model_config = ConfigDict(from_attributes=True)
