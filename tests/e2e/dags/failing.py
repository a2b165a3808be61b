"""One DAG for each way a task can fail."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from rca_plugin.worker.callback import rca_failure_callback

DEFAULTS = {"schedule": None, "is_paused_upon_creation": False}


@dag(**DEFAULTS)
def fails_by_exception():
    @task(on_failure_callback=rca_failure_callback)
    def work():
        raise ConnectionRefusedError("[Errno 111] Connection refused: warehouse.internal:5432")

    work()


@dag(**DEFAULTS)
def fails_by_fail_exception():
    @task(retries=3)
    def work():
        raise AirflowFailException("the contract of this feed has changed")

    work()


@dag(**DEFAULTS)
def fails_by_execution_timeout():
    @task(execution_timeout=timedelta(seconds=1))
    def work():
        time.sleep(60)

    work()


@dag(**DEFAULTS)
def fails_in_one_index():
    @task
    def work(number: int):
        return 10 // number

    work.expand(number=[1, 0, 2])


@dag(**DEFAULTS)
def fails_by_template():
    BashOperator(task_id="work", bash_command="echo {{ params.missing.name }}")


@dag(**DEFAULTS)
def fails_by_exit():
    @task
    def work():
        os._exit(3)

    work()


@dag(**DEFAULTS)
def fails_by_sigkill():
    @task
    def work():
        os.kill(os.getpid(), signal.SIGKILL)

    work()


@dag(dagrun_timeout=timedelta(seconds=4), **DEFAULTS)
def fails_by_dagrun_timeout():
    @task
    def work():
        time.sleep(120)

    work()


@dag(**DEFAULTS)
def fails_after_retries():
    @task(retries=2, retry_delay=timedelta(seconds=1))
    def work():
        raise TimeoutError(f"try {get_current_context()['ti'].try_number}: no answer from billing")

    work()


@dag(**DEFAULTS)
def fails_then_succeeds():
    @task(retries=1, retry_delay=timedelta(seconds=1))
    def work():
        if get_current_context()["ti"].try_number == 1:
            raise TimeoutError("no answer from billing")

    work()


@dag(**DEFAULTS)
def fails_again():
    @task
    def work():
        raise ValueError("could not convert string to float: 'n/a'")

    work()


def say_that_listeners_are_next(context):
    """Airflow 3.3 calls the listeners right after this."""
    print("The listeners are next")


@dag(**DEFAULTS)
def fails_on_a_signal():
    """Waits for a file, then fails: so that a test decides what else happens at that moment."""

    @task(on_failure_callback=say_that_listeners_are_next)
    def work():
        started = time.monotonic()
        while not Path(os.environ["AIRFLOW_HOME"], "fail_now").exists() and time.monotonic() - started < 600:
            time.sleep(0.1)
        raise OSError("the disk of the warehouse is gone")

    work()


@dag(tags=["rca"], **DEFAULTS)
def fails_in_an_rca_dag():
    @task
    def work():
        raise RuntimeError("an RCA DAG of our own is broken")

    work()


fails_by_exception()
fails_by_fail_exception()
fails_by_execution_timeout()
fails_in_one_index()
fails_by_template()
fails_by_exit()
fails_by_sigkill()
fails_by_dagrun_timeout()
fails_after_retries()
fails_then_succeeds()
fails_again()
fails_on_a_signal()
fails_in_an_rca_dag()
