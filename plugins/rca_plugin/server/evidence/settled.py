"""Evidence that is still to come."""

from __future__ import annotations


class NotSettledError(Exception):
    """Airflow has not settled the failed try yet, or not uploaded its log: ask again in a moment."""
