"""Transactions on Airflow's metadata database."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from airflow.utils.session import create_session
from airflow.utils.sqlalchemy import get_dialect_name
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

T = TypeVar("T")

_TRIES = 5
# serialization failure, deadlock, lock not available
_RETRYABLE_SQLSTATES = {"40001", "40P01", "55P03"}


def transaction(work: Callable[[Session], T]) -> T:
    """Run `work` in one transaction of its own, again when the database asks for it.

    Not the scoped session: code of Airflow 3.3 that is called on the way (`trigger_dag`) opens and commits
    the scoped session of the thread, which would commit half of our work.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            with create_session(scoped=False) as session:
                return work(session)
        except DBAPIError as error:
            if attempt == _TRIES or not worth_retrying(error):
                raise
            time.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311  jitter, not a secret
    raise AssertionError("unreachable")


def worth_retrying(error: DBAPIError) -> bool:
    """Whether the same transaction may succeed the next time: it lost to another one."""
    sqlstate = getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlstate", None)
    locked = isinstance(error, OperationalError) and "locked" in str(error.orig)
    return locked or sqlstate in _RETRYABLE_SQLSTATES


def insert_once(session: Session, model: type[Any], values: dict[str, Any]) -> bool:
    """Insert a row unless its unique key is taken; tell whether it was inserted.

    Waits for another transaction that is inserting the same key, so that afterwards the row is there for
    good or was never there.
    """
    dialect = get_dialect_name(session)
    statement: Any
    if dialect == "mysql":
        from sqlalchemy.dialects.mysql import insert as mysql_insert

        statement = mysql_insert(model).values(**values).prefix_with("IGNORE")
    elif dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        statement = postgresql_insert(model).values(**values).on_conflict_do_nothing()
    else:
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        statement = sqlite_insert(model).values(**values).on_conflict_do_nothing()
    return changed_rows(session, statement) == 1


def changed_rows(session: Session, statement: Any) -> int:
    """Execute an INSERT or UPDATE and say how many rows it changed."""
    return cast("int", cast("Any", session.execute(statement)).rowcount)
