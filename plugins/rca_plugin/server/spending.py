"""What the calls of a day (UTC) cost. What a call costs at most is reserved before it is made, and settled after it.

Each change is one UPDATE, which every database does for one transaction after the other: no two read the same rest
of the budget and both spend it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Update, select, update
from sqlalchemy.orm import Session

from rca_plugin.config import settings
from rca_plugin.core.money import dollars, micros
from rca_plugin.server.database import changed_rows, insert_once
from rca_plugin.server.models import Spending


@dataclass(frozen=True)
class DaySpending:
    """What a day cost so far, with what is reserved, and what it may cost; in US dollars.

    `stopped` says that a call was refused on that day which the budget, as it is now, would not let through.
    """

    day: date
    spent: float
    budget: float
    stopped: bool


def open_day(session: Session, day: date) -> None:
    """See to it that the day has a row. On SQLite no other transaction writes from here on until this one ends."""
    insert_once(session, Spending, {"day": day, "micros": 0, "needed_micros": 0})


def reserve(session: Session, day: date, amount: int) -> bool:
    """Take from the rest of an opened day's budget; tell whether there was enough."""
    of_day = update(Spending).where(Spending.day == day)
    with_it = Spending.micros + amount
    enough = with_it <= micros(settings().gemini_daily_budget)
    if changed_rows(session, _alone(of_day.where(enough).values(micros=with_it))) == 1:
        return True
    more = of_day.where(with_it > Spending.needed_micros).values(needed_micros=with_it)
    session.execute(_alone(more))
    return False


def settle(session: Session, day: date, reserved: int, spent: int) -> None:
    """Put what a call did cost in the place of what was reserved for it."""
    statement = update(Spending).where(Spending.day == day)
    session.execute(_alone(statement.values(micros=Spending.micros - reserved + spent)))


def of_day(session: Session, day: date) -> DaySpending:
    """How a day stands."""
    columns = select(Spending.micros, Spending.needed_micros).where(Spending.day == day)
    spent, needed = session.execute(columns).one_or_none() or (0, 0)
    budget = settings().gemini_daily_budget
    return DaySpending(day, dollars(spent), budget, stopped=needed > micros(budget))


def _alone(statement: Update) -> Update:
    # No row is held in memory that would have to follow.
    return statement.execution_options(synchronize_session=False)
