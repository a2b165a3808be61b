"""Incidents as a table for the terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from typing import Any

_COLUMNS = ("id", "resource", "category", "pr", "root cause", "status")
_CAUSE = 4
_LEAST_CAUSE_WIDTH = 30


def incident_table(incidents: Sequence[dict[str, Any]]) -> str:
    """One row an incident; the root cause takes the width that is left, and as many lines as it needs."""
    rows = [_row(incident) for incident in incidents]
    widths = [max(len(row[i]) for row in [_COLUMNS, *rows]) for i in range(len(_COLUMNS))]
    others = sum(widths) - widths[_CAUSE] + 2 * (len(_COLUMNS) - 1)
    terminal = shutil.get_terminal_size((120, 24)).columns
    widths[_CAUSE] = min(widths[_CAUSE], max(_LEAST_CAUSE_WIDTH, terminal - others))
    lines = [_line(_COLUMNS, widths), _line(["─" * width for width in widths], widths)]
    for row in rows:
        lines.extend(_wrapped(row, widths))
    return "\n".join(lines)


def _row(incident: dict[str, Any]) -> tuple[str, ...]:
    analysis = incident["analysis"]
    cause = analysis["root_cause"]["text"] if analysis else incident["title"]
    return (
        f"RCA-{incident['id']}", incident["resource"], incident["category"], incident["priority"], cause,
        incident["status"],
    )  # fmt: skip


def _wrapped(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    cause = textwrap.wrap(row[_CAUSE], widths[_CAUSE]) or [""]
    first = _line([*row[:_CAUSE], cause[0], *row[_CAUSE + 1 :]], widths)
    blank = [""] * len(_COLUMNS)
    return [first, *(_line([*blank[:_CAUSE], more, *blank[_CAUSE + 1 :]], widths) for more in cause[1:])]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
