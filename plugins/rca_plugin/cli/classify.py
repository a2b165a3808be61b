"""`rca classify`: what the rules say about failures given as JSON lines."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rca_plugin.cli.failures import MALFORMED, opened, readable_rows, symptom_of
from rca_plugin.core.classification import classify
from rca_plugin.core.data import data_folder
from rca_plugin.core.rule_files import load_rules
from rca_plugin.core.rules import Rules
from rca_plugin.core.yaml_file import RuleError


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the subcommand; `args.run` is what to call."""
    parser = subparsers.add_parser("classify", help="say which category each failure has, by the rules")
    parser.add_argument(
        "--jsonl", required=True, metavar="FILE", help="JSON lines with id, source, code, message; - is stdin"
    )
    parser.add_argument("--include", type=Path, default=None, metavar="FOLDER", help="data folder to use")
    parser.add_argument(
        "--rules",
        type=Path,
        default=None,
        metavar="FOLDER",
        help="own rules to use; else those of [rca] rules_folder",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Classify every line. 0 when all were readable, 2 when a line, the file or a rule was not."""
    try:
        rules = load_rules(
            getattr(args, "include", None) or data_folder(), *own_rules(getattr(args, "rules", None))
        )
        with opened(args.jsonl) as lines:
            return _classify_all(lines, rules)
    except (RuleError, OSError) as error:
        print(f"rca classify: {error}", file=sys.stderr)
        return MALFORMED


def own_rules(given: Path | None) -> tuple[Path, ...]:
    """The own rules that were given, else those of this deployment; none on a machine without Airflow."""
    if given is not None:
        return (given,)
    try:
        from rca_plugin import config

        return config.own_rules()
    except ImportError:
        return ()


def _classify_all(lines: Iterable[bytes], rules: Rules) -> int:
    status = 0
    for row in readable_rows(lines):
        if isinstance(row, ValueError):
            print(f"rca classify: {row}", file=sys.stderr)
            status = MALFORMED
        else:
            print(json.dumps(_answer(row, rules)))
    return status


def _answer(row: dict[str, Any], rules: Rules) -> dict[str, Any]:
    found = classify(symptom_of(row), rules)
    return {
        "id": row.get("id"),
        "category": found.category.value,
        "remediable": found.remediable,
        "severity": found.severity.value,
        "rule": found.rule,
        "matched": found.matched,
        "confidence": found.confidence,
    }
