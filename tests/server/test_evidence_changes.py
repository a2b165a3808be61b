"""What changed since the last success is named, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.models.dag_version import DagVersion
from airflow.models.dagcode import DagCode
from airflow.utils.session import create_session
from sqlalchemy import select, update

from tests.server.airflow_rows import add_dag
from tests.server.orders import (
    DAG_ID,
    DAY,
    FAILED,
    NOW,
    SUCCESS,
    evidence,
    orders,
    ran,
    texts,
    worked_yesterday,
)  # fmt: skip

pytestmark = pytest.mark.usefixtures("database")


def write_source(source: str, *, at_minutes_before: float = 60) -> None:
    """The source of the newest version, and when it was written."""
    with create_session(scoped=False) as session:
        version = DagVersion.get_latest_version(DAG_ID, session=session)
        values = {"source_code": source, "source_code_hash": str(hash(source))}
        values["last_updated"] = NOW - timedelta(minutes=at_minutes_before)
        session.execute(update(DagCode).where(DagCode.dag_version_id == version.id).values(**values))


def newest_version() -> int:
    with create_session(scoped=False) as session:
        version = DagVersion.get_latest_version(DAG_ID, session=session)
        return int(version.version_number)


def changes(**failure: str) -> list[str]:
    return texts("change", evidence(**failure))


def test_nothing_changed_is_no_fact() -> None:
    worked_yesterday(fields={"bash_command": "load 2026-11-23"}, conf={"a": 1})
    write_source("x = 1", at_minutes_before=60 * 48)
    ran("today", FAILED, at=NOW, fields={"bash_command": "load 2026-11-24"}, conf={"a": 1})
    assert changes() == []


def test_a_new_version_of_the_dag_is_named_with_what_differs() -> None:
    worked_yesterday()
    write_source("def load():\n    copy('orders')\n    password = 'hunter2'\n")
    before = newest_version()
    add_dag(orders(command="load --full {{ ds }}", more_tasks=("check",)))
    assert newest_version() == before + 1
    write_source("def load():\n    copy('orders_v2')\n    password = 'hunter3'\n")
    ran("today", FAILED, at=NOW)
    [text] = changes()
    assert text.splitlines()[0] == (
        f"DAG version {before} → {before + 1} since the last success (yesterday, 2026-11-23 03:00:00 UTC)"
    )
    assert "Tasks added: check" in text
    assert 'Task load.bash_command: "load {{ ds }}" → "load --full {{ ds }}"' in text
    assert "-    copy('orders')\n" in text
    assert "+    copy('orders_v2')\n" in text
    assert "hunter" not in text


def test_a_file_whose_edit_made_no_new_version_is_named() -> None:
    worked_yesterday()
    write_source("def load(): copy()", at_minutes_before=60)
    ran("today", FAILED, at=NOW)
    [text] = changes()
    assert text.startswith(
        "The DAG's file changed 2026-11-24 02:00:00 UTC, after the last success (yesterday, "
    )
    write_source("def load(): copy()", at_minutes_before=60 * 48)
    assert changes() == []


def test_a_file_that_was_edited_after_the_failure_did_not_cause_it() -> None:
    worked_yesterday()
    write_source("def load(): repaired()", at_minutes_before=-5)
    ran("today", FAILED, at=NOW)
    assert changes() == []


def test_another_bundle_version_is_named_though_the_dag_is_the_same() -> None:
    worked_yesterday(bundle="9f86d08")
    write_source("x = 1", at_minutes_before=60 * 48)
    ran("today", FAILED, at=NOW, bundle="e3b0c44")
    [text] = changes()
    assert text.startswith("DAG bundle 9f86d08 → e3b0c44 since the last success (yesterday, ")


def test_each_parameter_that_differs_is_a_fact() -> None:
    worked_yesterday(conf={"region": "eu", "token": "hunter2"})
    write_source("x = 1", at_minutes_before=60 * 48)
    ran("today", FAILED, at=NOW, conf={"region": "us", "rows": 5, "token": "hunter3"})
    found = changes()
    assert found[0] == 'Parameter region: "eu" → "us" since the last success (yesterday)'
    assert "Parameter rows: (none) → 5 since the last success (yesterday)" in found
    assert [text for text in found if text.startswith("Parameter token")]
    assert "hunter" not in str(found)


def test_a_conf_against_the_default_of_the_param() -> None:
    worked_yesterday()
    write_source("x = 1", at_minutes_before=60 * 48)
    ran("today", FAILED, at=NOW, conf={"region": "us"})
    assert changes() == ['Parameter region: "eu" → "us" since the last success (yesterday)']


def test_another_default_of_a_param_is_named() -> None:
    worked_yesterday()
    add_dag(orders(params={"region": "us"}))
    ran("today", FAILED, at=NOW)
    assert 'Parameter region: "eu" → "us" since the last success (yesterday)' in changes()


def test_template_fields_are_compared_without_what_differs_each_time() -> None:
    command = "load --day {} --run {} --table orders{}"
    worked_yesterday(
        fields={
            "bash_command": command.format("2026-11-23T03:00:00+00:00", "yesterday", ""),
            "cwd": "/20261123",
        }
    )
    write_source("x = 1", at_minutes_before=60 * 48)
    fields = {"bash_command": command.format("2026-11-24T03:00:00+00:00", "today", "_v2"), "cwd": "/20261124"}
    ran("today", FAILED, at=NOW, fields=fields)
    [text] = changes()
    assert text.startswith("Template fields differ from the last success (yesterday): bash_command\n")
    assert "orders_v2" in text
    assert "cwd" not in text


def test_secrets_in_template_fields_are_masked_by_their_names() -> None:
    worked_yesterday(fields={"env": {"DB_PASSWORD": "hunter2"}})
    ran("today", FAILED, at=NOW, fields={"env": {"DB_PASSWORD": "hunter3"}})
    [text] = [text for text in changes() if text.startswith("Template fields")]
    assert "DB_PASSWORD" in text
    assert "hunter" not in text


def test_the_last_success_is_the_newest_before_the_failure() -> None:
    worked_yesterday(conf={"region": "eu"})
    write_source("x = 1", at_minutes_before=60 * 48)
    ran("older", SUCCESS, at=NOW - 2 * DAY, conf={"region": "jp"})
    ran("today", FAILED, at=NOW, conf={"region": "us"})
    ran("tomorrow", SUCCESS, at=NOW + DAY, conf={"region": "br"})
    assert changes() == ['Parameter region: "eu" → "us" since the last success (yesterday)']


def test_a_dag_that_never_succeeded_has_no_changes() -> None:
    add_dag(orders())
    ran("yesterday", FAILED, at=NOW - DAY, conf={"region": "eu"})
    ran("today", FAILED, at=NOW, conf={"region": "us"})
    assert changes() == []


def test_a_run_that_failed_as_a_whole_is_compared_with_the_last_that_succeeded() -> None:
    worked_yesterday(conf={"region": "eu"})
    ran("today", FAILED, at=NOW, conf={"region": "us"})
    found = texts("change", evidence(task_id=None, try_number=0))
    assert 'Parameter region: "eu" → "us" since the last success (yesterday)' in found
    with create_session(scoped=False) as session:
        assert session.scalar(select(DagVersion.id).limit(1))


def test_a_version_that_is_gone_is_not_taken_for_an_empty_one() -> None:
    from airflow.models.serialized_dag import SerializedDagModel
    from sqlalchemy import delete

    worked_yesterday()
    with create_session(scoped=False) as session:
        gone = DagVersion.get_latest_version(DAG_ID, session=session).id
    add_dag(orders(command="load --full"))
    with create_session(scoped=False) as session:
        session.execute(delete(SerializedDagModel).where(SerializedDagModel.dag_version_id == gone))
    ran("today", FAILED, at=NOW, conf={"rows": 5})
    found = changes()
    assert found[0].startswith("DAG version ")
    assert "added" not in found[0]
    assert [text for text in found if text.startswith("Parameter")] == [
        "Parameter rows: (none) → 5 since the last success (yesterday)"
    ]


def test_template_fields_that_airflow_has_not_kept_are_missing() -> None:
    worked_yesterday()
    ran("today", FAILED, at=NOW, fields={"bash_command": "load"})
    found = texts("missing", evidence())
    assert [text for text in found if text.startswith("The template fields of the last success could not be")]
