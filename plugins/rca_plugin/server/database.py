"""Transactions on Airflow's metadata database."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from airflow.utils.session import create_session
from airflow.utils.sqlalchemy import get_dialect_name
from sqlalchemy import select
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


def memory(session: Session) -> dict[str, Any]:
    """What a transaction has found out and remembers; empty again in the next one of the same session."""
    now = session.get_transaction()
    if session.info.get("rca_transaction") is not now:
        session.info.update(rca_transaction=now, rca_memory={})
    return cast("dict[str, Any]", session.info.setdefault("rca_memory", {}))


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
    statement = _insert_ignoring(get_dialect_name(session), model).values(**values)
    return changed_rows(session, statement) == 1


def _insert_ignoring(dialect: str | None, model: type[Any]) -> Any:
    """An INSERT that leaves a row out whose unique key is taken."""
    if dialect == "mysql":
        from sqlalchemy.dialects.mysql import insert as mysql_insert

        return mysql_insert(model).prefix_with("IGNORE")
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        return postgresql_insert(model).on_conflict_do_nothing()
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert(model).on_conflict_do_nothing()


def insert_new(
    session: Session, model: type[Any], key: Any, rows: list[dict[str, Any]], **computed: Any
) -> dict[Any, tuple[Any, ...]]:
    """Insert rows whose unique `key` is not taken, in few statements.

    `computed` are SQL expressions for columns, with parameters that each row has beside its values. Answers
    for each key that was inserted what the expressions came to. Waits for other transactions like
    `insert_once`.
    """
    connection = session.connection()
    statement = _insert_ignoring(connection.dialect.name, model).values(**computed)
    answer = (key, *(getattr(model, name) for name in computed))
    if connection.dialect.insert_executemany_returning:
        inserted = connection.execute(statement.returning(*answer), rows)
    else:
        # MySQL answers no rows from an INSERT.
        new = [row[key.key] for row in rows if connection.execute(statement, row).rowcount == 1]
        inserted = connection.execute(select(*answer).where(key.in_(new)))
    return {row[0]: tuple(row[1:]) for row in inserted}


def changed_rows(session: Session, statement: Any) -> int:
    """Execute an INSERT or UPDATE and say how many rows it changed."""
    return cast("int", cast("Any", session.execute(statement)).rowcount)
