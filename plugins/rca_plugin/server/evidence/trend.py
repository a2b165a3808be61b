"""How long the task usually takes, where that tells something about this try."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from rca_plugin.core.evidence import Fact
from rca_plugin.server.evidence.shown import span
from rca_plugin.server.evidence.subject import Subject

_SUCCESSES = 20
_FEWEST = 5
_FACTOR = 2.0
# Below, what differs is how long a process takes to start.
_SECONDS = 5.0


def trend(subject: Subject) -> Iterator[Fact]:
    """The median of the last successes, and this try's duration if it is far from it."""
    newest = subject.past.successes[:_SUCCESSES]
    durations = [run.duration for run in newest if run.duration is not None]
    duration = subject.ti.duration if subject.ti else None
    if duration is None or len(durations) < _FEWEST:
        return
    usual = median(durations)
    if max(usual, duration) < _SECONDS or 1 / _FACTOR < duration / max(usual, 0.001) < _FACTOR:
        return
    compared = f"{duration / max(usual, 0.001):.1f} times" if duration > usual else "far less than"
    text = (
        f"It ran for {span(duration)}, {compared} the median of its last {len(durations)} successes, {span(usual)} "
        f"({span(min(durations))} to {span(max(durations))})."
    )
    yield Fact("trend", "airflow task instances", newest[0].ended, text)
