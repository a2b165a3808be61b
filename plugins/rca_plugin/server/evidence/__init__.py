"""What Airflow itself knows about a failure, as numbered evidence: redacted, bounded, each with its source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from sqlalchemy.orm import Session

from rca_plugin.core.evidence import Evidence, Fact
from rca_plugin.server.evidence.edits import edits
from rca_plugin.server.evidence.fence import Fence
from rca_plugin.server.evidence.history import history
from rca_plugin.server.evidence.log import log_facts
from rca_plugin.server.evidence.numbering import numbered
from rca_plugin.server.evidence.parameters import parameter_changes
from rca_plugin.server.evidence.pool import pool_state
from rca_plugin.server.evidence.rendered import rendered_changes
from rca_plugin.server.evidence.report import reported
from rca_plugin.server.evidence.run import run_facts
from rca_plugin.server.evidence.settled import NotSettledError
from rca_plugin.server.evidence.subject import Subject, subject_of, task_of
from rca_plugin.server.evidence.trend import trend
from rca_plugin.server.evidence.tries import notes, tries
from rca_plugin.server.evidence.upstream import upstream
from rca_plugin.server.evidence.version import version_changes
from rca_plugin.server.models import FailureRow

__all__ = ["NotSettledError", "collect", "task_of"]

# What is asked for, in the order in which people read it; each by the name under which it is noted as missing.
_COLLECTORS: tuple[tuple[str, Callable[[Subject], Iterable[Fact]]], ...] = (
    ("the run", run_facts),
    ("the tries", tries),
    ("notes of the scheduler", notes),
    ("the upstream tasks", upstream),
    ("earlier runs", history),
    ("changes of the DAG", version_changes),
    ("changes of parameters", parameter_changes),
    ("changes of template fields", rendered_changes),
    ("edits of connections, variables and pools", edits),
    ("the trend of durations", trend),
    ("the pool", pool_state),
)


def collect(
    session: Session, failure: FailureRow, *, wait: bool, outside: Sequence[Fact] = ()
) -> list[Evidence]:
    """Everything known about a failure now, and what was found `outside` of Airflow.

    What could not be had, or not in time, is noted as missing. Raises NotSettledError while more is to come,
    unless `wait` is False.
    """
    facts = list(reported(failure))
    if failure.dag_id:
        facts += _airflow_facts(session, failure, wait=wait)
    return numbered([*facts, *outside])


def _airflow_facts(session: Session, failure: FailureRow, *, wait: bool) -> list[Fact]:
    with Fence(session) as fence:
        subject = subject_of(session, failure, wait=wait)
        # First, for there is nothing else to be done while it is still to come; shown after the tries.
        log = fence.facts("the log", partial(log_facts, subject, wait=wait))
        found = {what: fence.facts(what, partial(ask, subject)) for what, ask in _COLLECTORS}
    before = ("the run", "the tries", "notes of the scheduler")
    first = [fact for what in before for fact in found.pop(what)]
    return [*first, *log, *(fact for facts in found.values() for fact in facts)]
