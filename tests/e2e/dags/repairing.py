"""A DAG whose task fails while a database does not answer."""

from __future__ import annotations

import psycopg2
from airflow.sdk import BaseHook, dag, task


@dag(schedule=None, is_paused_upon_creation=False)
def loads_into_a_warehouse():
    @task
    def load():
        known = BaseHook.get_connection("warehouse")
        with psycopg2.connect(
            host=known.host, port=known.port, user=known.login, password=known.password, dbname=known.schema,
            connect_timeout=2, sslmode="disable",
        ) as database, database.cursor() as cursor:  # fmt: skip
            cursor.execute("SELECT 1")

    @task
    def report():
        return "loaded"

    load() >> report()


loads_into_a_warehouse()
