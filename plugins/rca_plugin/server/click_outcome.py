"""What became of a click."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Outcome:
    """What became of a click; `text` is for whoever clicked."""

    result: Literal["done", "already", "refused"]
    text: str
