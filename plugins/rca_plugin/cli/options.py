"""`rca options`: the table of options, from which docs/options.md is made."""

from __future__ import annotations

import argparse
from typing import Any

from rca_plugin.config import options

_INTRODUCTION = """# Options

Every option of the section `[rca]` in `airflow.cfg`. Each can be set as an environment variable, such as
`AIRFLOW__RCA__LISTENER_TIMEOUT=3`. A value that is not allowed keeps the plugin from loading, with an error that
names the option and what is allowed.

This page is made by `make docs` from the code that reads the options.
"""


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("options", help="print the table of options, as in docs/options.md")
    parser.set_defaults(run=run)


def run(_args: argparse.Namespace) -> int:
    """Print the page."""
    print(page(), end="")
    return 0


def page() -> str:
    """docs/options.md."""
    rows = [f"| `{o.name}` | {o.type} | `{o.default}` | {o.allowed} | {o.description} |" for o in options()]
    header = ["| option | type | default | allowed | meaning |", "|---|---|---|---|---|"]
    return "\n".join([_INTRODUCTION, *header, *rows, ""])
