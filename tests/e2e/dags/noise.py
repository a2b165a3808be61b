"""DAGs whose failures have something to do with one another, and one that says what it should not."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Variable, dag, task

sys.path.append(str(Path(__file__).parents[3]))
from tests.secrets_of_each_kind import planted

DEFAULTS = {"schedule": None, "is_paused_upon_creation": False}


@dag(**DEFAULTS)
def fails_downstream():
    @task
    def extract():
        raise ConnectionRefusedError("warehouse-7.internal refused")

    @task(trigger_rule="all_done")
    def report():
        raise KeyError("rows")

    extract() >> report()


@dag(**DEFAULTS)
def waits_for_a_dag_that_fails():
    TriggerDagRunOperator(
        task_id="trigger", trigger_dag_id="is_triggered_and_fails", wait_for_completion=True, poke_interval=1
    )


@dag(**DEFAULTS)
def is_triggered_and_fails():
    @task
    def work():
        raise LookupError("no rows for today")

    work()


@dag(**DEFAULTS)
def works_the_second_time():
    @task
    def work():
        if Variable.get("works_now", default="no") != "yes":
            raise OSError("the share is not mounted")

    work()


@dag(**DEFAULTS)
def fails_with_secrets():
    @task
    def work():
        for text, _ in planted("e2e7x").values():
            logging.getLogger(__name__).error("%s", text)
        raise RuntimeError("\n".join(text for text, _ in planted("e2e8y").values()))

    work()


fails_downstream()
waits_for_a_dag_that_fails()
is_triggered_and_fails()
works_the_second_time()
fails_with_secrets()
