"""`rca downgrade`: take our tables back to an earlier revision, or away before the plugin is removed.

`airflow db downgrade` of Airflow 3.3 leaves the tables of external managers alone.
"""

from __future__ import annotations

import argparse
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("downgrade", help="take our tables back to an earlier revision, or away")
    parser.add_argument("--to-revision", required=True, help="a revision, or `base` to remove our tables")
    parser.add_argument("--yes", action="store_true", help="do it without asking; what is removed is lost")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask, then do it."""
    if not args.yes and input(f"Take our tables back to {args.to_revision}? Type yes: ") != "yes":
        print("Nothing was changed.")
        return 1
    from airflow.utils.session import create_session

    from rca_plugin.server.db_manager import RcaDBManager

    with create_session(scoped=False) as session:
        RcaDBManager(session).downgrade(args.to_revision)
    print(f"Our tables are at {args.to_revision}.")
    return 0
