"""`rca remediate`: look what could be repaired about an incident, and have it decided, as its run would.

Run it where a worker runs. With --dry-run nothing is kept, nobody is asked, and nothing is done.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rca_plugin.config import ConfigError
from rca_plugin.core.remediation.decision import Verdict
from rca_plugin.core.remediation.foreseen import foreseen
from rca_plugin.core.remediation.sentence import PENDING

if TYPE_CHECKING:
    from rca_plugin.worker.remediation_client import RemediationClient

_LABEL = re.compile(r"(?:RCA-)?([1-9][0-9]{0,17})", re.IGNORECASE)
# Somebody waits for it.
_ANSWER_SECONDS = 10.0
_STOPPED = 1
_WRONG = 2


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("remediate", help="have the repair of an incident decided, and planned")
    parser.add_argument("incident", help="such as RCA-42")
    parser.add_argument(
        "--dry-run", action="store_true", help="only show what would be decided, and do nothing"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what is decided. 0 when it goes its way, or would; 1 when a guard stops it; 2 when nothing was decided."""
    from rca_plugin.worker.client import ServerError
    from rca_plugin.worker.remediation_client import RemediationClient

    found = _LABEL.fullmatch(args.incident)
    if found is None:
        print(f"rca remediate {args.incident}: an incident is called such as RCA-42", file=sys.stderr)
        return _WRONG
    try:
        with RemediationClient(subject="remediate", timeout=_ANSWER_SECONDS) as client:
            planned = _planned(client, int(found[1]), dry_run=args.dry_run)
    except (ServerError, ConfigError) as error:
        print(f"rca remediate {args.incident}: {error}", file=sys.stderr)
        return _WRONG
    for line in _shown(planned):
        print(line)
    return _STOPPED if planned["decision"]["verdict"] in (Verdict.REFUSE, Verdict.OFF) else 0


def _planned(client: RemediationClient, number: int, *, dry_run: bool) -> dict[str, Any]:
    """As `plan_repair` of the DAG does it, but that it also decides where nothing is worth proposing."""
    from rca_plugin.worker.repairs.choice import proposals_for

    options = client.repair_options(number)["options"]
    proposals, problems = proposals_for(client.incident(number), options)
    return client.plan_repair(number, proposals, problems, dry_run=dry_run)


def _shown(planned: Mapping[str, Any]) -> Iterator[str]:
    decision, number = planned["decision"], planned["remediation_id"]
    yield foreseen(decision)
    if number is not None:
        yield f"It is planned as repair {number}: see the page of the incident."
    proposal = decision["proposal"]
    if proposal:
        yield f"\nIt touches {len(proposal['blast_radius'])}:"
        yield from (f"  - {name}" for name in proposal["blast_radius"])
    yield f"\nMode {decision['mode']}, attempt {decision['attempt']} of {decision['attempts']}"
    yield from (f"  {_mark(rule)} {rule['name']}: {rule['why']}" for rule in decision["rules"])


def _mark(rule: Mapping[str, Any]) -> str:
    if rule["allows"]:
        return "passes"
    return "waits " if rule["name"] in PENDING else "stops "
