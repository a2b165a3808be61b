"""What the services outside of Airflow know about a failure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from rca_plugin.config import settings
from rca_plugin.core.evidence import Fact
from rca_plugin.core.failure import Source
from rca_plugin.worker.integrations import adf, databricks
from rca_plugin.worker.integrations.inquiry import facts_within


def facts_about(failure: Mapping[str, Any]) -> list[Fact]:
    """What the service says in which it happened, and what it did not say; nothing for any other. Raises nothing."""
    labels = failure["labels"]
    if failure["source"] == Source.DATABRICKS.value and settings().databricks_conn_id:
        ask = partial(databricks.collect, about=databricks.Subject.of_labels(labels))
        return facts_within(settings().outside_timeout, "Databricks", ask)
    if failure["source"] == Source.ADF.value and settings().adf_conn_id:
        occurred_at = datetime.fromisoformat(failure["occurred_at"].replace("Z", "+00:00"))
        asked = partial(adf.collect, about=adf.Subject.of_labels(labels, occurred_at))
        return facts_within(settings().outside_timeout, "Data Factory", asked)
    return []
