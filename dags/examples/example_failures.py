"""DAGs that fail, each for a real reason of its own. Nothing is made up: the error is what Python, the kernel
or Airflow says.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import time
import urllib.request
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag, get_current_context, task

from rca_plugin.worker.retry_policy import RcaRetryPolicy

DEFAULTS = {"schedule": None, "tags": ["example"], "is_paused_upon_creation": False}


@dag(
    description="The warehouse is being restarted: it listens again by the time somebody clears the task.",
    default_args={"owner": "data-platform"},
    **DEFAULTS,
)
def example_warehouse_load():
    @task
    def load_orders():
        with socket.socket() as warehouse:
            warehouse.bind(("127.0.0.1", 0))
            if get_current_context()["ti"].try_number > 1:
                warehouse.listen()
            socket.create_connection(warehouse.getsockname(), timeout=5).close()

    load_orders()


@dag(description="The file of today has not arrived.", default_args={"owner": "finance"}, **DEFAULTS)
def example_invoice_import():
    @task(retries=1, retry_delay=timedelta(seconds=2))
    def read_invoices():
        return Path("/data/landing/invoices/2026-11-23.csv").read_text()

    read_invoices()


@dag(
    description="A key that the code expects is not in the data.", default_args={"owner": "sales"}, **DEFAULTS
)
def example_customer_export():
    @task
    def build_rows():
        customers = [{"id": 1, "name": "Ada"}, {"id": 2, "full_name": "Grace"}]
        return [(customer["id"], customer["name"]) for customer in customers]

    build_rows()


@dag(description="A service answers 503.", default_args={"owner": "data-platform"}, **DEFAULTS)
def example_rates_api():
    class Overloaded(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(503, "Service Unavailable")

    @task
    def fetch_rates():
        server = HTTPServer(("127.0.0.1", 0), Overloaded)
        Thread(target=server.handle_request, daemon=True).start()
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/rates", timeout=10) as answer:
            return json.load(answer)

    fetch_rates()


@dag(description="The column was renamed upstream.", default_args={"owner": "analytics"}, **DEFAULTS)
def example_revenue_report():
    @task
    def query_revenue():
        with sqlite3.connect(":memory:") as database:
            database.execute("CREATE TABLE orders (id INTEGER, gross_amount REAL)")
            return database.execute("SELECT SUM(net_amount) FROM orders").fetchall()

    query_revenue()


@dag(description="A task runs longer than it may.", default_args={"owner": "analytics"}, **DEFAULTS)
def example_slow_aggregation():
    @task(execution_timeout=timedelta(seconds=3))
    def aggregate():
        time.sleep(60)

    aggregate()


@dag(description="One file of many is not what it should be.", default_args={"owner": "sales"}, **DEFAULTS)
def example_partner_files():
    @task
    def parse(text: str) -> int:
        return len(json.loads(text))

    parse.expand(text=['{"rows": 1}', '{"rows": 2,}', '{"rows": 3}'])


@dag(
    description="The kernel kills the process, as it does when memory runs out.",
    default_args={"owner": "ml"},
    **DEFAULTS,
)
def example_model_training():
    @task
    def train():
        os.kill(os.getpid(), signal.SIGKILL)

    train()


@dag(
    description="A template names a parameter that is not there.",
    default_args={"owner": "marketing"},
    **DEFAULTS,
)
def example_campaign_mail():
    BashOperator(task_id="render", bash_command="echo {{ params.campaign.name }}")


@dag(
    description="A service is not up yet; the retry policy knows that this may pass.",
    default_args={"owner": "data-platform"},
    **DEFAULTS,
)
def example_order_status():
    class Ready(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(204)
            self.end_headers()

    @task(retries=3, retry_policy=RcaRetryPolicy(base=timedelta(seconds=2)))
    def fetch_status():
        server = HTTPServer(("127.0.0.1", 0), Ready)
        if get_current_context()["ti"].try_number == 1:
            server.server_close()
        else:
            Thread(target=server.handle_request, daemon=True).start()
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/orders", timeout=10) as answer:
            return answer.status

    fetch_status()


example_warehouse_load()
example_invoice_import()
example_customer_export()
example_rates_api()
example_revenue_report()
example_slow_aggregation()
example_partner_files()
example_model_training()
example_campaign_mail()
example_order_status()
