"""One module a source: what it sends, turned into failures and recoveries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from rca_plugin.core.failure import Report, Source
from rca_plugin.core.sources import adf, airflow, azure_monitor, databricks, generic

#: What reads the body of a request of each source. Takes the body and when it was received; answers a Report or
#: raises pydantic.ValidationError or BodyError, and nothing else.
PARSERS: Mapping[Source, Callable[[object, datetime], Report]] = {
    Source.AIRFLOW: airflow.parse,
    Source.ADF: adf.parse,
    Source.DATABRICKS: databricks.parse,
    Source.AZURE_MONITOR: azure_monitor.parse,
    Source.GENERIC: generic.parse,
}
