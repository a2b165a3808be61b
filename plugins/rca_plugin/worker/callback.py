"""For DAG authors: `on_failure_callback=rca_failure_callback`.

Not needed where the plugin is installed, whose listener reports every failure; harmless beside it, because
both name the same event.
"""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)


def rca_failure_callback(context: dict[str, Any]) -> None:
    """Report the failed task of this context. Raises nothing."""
    try:
        _report(context)
    except Exception as problem:
        log.warning("RCA: this failure could not be reported: %s", problem)


def _report(context: dict[str, Any]) -> None:
    from rca_plugin.worker.report import report_failure

    ti = context.get("ti")
    if ti is None or not type(ti).__module__.startswith("airflow.sdk.execution_time"):
        log.info(
            "RCA: a DAG's own callback; its tasks report themselves, its timeout is found by housekeeping"
        )
        return
    report_failure(ti, context.get("exception"), will_retry=False, reported_by="callback")
