"""What a repair is: proposed for an incident, started at most once, found again, and looked at until it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.storable import beginning
from rca_plugin.worker.masking import redactor

_TEXT_CHARS = 500
RUNNING, SUCCEEDED, FAILED, UNKNOWN = "running", "succeeded", "failed", "unknown"


def said(text: object) -> str:
    """What a service or an error says, in one line without secrets, as it may be kept."""
    return beginning(" ".join(str(text).split()), _TEXT_CHARS, redactor())


class NothingToProposeError(Exception):
    """This repair does not fit this failure. The text says why, for people."""


class RefusedError(Exception):
    """The service said no: nothing was begun there."""


class BusyError(Exception):
    """The service takes nothing now: nothing was begun, and it may be asked again after `retry_after` seconds."""

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class UnclearError(Exception):
    """There was no answer that can be read: nobody knows whether it was begun."""


@dataclass(frozen=True)
class Order:
    """One attempt, as the server recorded it before anything was begun.

    token: the same for every try at this attempt, and of no other attempt anywhere.
    since: when the intent was recorded. earlier: what earlier attempts at the same resource became, oldest first.
    """

    remediation_id: int
    target: Mapping[str, Any]
    token: str
    since: datetime
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True)
class Started:
    """What an attempt became in the service: its id there, and its page where it has one."""

    external_run_id: str
    external_url: str | None = None


@dataclass(frozen=True)
class Look:
    """How it stands: `running`, `succeeded` or `failed`, and what the service says of it."""

    state: str
    text: str


class Repair(Protocol):
    """One way to repair.

    excludes_double: whether the service itself never begins the same order twice, so that it may be asked again.
    """

    excludes_double: bool

    def propose(self, incident: Mapping[str, Any], settings: Mapping[str, Any]) -> Proposal:
        """What would be done for an incident, without doing anything. Raises NothingToProposeError."""

    def start(self, order: Order) -> Started:
        """Begin it, with one request that begins something. Raises RefusedError, BusyError, UnclearError."""

    def find(self, order: Order) -> Started | None:
        """What the order became, if the service knows of it. Raises whatever keeps it from answering."""

    def look(self, order: Order, external_run_id: str) -> Look:
        """How it stands. Raises whatever keeps the service from answering."""
