"""The switch that stops all repairs, without a deployment; and the option that does the same with one."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow.models.log import Log
from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.config import settings
from rca_plugin.core.storable import beginning
from rca_plugin.core.text import head
from rca_plugin.server.database import insert_once
from rca_plugin.server.masking import redactor
from rca_plugin.server.models import Switch

_NAME = "remediation"
_REASON_CHARS = 500
_NAME_CHARS = 250


def locked(session: Session) -> Switch:
    """The switch, locked until the transaction ends: whoever holds it begins repairs alone.

    To be called first in a transaction: what is read afterwards is what the one before has left, so that limits
    are exact. On SQLite the INSERT keeps all others from writing, whether it adds a row or not.
    """
    insert_once(session, Switch, {"name": _NAME, "on": True, "reason": ""})
    return session.scalars(
        select(Switch).where(Switch.name == _NAME).with_for_update().execution_options(populate_existing=True)
    ).one()


def read(session: Session) -> Switch:
    """The switch as it is; on where nobody has touched it."""
    return session.get(Switch, _NAME) or Switch(name=_NAME, on=True, by=None, at=None, reason="")


def turn(session: Session, *, on: bool, person: str, reason: str) -> Switch:
    """Turn all repairs on or off. It is in Airflow's own audit log, too."""
    switch = locked(session)
    switch.on, switch.by, switch.at = on, head(person, _NAME_CHARS), datetime.now(timezone.utc)
    switch.reason = beginning(reason, _REASON_CHARS, redactor())
    said: dict[str, Any] = {"owner": person, "extra": f"repairs {'on' if on else 'off'}: {switch.reason}"}
    session.add(Log("rca_remediation_switch", **said))
    return switch


def why_off(switch: Switch) -> str:
    """Why nothing may be repaired now; empty while repairs are on."""
    if not settings().remediation:
        return "repairs are off: [rca] remediation"
    if switch.on:
        return ""
    since = f" at {switch.at:%Y-%m-%d %H:%M} UTC" if switch.at else ""
    return f"{switch.by or 'somebody'} switched repairs off{since}" + (
        f": {switch.reason}" if switch.reason else ""
    )
