"""What changed in the DAG since the last success: its version, its bundle, its file."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from airflow.models.dag_version import DagVersion
from airflow.models.dagcode import DagCode
from sqlalchemy import select

from rca_plugin.core.dag_difference import dag_difference, source_difference
from rca_plugin.core.evidence import Fact
from rca_plugin.server.evidence.past import PastRun
from rca_plugin.server.evidence.shown import moment
from rca_plugin.server.evidence.subject import Subject
from rca_plugin.server.masking import redactor


def version_changes(subject: Subject) -> Iterator[Fact]:
    """The DAG is another one than at the last success."""
    last = subject.past.last_success
    if last is None:
        return
    yield from _bundle(subject, last)
    before, after = last.version_id, subject.version_id
    if before is None or after is None:
        return
    if before == after:
        yield from _edited_in_place(subject, after, last)
        return
    yield _new_version(subject, before, after, last)


def _new_version(subject: Subject, before: UUID, after: UUID, last: PastRun) -> Fact:
    old, new = (subject.session.get(DagVersion, version) for version in (before, after))
    numbers = " → ".join(str(version.version_number) if version else "?" for version in (old, new))
    first = f"DAG version {numbers} since the last success ({last.run_id}, {moment(last.ended)})"
    lines = _structure_lines(subject, before)
    source = _source_lines(subject, before, after)
    text = "\n".join([first, *lines, *(["Changed lines of its file:", *source] if source else [])])
    return Fact("change", "airflow dag version", new.created_at if new else None, text)


def _structure_lines(subject: Subject, before: UUID) -> list[str]:
    old, new = subject.serialized(before), subject.dag_data
    return dag_difference(old, new, subject.task.task_id, redactor()) if old and new else []


def _source_lines(subject: Subject, before: UUID, after: UUID) -> list[str]:
    old, new = (_code(subject, version) for version in (before, after))
    if old is None or new is None or old.source_code_hash == new.source_code_hash:
        return []
    return source_difference(old.source_code, new.source_code)


def _edited_in_place(subject: Subject, version: UUID, last: PastRun) -> Iterator[Fact]:
    # What is inside of a Python function is not in the serialized DAG: editing it makes no new version in
    # Airflow 3.3, which only writes the new source over the old one.
    code = _code(subject, version)
    if code is not None and last.ended < code.last_updated <= subject.failed_at:
        text = (
            f"The DAG's file changed {moment(code.last_updated)}, after the last success ({last.run_id}, "
            f"{moment(last.ended)})\nIts tasks and settings are the same; Airflow has not kept the file as it was."
        )
        yield Fact("change", "airflow dag code", code.last_updated, text)


def _bundle(subject: Subject, last: PastRun) -> Iterator[Fact]:
    # Of the runs: the bundle version of a DAG version that did not change is moved on in place.
    old = subject.baseline_run.bundle_version if subject.baseline_run else None
    new = subject.run.bundle_version if subject.run else None
    if old != new and old and new:
        text = f"DAG bundle {old} → {new} since the last success ({last.run_id}, {moment(last.ended)})"
        yield Fact("change", "airflow dag run", subject.run and subject.run.queued_at, text)


def _code(subject: Subject, version: UUID) -> DagCode | None:
    code: DagCode | None = subject.session.scalar(select(DagCode).where(DagCode.dag_version_id == version))
    return code
