"""One attempt, as the server has it: what it is an order for, and how it stands."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rca_plugin.config import settings
from rca_plugin.core.remediation.state import ENDED, RemediationState
from rca_plugin.worker.remediation_client import RemediationClient
from rca_plugin.worker.repairs.choice import REPAIRS
from rca_plugin.worker.repairs.repair import FAILED, RUNNING, SUCCEEDED, UNKNOWN, Look, Order

_TOKEN_CHARS = 48


def order_of(remediation: Mapping[str, Any], earlier: tuple[str, ...] = ()) -> Order:
    """What is to be started, or was."""
    number, since = remediation["id"], moment(remediation["intent_at"])
    return Order(number, remediation["target"], _token(number, since), since, earlier)


def earlier_than(client: RemediationClient, remediation: Mapping[str, Any]) -> tuple[str, ...]:
    """What earlier attempts at the same became, oldest first. Raises ServerError."""
    return tuple(
        one["external_run_id"]
        for one in reversed(client.remediations(remediation["incident_id"]))
        if one["id"] < remediation["id"]
        and one["resource"] == remediation["resource"]
        and one["external_run_id"]
    )


def look(client: RemediationClient, remediation_id: int) -> Look:
    """How it stands, or that nobody can know: as the server says where it does, else as the service does.

    Raises ServerError, or whatever keeps the service from answering.
    """
    remediation = client.remediation(remediation_id)
    state, observed = remediation["state"], remediation["observed"]
    if RemediationState(state) in ENDED:
        return Look(state, remediation["outcome"] or state)
    if observed in (SUCCEEDED, FAILED):
        return Look(observed, f"seen by the server: {observed}")
    if remediation["action"] in REPAIRS:
        repair, external = REPAIRS[remediation["action"]], remediation["external_run_id"]
        return repair.look(order_of(remediation), external)
    return Look(RUNNING, "it runs again") if observed else Look(UNKNOWN, "what was cleared is gone")


def _token(remediation_id: int, since: datetime) -> str:
    """Another Airflow may use the same workspace, and count its repairs from 1 as well."""
    names = f"{settings().environment}/{remediation_id}/{since.isoformat()}"
    return hashlib.sha256(names.encode()).hexdigest()[:_TOKEN_CHARS]


def moment(text: str) -> datetime:
    """A time as the server writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
