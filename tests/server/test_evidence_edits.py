"""Edits of connections, variables and pools are named from Airflow's audit log, without a value that is secret.

The entries are what Airflow 3.3.2 writes; the end-to-end tests see it write them.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.orders import FAILED, NOW, evidence, logged, orders, ran, texts, worked_yesterday

pytestmark = pytest.mark.usefixtures("database")


def patched(name: str, **fields: Any) -> dict[str, Any]:
    return {"connection_id": name, "conn_type": "postgres", **fields, "method": "PATCH"}


def edits(**failure: Any) -> list[str]:
    ran("today", FAILED, at=NOW, fields={"env": {"DB": "orders_db"}})
    found = texts("change", evidence(**failure))
    return [text for text in found if text.startswith(("Connection", "Variable", "Pool"))]


def command(*words: str) -> dict[str, str]:
    return {"host_name": "box", "full_command": str(["/usr/bin/airflow", *words])}


def test_a_connection_that_the_task_names_is_named_first() -> None:
    worked_yesterday()
    logged(
        "patch_connection", patched("orders_db", host="new.internal", password="***", extra={"sslkey": "***"})
    )
    logged("patch_connection", patched("hr_db", host="hr.internal"), minutes=5, by="grace")
    first, other = edits()
    assert first.splitlines()[0] == (
        "Connection orders_db was edited by ada 12 minutes before the failure (2026-11-24 02:48:00 UTC): "
        "the task's fields name it"
    )
    assert 'host: "new.internal"' in first
    assert 'password: "***"' in first
    assert other.startswith("Connection hr_db was edited by grace 5 minutes before the failure")
    assert other.endswith("nothing says that this task uses it")


@pytest.mark.parametrize(
    ("event", "extra", "title"),
    [
        ("post_connection", patched("orders_db"), "Connection orders_db was created by ada "),
        ("delete_connection", {"connection_id": "orders_db", "method": "DELETE"}, "Connection orders_db was deleted"),
        ("patch_variable", {"key": "orders_db", "value": "***", "method": "PATCH"}, "Variable orders_db was edited"),
        ("post_variable", {"key": "orders_db", "value": "***"}, "Variable orders_db was created"),
        ("delete_variable", {"variable_key": "orders_db", "method": "DELETE"}, "Variable orders_db was deleted"),
        ("patch_pool", {"pool_name": "default_pool", "slots": 1}, "Pool default_pool was edited"),
        ("cli_connections_add", command("connections", "add", "orders_db", "--conn-uri", "x://u:hunter2@h"),
         "Connection orders_db was created by ada, on the command line"),
        ("cli_variables_set", command("variables", "set", "orders_db", "hunter2"), "Variable orders_db was set by ada"),
        ("cli_variables_import", command("variables", "import", "all.json"), "Variables were imported by ada"),
        ("cli_pool_set", command("pools", "set", "default_pool", "1", "x"), "Pool default_pool was set by ada"),
    ],
)  # fmt: skip
def test_each_way_to_edit_is_understood(event: str, extra: dict[str, Any], title: str) -> None:
    worked_yesterday()
    logged(event, extra)
    [text] = edits()
    assert text.startswith(title)
    assert "hunter" not in text


def test_each_entity_of_a_bulk_request_is_an_edit() -> None:
    worked_yesterday()
    update = {"action": "update", "entities": [patched("orders_db", host="new"), patched("hr_db")]}
    logged("bulk_connections", {"actions": [update, {"action": "delete", "entities": ["old_db"]}]})
    assert [text.partition(" by ")[0] for text in edits()] == [
        "Connection orders_db was edited", "Connection hr_db was edited", "Connection old_db was deleted",
    ]  # fmt: skip


def test_of_what_nothing_ties_to_the_task_little_is_told() -> None:
    worked_yesterday()
    for number in range(20):
        logged("patch_variable", {"key": f"other_{number}", "value": "***"}, minutes=10 + number)
    logged("patch_pool", {"pool_name": "elsewhere", "slots": 3})
    assert [text.split()[1] for text in edits()] == ["other_0", "other_1", "other_2"]


@pytest.mark.parametrize(
    ("command", "how"),
    [
        ("load --from {{ conn.orders_db.host }}", "the task's fields name it"),
        ("load --limit {{ var.value['orders_db'] }}", "the task's fields name it"),
        ("load --table my_orders_db", "the DAG's file names it"),
    ],
)
def test_a_template_that_names_it_is_a_use(command: str, how: str) -> None:
    worked_yesterday(dag=orders(command=command, env={}))
    logged("patch_connection", patched("orders_db"))
    ran("today", FAILED, at=NOW)
    [text] = [text for text in texts("change", evidence()) if text.startswith("Connection")]
    assert text.splitlines()[0].endswith(how)


def test_variables_that_are_set_all_the_time_do_not_hide_a_connection() -> None:
    worked_yesterday()
    logged("patch_connection", patched("orders_db"), minutes=600)
    for number in range(250):
        logged("patch_variable", {"key": "heartbeat", "value": "***"}, minutes=1 + number)
    assert [text.split()[1] for text in edits()] == ["orders_db", "heartbeat"]


def test_what_was_edited_before_the_last_success_or_after_the_failure_is_not_told() -> None:
    worked_yesterday()
    logged("patch_connection", patched("orders_db"), minutes=60 * 25)
    logged("patch_connection", patched("orders_db"), minutes=-1)
    assert edits() == []


def test_of_many_edits_of_one_thing_the_newest_is_told() -> None:
    worked_yesterday()
    for minutes in (30, 20, 10):
        logged("patch_connection", patched("orders_db", port=minutes), minutes=minutes)
    [text] = edits()
    assert "10 minutes before" in text
    assert "port: 10" in text


def test_a_connection_is_known_by_its_host_in_the_error() -> None:
    worked_yesterday()
    logged("patch_connection", patched("warehouse", host="new.internal"))
    [text] = edits(message="could not translate host name new.internal")
    assert text.splitlines()[0].endswith("the error names its host")


@pytest.mark.parametrize(
    "extra",
    [
        "",
        "nothing of JSON",
        "[1]",
        '{"actions": [1, {"entities": 3}]}',
        '{"connection_id": 5}',
        "x" * 300_000,
    ],
)
def test_an_entry_that_cannot_be_read_is_left_out(extra: str) -> None:
    worked_yesterday()
    for event in ("patch_connection", "bulk_connections", "cli_connections_add"):
        logged(event, extra)
    found = edits()
    assert [text for text in found if " None " in text] == []
    assert [text for text in texts("missing", evidence()) if text.startswith("Edits")] == []
