"""The pool that analyses run in. Airflow never starts a task whose pool is missing, and does not say so."""

from __future__ import annotations

from typing import Any

from airflow.models.pool import Pool
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from rca_plugin.core.model_call import ANALYSIS_POOL
from rca_plugin.server.database import insert_once

_SLOTS = 4


def is_there() -> Any:
    """The condition that the pool exists."""
    return exists().where(Pool.pool == ANALYSIS_POOL)


def create(session: Session) -> None:
    """Create the pool unless it is there. Once it is, its slots are what the operator sets."""
    if session.scalar(select(is_there())):
        return
    insert_once(session, Pool, {
        "pool": ANALYSIS_POOL,
        "slots": _SLOTS,
        "description": "Analyses of the RCA plugin that run at once.",
        "include_deferred": False,
    })  # fmt: skip
