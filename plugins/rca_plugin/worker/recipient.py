"""Who takes what an incident brings to a place outside of Airflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from rca_plugin.core.storable import beginning
from rca_plugin.worker.masking import redactor

_PROBLEM_CHARS = 300


class NotSetUpError(Exception):
    """This deployment has no such place for this incident. The text says, for people, what is not there."""


class DeliveryError(Exception):
    """It could not be delivered now. The text says why, in one line without any secret.

    retry_after: for how many seconds the place is to be left alone, by whomever; 0.0 where it did not say.
    reference: what it became there, where it got that far.
    """

    reference: str | None = None

    def __init__(self, problem: str, retry_after: float = 0.0) -> None:
        super().__init__(beginning(" ".join(problem.split()), _PROBLEM_CHARS, redactor()))
        self.retry_after = retry_after


class Recipient(Protocol):
    """One place."""

    def deliver(self, incident: Mapping[str, Any], reference: str | None, deadline: float) -> str:
        """Bring an incident there, and answer what it became: a URL.

        `reference` is what it became there before; then that is brought up to date. Nothing more is begun after
        `deadline` (monotonic seconds). Raises DeliveryError.
        """
