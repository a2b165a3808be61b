"""How long something took, as people say it."""

from __future__ import annotations

from datetime import timedelta

_STEPS = ((timedelta(days=2), timedelta(days=1), "days"), (timedelta(hours=2), timedelta(hours=1), "hours"))


def in_words(span: timedelta) -> str:
    """Rounded down: 3 days, 20 hours, 42 min; what is shorter, or negative, is less than a minute."""
    for least, unit, name in _STEPS:
        if span >= least:
            return f"{span // unit} {name}"
    minutes = span // timedelta(minutes=1)
    return f"{minutes} min" if minutes >= 1 else "less than a minute"
