"""Connections, variables and pools that were edited since the last success, from Airflow's own audit log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from airflow.models.log import Log
from sqlalchemy import select

from rca_plugin.core.evidence import Fact
from rca_plugin.server.evidence.audit_entry import EVENTS, Edit, edits_of
from rca_plugin.server.evidence.shown import moment, span
from rca_plugin.server.evidence.subject import Subject
from rca_plugin.server.evidence.usage import Usage
from rca_plugin.server.masking import redactor

# It holds what was asked for, whatever the answer was.
_SOURCE = "airflow audit log (requests, granted or not)"
_LOOK_BACK = timedelta(days=14)
_ENTRIES = 200
_USED_SHOWN = 10
# What nothing ties to the task is told only if it is fresh, and then not much of it.
_OTHERS_SHOWN = 3
_OTHERS_WITHIN = timedelta(hours=24)
_VALUE_CHARS = 200


def edits(subject: Subject) -> Iterator[Fact]:
    """First what the task is likely to use, the newest first; then at most three others of the last day."""
    usage = Usage(subject)
    found = [(edit, usage.how(edit)) for edit in _newest_of_each(_edits(subject))]
    used = [(edit, how) for edit, how in found if how]
    fresh = subject.failed_at - _OTHERS_WITHIN
    others = [(edit, how) for edit, how in found if not how and edit.thing != "pool" and edit.at >= fresh]
    for edit, how in [*used[:_USED_SHOWN], *others[:_OTHERS_SHOWN]]:
        yield Fact("change", _SOURCE, edit.at, _text(subject, edit, how))


def _edits(subject: Subject) -> Iterator[Edit]:
    last = subject.past.last_success
    until = subject.failed_at
    since = max(last.ended, until - _LOOK_BACK) if last else until - _LOOK_BACK
    # Each by itself: a variable that is set every minute must not hide an edited connection.
    for events in EVENTS.values():
        entries = (
            select(Log)
            .where(Log.event.in_(events), Log.dttm > since, Log.dttm <= until)
            .order_by(Log.dttm.desc())
            .limit(_ENTRIES)
        )
        for entry in subject.session.scalars(entries):
            yield from edits_of(entry)


def _newest_of_each(found: Iterator[Edit]) -> list[Edit]:
    newest: dict[tuple[str, str | None], Edit] = {}
    for edit in found:
        newest.setdefault((edit.thing, edit.name), edit)
    return sorted(newest.values(), key=lambda edit: edit.at, reverse=True)


def _text(subject: Subject, edit: Edit, how: str | None) -> str:
    first = f"{edit.title} {span(_before(subject, edit.at))} before the failure ({moment(edit.at)})"
    if how is None:
        # Who may read a DAG may not read all connections: that it was edited has to do.
        return f"{first}: nothing says that this task uses it"
    return "\n".join([f"{first}: {how}", *_fields(edit)])


def _before(subject: Subject, at: datetime) -> timedelta:
    return subject.failed_at - at


def _fields(edit: Edit) -> list[str]:
    """What was asked for. Airflow has masked what it knows to be secret, and all of a variable's value."""
    shown = redactor().tree(dict(edit.fields))
    return [
        f"{name}: {json.dumps(value, ensure_ascii=False, default=str)[:_VALUE_CHARS]}"
        for name, value in shown.items()
    ]
