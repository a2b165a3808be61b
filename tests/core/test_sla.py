"""Until when somebody has to look at an incident, and until when it has to be over."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from rca_plugin.core.category import Priority
from rca_plugin.core.sla import ALLOWANCES, due, due_again

NOON = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("priority", "response", "resolution"),
    [("P1", 0.25, 4), ("P2", 0.5, 8), ("P3", 2, 24), ("P4", 24, 72)],
)
def test_due_times_follow_from_the_priority(priority: str, response: float, resolution: float) -> None:
    found = due(Priority(priority), NOON)
    assert found.response == NOON + timedelta(hours=response)
    assert found.resolution == NOON + timedelta(hours=resolution)


def test_another_priority_counts_from_the_same_beginning() -> None:
    assert set(ALLOWANCES) == set(Priority)
    for before in Priority:
        for after in Priority:
            assert due_again(before, due(before, NOON).resolution, after) == due(after, NOON)
