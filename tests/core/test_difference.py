"""What differs between two values and two versions of a DAG, in lines that have no secrets in them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.dag_difference import dag_difference, params_of, source_difference
from rca_plugin.core.difference import difference
from rca_plugin.core.redaction import Redactor

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


def lines(before: Any, after: Any) -> list[str]:
    return difference(before, after, Redactor(), name="conf")


def test_each_part_that_differs_is_a_line_with_its_name() -> None:
    before = {"region": "eu", "limits": {"rows": 10}, "gone": 1, "same": [1, 2]}
    after = {"region": "us", "limits": {"rows": 20}, "same": [1, 2], "new": True}
    assert lines(before, after) == [
        'conf.region: "eu" → "us"', "conf.limits.rows: 10 → 20", "conf.gone: 1 → (none)", "conf.new: (none) → true",
    ]  # fmt: skip


def test_that_a_secret_changed_is_said_but_not_what_it_is() -> None:
    for before, after in (
        ({"db_password": "hunter2"}, {"db_password": "hunter3"}),
        ({"env": {"API_TOKEN": "hunter2"}}, {"env": {"API_TOKEN": "hunter3"}}),
        ([{"name": "DB_PASSWORD", "value": "hunter2"}], [{"name": "DB_PASSWORD", "value": "hunter3"}]),
        ("ftp://etl:hunter2@files/", "ftp://etl:hunter3@files/"),
        ({}, {"login": {"password": "hunter2"}}),
    ):
        [line] = lines(before, after)
        assert "hunter" not in line
        assert "***" in line


def test_of_long_texts_only_the_place_that_differs_is_shown() -> None:
    query = "SELECT " + ", ".join(f"column_{n}" for n in range(200)) + " FROM {} WHERE day = today"
    [line] = lines(query.format("orders"), query.format("orders_v2"))
    assert "FROM orders WHERE" in line
    assert "FROM orders_v2 WHERE" in line
    assert len(line) < 800


@given(JSON, JSON)
def test_there_are_lines_exactly_if_the_values_differ(before: Any, after: Any) -> None:
    assert bool(lines(before, after)) == (before != after)


def a_dag(*tasks: dict[str, Any], params: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    listed = [[name, {"__class": "Param", "default": value}] for name, value in (params or {}).items()]
    wrapped = [{"__type": "operator", "__var": task} for task in tasks]
    return {"__version": 3, "dag": {"dag_id": "orders", "tasks": wrapped, "params": listed, **fields}}


def a_task(name: str, **fields: Any) -> dict[str, Any]:
    return {"task_id": name, "ui_color": "#fff", **fields}


def test_tasks_and_settings_of_a_dag() -> None:
    before = a_dag(
        a_task("extract", retries=1), a_task("load", sql="a", ui_color="#000"), fileloc="/a", catchup=True
    )
    after = a_dag(
        a_task("extract", retries=2), a_task("load", sql="b"), a_task("check"), fileloc="/b", catchup=False
    )
    assert dag_difference(before, after, "load", Redactor()) == [
        "Tasks added: check",
        'Task load.sql: "a" → "b"',
        "Task extract.retries: 1 → 2",
        "DAG.catchup: true → false",
    ]
    assert dag_difference(after, before, None, Redactor())[0] == "Tasks removed: check"


def test_params_are_those_of_the_dag_once() -> None:
    before = a_dag(a_task("load", params=["…"]), params={"region": "eu"})
    after = a_dag(a_task("load", params=["other"]), params={"region": "us"})
    assert params_of(after) == {"region": "us"}
    assert dag_difference(before, after, "load", Redactor()) == ['DAG.params.region: "eu" → "us"']


def test_a_dag_that_changed_everywhere_is_told_in_few_lines() -> None:
    before = a_dag(*(a_task(f"task_{n}", sql="a") for n in range(300)))
    after = a_dag(
        *(a_task(f"task_{n}", sql="b") for n in range(300)), *(a_task(f"new_{n}") for n in range(50))
    )
    found = dag_difference(before, after, "task_200", Redactor())
    assert found[0].startswith("Tasks added: new_0, ")
    assert found[0].endswith("and 40 more")
    assert found[1] == 'Task task_200.sql: "a" → "b"'
    assert found[-1] == "… 280 more"


def test_the_lines_of_a_file_that_changed() -> None:
    before = "\n".join(f"line {n}" for n in range(100))
    after = before.replace("line 50", "line fifty")
    assert {"-line 50", "+line fifty"} <= set(source_difference(before, after))
    assert len(source_difference(before, after)) < 8
    assert source_difference("x\n" * 5_000, "y\n" * 5_000) == ["(the file is too long to compare)"]
    assert len(source_difference("x\n" * 500, "y\n" * 500)) == 61
