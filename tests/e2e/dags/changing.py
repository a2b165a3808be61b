"""DAGs that work until something around them changes, and one that talks on after its error."""

from __future__ import annotations

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import Variable, dag, task

DEFAULTS = {"schedule": None, "is_paused_upon_creation": False}


@dag(**DEFAULTS)
def depends_on_a_connection():
    BashOperator(
        task_id="load",
        bash_command='test "$DB_HOST" = old.internal',
        env={"DB_HOST": "{{ conn.orders_db.host }}", "ARCHIVE": "orders_archive"},
    )


@dag(**DEFAULTS)
def depends_on_a_variable():
    @task
    def load():
        if int(Variable.get("orders_limit")) > 5:
            raise ValueError("more orders than this may load")

    load()


@dag(params={"region": "eu"}, **DEFAULTS)
def depends_on_a_parameter():
    extract = BashOperator(task_id="extract", bash_command="true")
    extract >> BashOperator(task_id="load", bash_command="test {{ params.region }} = eu")


def _talk(_: object) -> None:
    for number in range(600):
        print(f"closing connection {number}")


@dag(**DEFAULTS)
def fails_and_talks_on():
    @task(on_failure_callback=_talk)
    def load():
        try:
            raise OSError(28, "No space left on device", "/data/orders.parquet")
        except OSError as error:
            raise RuntimeError("the orders could not be loaded") from error

    load()


depends_on_a_connection()
depends_on_a_variable()
depends_on_a_parameter()
fails_and_talks_on()
