"""What `rca doctor` says of one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was checked. `fix` is empty when it is fine."""

    subject: str
    state: str
    fix: str = ""

    def __str__(self) -> str:
        mark = "FIX " if self.fix else "ok  "
        return f"{mark} {self.subject}: {self.state}" + (f"\n     → {self.fix}" if self.fix else "")
