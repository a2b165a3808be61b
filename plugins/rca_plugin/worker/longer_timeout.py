"""More time for a task whose run is repaired: never less than its DAG gives it."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

#: Where the server keeps it in the conf of a run that is repaired: seconds by task id.
CONF = "rca_execution_timeout"
_LONGEST = timedelta(days=7)

log = logging.getLogger(__name__)


def lengthen(task_instance: Any) -> None:
    """Lengthen the `execution_timeout` of a task that is about to be executed, where its run says so. Raises nothing.

    Airflow 3.3 tells its listeners of a running task just before it reads that limit, of the same object.
    """
    try:
        run = task_instance.get_template_context()["dag_run"]
        wanted = (run.conf or {}).get(CONF)
        seconds = wanted.get(task_instance.task_id) if isinstance(wanted, dict) else None
        task = task_instance.task
        if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not task.execution_timeout:
            return
        longer = min(timedelta(seconds=seconds), _LONGEST)
        if longer > task.execution_timeout:
            log.info("RCA: this run is repaired with an execution_timeout of %s", longer)
            task.execution_timeout = longer
    except Exception as problem:  # a task is not to fail for want of more time
        log.warning("RCA: the execution_timeout stays as it is: %s", problem)
