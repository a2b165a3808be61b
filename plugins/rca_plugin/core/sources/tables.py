"""Rows of a log query, as Log Analytics puts them into an alert, with the names of their columns or without."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rca_plugin.core.sources.batch import bounded
from rca_plugin.core.sources.facts import Facts, folded
from rca_plugin.core.sources.fields import instant

_ADF = ("TimeGenerated", "PipelineName", "RunId", "ActivityName", "ErrorCode", "ErrorMessage")
_CLUSTER = (
    "TimeGenerated", "ClusterId", "ClusterName", "State", "TerminationCode", "TerminationType", "FailureText",
)  # fmt: skip
_CLUSTER_ID = re.compile(r"\d{4}-\d{6}-\w{1,40}")


def rows_of(results: object) -> list[Facts]:
    """All rows of all tables; none for what is no table.

    Raises BodyError for more than 1,000.
    """
    tables = folded(results).get("tables")
    return bounded(row for table in tables for row in _rows(table)) if isinstance(tables, list) else []


def _rows(table: object) -> Iterator[Facts]:
    said = folded(table)
    columns = [_column(column) for column in _listed(said.get("columns"))]
    for row in _listed(said.get("rows")):
        facts = Facts.of(row.items()) if isinstance(row, Mapping) else _named(columns, _listed(row))
        if facts:
            yield facts


def _column(column: object) -> str:
    name = column if isinstance(column, str) else folded(column).get("name")
    return name if isinstance(name, str) else ""


def _named(columns: list[str], row: list[Any]) -> Facts:
    names = columns or _documented(row)
    numbered = [f"column {place + 1}" for place in range(len(names), len(row))]
    return Facts.of(zip([*names, *numbered], row, strict=False))


def _documented(row: list[Any]) -> tuple[str, ...]:
    """The names that the setup guides give columns in this place; none for any other row."""
    if len(row) < 2 or instant(row[0]) is None:
        return ()
    if isinstance(row[1], str) and _CLUSTER_ID.fullmatch(row[1]) and 4 <= len(row) <= len(_CLUSTER):
        return _CLUSTER
    return _ADF if len(row) == len(_ADF) else ()


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
