"""The run in which it failed."""

from __future__ import annotations

from collections.abc import Iterator

from airflow.models.dagrun import DagRun

from rca_plugin.core.evidence import Fact
from rca_plugin.core.text import head
from rca_plugin.server.evidence.shown import moment
from rca_plugin.server.evidence.subject import Subject
from rca_plugin.server.masking import redactor

_CONF_CHARS = 500


def run_facts(subject: Subject) -> Iterator[Fact]:
    """What the run is, who started it, and with what conf."""
    run = subject.run
    if run is None:
        text = f"The run {subject.task.run_id} is not in Airflow's database any more."
        yield Fact("missing", "airflow", None, text)
        return
    yield Fact("run", "airflow dag run", run.start_date, _text(run))


def _text(run: DagRun) -> str:
    text = f"Run {run.run_id} of DAG {run.dag_id} ({run.run_type}): {run.state}, started {moment(run.start_date)}"
    if run.end_date:
        text += f", ended {moment(run.end_date)}"
    if run.triggering_user_name:
        text += f", triggered by {run.triggering_user_name}"
    if run.conf:
        text += f", conf {head(str(redactor().tree(run.conf)), _CONF_CHARS)}"
    return text
