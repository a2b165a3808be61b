"""Failures given to a command: JSON lines with id, source, code and message."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rca_plugin.core.classification import Symptom

#: What a command answers when it could not read what it was given.
MALFORMED = 2


@contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """The file of this name, or standard input for `-`."""
    if name == "-":
        yield sys.stdin.buffer
    else:
        with Path(name).open("rb") as file:
            yield file


def readable_rows(lines: Iterable[bytes]) -> Iterator[dict[str, Any] | ValueError]:
    """The rows, and in the place of each that is not readable what is wrong with which line."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield _row(line)
            except ValueError as error:
                yield ValueError(f"line {number}: {error}")


def symptom_of(row: dict[str, Any]) -> Symptom:
    """What the rules look at of a row."""
    code = row.get("code")
    return Symptom(row["source"], None if code is None else str(code), row["message"])


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(row, dict):
        raise ValueError(f"expected a JSON object, got {type(row).__name__}")
    _check(row)
    return row


def _check(row: dict[str, Any]) -> None:
    for key in ("source", "message"):
        if not isinstance(row.get(key), str):
            raise ValueError(f"{key!r} must be a text")
    if not isinstance(row.get("code"), (str, int, type(None))):
        raise ValueError("'code' must be a text or null")
