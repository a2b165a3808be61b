"""One task that fails, and nothing else."""

from __future__ import annotations

from airflow.sdk import dag, task


@dag(schedule=None, is_paused_upon_creation=False)
def bench_failing():
    @task
    def work():
        raise ConnectionRefusedError("[Errno 111] Connection refused: warehouse.internal:5432")

    work()


bench_failing()
