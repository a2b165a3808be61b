"""Hears of each try in its own task process: reports one that failed, and gives one that is repaired more time."""

from __future__ import annotations

from typing import Any

from airflow.listeners import hookimpl

from rca_plugin.config import settings


@hookimpl
def on_task_instance_running(previous_state: Any, task_instance: Any) -> None:
    """Give the task the time that a repair of its run allows, before it is executed."""
    if _is_task_process(task_instance):
        from rca_plugin.worker.longer_timeout import lengthen

        lengthen(task_instance)


@hookimpl
def on_task_instance_failed(
    previous_state: Any, task_instance: Any, error: BaseException | str | None
) -> None:
    """Report the failed try, unless this is not the process it failed in."""
    if not settings().listener_enabled or not _is_task_process(task_instance):
        return
    from rca_plugin.worker.report import report_failure

    will_retry = task_instance.state == "up_for_retry"
    report_failure(task_instance, error, will_retry=will_retry, reported_by="listener")


def _is_task_process(task_instance: Any) -> bool:
    """Airflow 3.3 also calls this hook in the scheduler, where nothing of ours may run, and in the API server
    when a person marks a task as failed, which is not a failure. Only a task process has the SDK's instance.
    """
    return type(task_instance).__module__.startswith("airflow.sdk.")
