"""DAGs to be repaired, and one that plans repairs."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param, task

from rca_plugin.worker.operators.repair import PlanRepairOperator

with DAG(
    "plans_a_repair",
    schedule=None,
    params={"incident_id": Param(type="integer", minimum=1)},
    default_args={"retries": 5, "retry_delay": timedelta(seconds=10)},
    tags=["rca"],
    is_paused_upon_creation=False,
):
    PlanRepairOperator(task_id="plan_repair", incident_id="{{ params.incident_id }}")

for number in range(4):
    with DAG(f"fails_once_{number}", schedule=None, is_paused_upon_creation=False) as dag:

        @task(retries=0)
        def load(ti: object = None) -> None:
            if ti.try_number == 1:  # type: ignore[attr-defined]
                raise ConnectionError("the warehouse does not answer")

        load()
    globals()[dag.dag_id] = dag
