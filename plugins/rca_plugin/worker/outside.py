"""What the services outside of Airflow know about a failure that they reported, or about a task that ran there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from rca_plugin.config import settings
from rca_plugin.core.evidence import Fact
from rca_plugin.core.failure import Source
from rca_plugin.core.sources.databricks.job_run import JobRun
from rca_plugin.worker.integrations import adf, databricks
from rca_plugin.worker.integrations.inquiry import facts_within

# What the operators of the providers log of the run that they started (databricks 7.23, microsoft-azure 15.2).
_RUN_PAGE = re.compile(
    r"(?:logs at|run in Databricks:) (https://\S{1,300}(?:#job/[0-9]{1,20}/run|/runs)/([0-9]{1,20}))"
)
_PIPELINE_RUN = re.compile(r"[Pp]ipeline run ([A-Za-z0-9-]{8,60}) (?:to terminate|has failed)")


def facts_about(failure: Mapping[str, Any], evidence: Iterable[Mapping[str, Any]]) -> list[Fact]:
    """What the service says in which it happened, and what it did not say; nothing for any other.

    `failure` and `evidence` are those of an incident, as the server gives them. Raises nothing.
    """
    seconds = settings().outside_timeout
    if settings().databricks_conn_id and (run := _in_databricks(failure, evidence)):
        return facts_within(seconds, "Databricks", partial(databricks.collect, about=run))
    if settings().adf_conn_id and (pipeline := _in_data_factory(failure, evidence)):
        return facts_within(seconds, "Data Factory", partial(adf.collect, about=pipeline))
    return []


def _in_databricks(
    failure: Mapping[str, Any], evidence: Iterable[Mapping[str, Any]]
) -> databricks.Subject | None:
    if failure["source"] == Source.DATABRICKS.value:
        return databricks.Subject.of_labels(failure["labels"])
    found = _last_logged(_RUN_PAGE, evidence) if _ran_by(failure, "Databricks") else None
    if found is None:
        return None
    workspace = JobRun.model_validate({"run_page_url": found[1]}).workspace
    return databricks.Subject.of_labels({"run_id": found[2], "workspace_id": workspace})


def _in_data_factory(failure: Mapping[str, Any], evidence: Iterable[Mapping[str, Any]]) -> adf.Subject | None:
    occurred_at = datetime.fromisoformat(failure["occurred_at"].replace("Z", "+00:00"))
    if failure["source"] == Source.ADF.value:
        return adf.Subject.of_labels(failure["labels"], occurred_at)
    found = _last_logged(_PIPELINE_RUN, evidence) if _ran_by(failure, "AzureDataFactory") else None
    return adf.Subject.of_labels({"pipeline_run_id": found[1]}, occurred_at) if found else None


def _ran_by(failure: Mapping[str, Any], operators: str) -> bool:
    return failure["source"] == Source.AIRFLOW.value and str(failure["operator"]).startswith(operators)


def _last_logged(pattern: re.Pattern[str], evidence: Iterable[Mapping[str, Any]]) -> re.Match[str] | None:
    logs = "\n".join(fact["text"] for fact in evidence if fact["kind"] in ("log", "error"))
    return next(reversed(list(pattern.finditer(logs))), None)
