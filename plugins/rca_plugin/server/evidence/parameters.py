"""Parameters of the run that are not those of the last success."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow.models.dagrun import DagRun

from rca_plugin.core.dag_difference import params_of
from rca_plugin.core.difference import difference
from rca_plugin.core.evidence import Fact
from rca_plugin.server.evidence.past import PastRun
from rca_plugin.server.evidence.subject import Subject
from rca_plugin.server.masking import redactor

_SHOWN = 10


def parameter_changes(subject: Subject) -> Iterator[Fact]:
    """A fact for each param or key of the conf that differs, whether its default changed or what was asked for."""
    last, run, before = subject.past.last_success, subject.run, subject.baseline_run
    if last is None or run is None or before is None:
        return
    old, new = _defaults(subject, last)
    lines = difference(_parameters(old, before), _parameters(new, run), redactor(), name="")
    for line in lines[:_SHOWN]:
        text = f"Parameter {line} since the last success ({last.run_id})"
        yield Fact("change", "airflow dag run conf and params", run.queued_at or run.start_date, text)
    if len(lines) > _SHOWN:
        text = f"{len(lines) - _SHOWN} more parameters differ from the last success ({last.run_id})"
        yield Fact("change", "airflow dag run conf and params", run.queued_at or run.start_date, text)


def _defaults(subject: Subject, last: PastRun) -> tuple[dict[str, Any], dict[str, Any]]:
    """The params of the DAG then and now; none where Airflow does not have both versions any more."""
    new = subject.dag_data
    old = new if last.version_id == subject.version_id else subject.serialized(last.version_id)
    return (params_of(old), params_of(new)) if old and new else ({}, {})


def _parameters(defaults: dict[str, Any], run: DagRun) -> dict[str, Any]:
    """What a run was given: the DAG's defaults, and what its conf puts over them."""
    return {**defaults, **(run.conf if isinstance(run.conf, dict) else {})}
