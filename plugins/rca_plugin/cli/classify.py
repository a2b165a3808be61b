"""`rca classify`: what the rules say about failures given as JSON lines."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rca_plugin.core.classification import Symptom, classify
from rca_plugin.core.data import data_folder
from rca_plugin.core.rule_files import load_rules
from rca_plugin.core.rules import Rules
from rca_plugin.core.yaml_file import RuleError

_MALFORMED = 2


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the subcommand; `args.run` is what to call."""
    parser = subparsers.add_parser("classify", help="say which category each failure has, by the rules")
    parser.add_argument(
        "--jsonl", required=True, metavar="FILE", help="JSON lines with id, source, code, message; - is stdin"
    )
    parser.add_argument("--include", type=Path, default=None, metavar="FOLDER", help="data folder to use")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Classify every line. 0 when all were readable, 2 when a line, the file or a rule was not."""
    try:
        rules = load_rules(getattr(args, "include", None) or data_folder())
        with _opened(args.jsonl) as lines:
            return _classify_all(lines, rules)
    except (RuleError, OSError) as error:
        print(f"rca classify: {error}", file=sys.stderr)
        return _MALFORMED


@contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    if name == "-":
        yield sys.stdin.buffer
    else:
        with Path(name).open("rb") as file:
            yield file


def _classify_all(lines: Iterable[bytes], rules: Rules) -> int:
    status = 0
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                row = _row(line)
            except ValueError as error:
                print(f"rca classify: line {number}: {error}", file=sys.stderr)
                status = _MALFORMED
            else:
                print(json.dumps(_answer(row, rules)))
    return status


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


def _answer(row: dict[str, Any], rules: Rules) -> dict[str, Any]:
    code = row.get("code")
    found = classify(Symptom(row["source"], None if code is None else str(code), row["message"]), rules)
    return {
        "id": row.get("id"),
        "category": found.category.value,
        "remediable": found.remediable,
        "severity": found.severity.value,
        "rule": found.rule,
        "matched": found.matched,
    }
