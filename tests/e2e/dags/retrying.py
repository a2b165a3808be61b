"""Tasks whose tries are decided about by the retry policy. Airflow itself would wait ten minutes for the next one."""

from __future__ import annotations

import os
import socket
import urllib.request
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import dag, get_current_context, task

from rca_plugin.worker.retry_policy import RcaRetryPolicy

POLICY = RcaRetryPolicy(base=timedelta(seconds=1), cap=timedelta(seconds=2))
RETRIES = {"retries": 3, "retry_delay": timedelta(minutes=10), "retry_policy": POLICY}
DEFAULTS = {"schedule": None, "is_paused_upon_creation": False, "default_args": RETRIES}


def is_first_try() -> bool:
    return get_current_context()["ti"].try_number == 1


@dag(**DEFAULTS)
def stops_without_permission():
    @task
    def work():
        raise PermissionError(13, "Permission denied", "/srv/orders")

    work()


@dag(**DEFAULTS)
def recovers_from_a_refused_connection():
    def work():
        if is_first_try():
            with socket.socket() as unused:
                unused.bind(("127.0.0.1", 0))
                port = unused.getsockname()[1]
            socket.create_connection(("127.0.0.1", port), timeout=5)

    PythonOperator(task_id="work", python_callable=work)


@dag(**DEFAULTS)
def is_told_to_wait():
    class Busy(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(429)
            self.send_header("Retry-After", "2")
            self.end_headers()

    @task
    def work():
        if is_first_try():
            server = HTTPServer(("127.0.0.1", 0), Busy)
            Thread(target=server.handle_request, daemon=True).start()
            urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/orders", timeout=10)

    work()


@dag(**DEFAULTS)
def stops_in_one_index():
    @task
    def work(number: int):
        if number == 1:
            raise PermissionError(13, "Permission denied", f"/srv/orders/{number}")
        if is_first_try():
            raise ConnectionResetError(104, "Connection reset by peer")

    work.expand(number=[0, 1])


@dag(**DEFAULTS)
def stops_at_its_second_poke():
    # Its second poke is not due before the test says so.
    @task.sensor(poke_interval=3600, timeout=7200, mode="reschedule")
    def work():
        poked = Path(os.environ["AIRFLOW_HOME"], f"poked-{get_current_context()['run_id']}")
        if poked.exists():
            raise PermissionError(13, "Permission denied", "/srv/orders")
        poked.touch()
        return False

    work()


stops_without_permission()
recovers_from_a_refused_connection()
is_told_to_wait()
stops_in_one_index()
stops_at_its_second_poke()
