"""The command `rca`. A subcommand's module is imported only when it is asked for: some need no Airflow."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

import rca_plugin

_COMMANDS = {
    "backtest": "show what policy would have decided about past incidents",
    "classify": "classify failures given as JSON lines",
    "doctor": "check the installation, each finding with its fix",
    "downgrade": "take our tables back to an earlier revision, or away",
    "options": "print the table of options, as in docs/options.md",
    "remediate": "have the repair of an incident decided, and planned",
    "replay": "analyze an incident again from what was stored, and compare",
    "rules": "check rules of your own, and see what they would change",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and answer its exit code: 0 fine, 1 problems found, 2 wrong usage or input."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="rca", description="Root cause analysis for Apache Airflow.")
    parser.add_argument("--version", action="version", version=rca_plugin.__version__)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in _COMMANDS.items():
        if name in words[:1]:
            importlib.import_module(f"{__name__}.{name}").add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=summary)
    args = parser.parse_args(words)
    return _run(args)


def _run(args: argparse.Namespace) -> int:
    try:
        code: int = args.run(args)
    except BrokenPipeError:
        # The reader of our output went away: so may we, without a second error when Python flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code
