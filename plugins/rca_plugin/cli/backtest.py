"""`rca backtest`: what policy would have decided about past incidents. Nothing is done, and nothing kept.

Run it where a worker runs.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rca_plugin.config import ConfigError
from rca_plugin.core.remediation.decision import Verdict
from rca_plugin.core.remediation.foreseen import foreseen
from rca_plugin.core.remediation.record import Hindsight

_ANSWER_SECONDS = 120.0
_MOST_DAYS = 365
_WRONG = 2
_DONE = (Verdict.ASK.value, Verdict.ACT.value)
_BECAME = {
    Hindsight.WOULD_HAVE_SUCCEEDED.value: "it worked when it was tried again",
    Hindsight.FAILED_AGAIN.value: "it failed again",
    Hindsight.NOBODY_TRIED.value: "nobody tried again",
}


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "backtest", help="show what policy would have decided about past incidents"
    )
    parser.add_argument(
        "--since", default="30d", type=_days, metavar="30d", help="how many days to look back"
    )
    parser.add_argument("--summary", action="store_true", help="only the numbers")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print each incident with what would have been decided, and the numbers. 2 when there is no answer."""
    from rca_plugin.worker.client import ServerError
    from rca_plugin.worker.remediation_client import RemediationClient

    try:
        with RemediationClient(subject="backtest", timeout=_ANSWER_SECONDS) as client:
            found = client.backtest(args.since)
    except (ServerError, ConfigError) as error:
        print(f"rca backtest: {error}", file=sys.stderr)
        return _WRONG
    for line in _shown(found, summary=args.summary):
        print(line)
    return 0


def _days(text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,2})d", text)
    if found is None or int(found[1]) > _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days; write 1d to {_MOST_DAYS}d")
    return int(found[1])


def _shown(found: Mapping[str, Any], *, summary: bool) -> Iterator[str]:
    incidents = found["incidents"]
    if not summary:
        yield from (_line(incident) for incident in incidents)
        yield ""
    yield f"{len(incidents)} incidents in the last {found['days']} days, as the policy is now:"
    counts = found["counts"]
    yield from (
        f"  {counts[verdict.value]:>5} {verdict.value}" for verdict in Verdict if counts.get(verdict.value)
    )
    yield from _hindsight(incidents)
    if found["more"]:
        yield "There were more: only the newest are looked at."


def _line(incident: Mapping[str, Any]) -> str:
    at = incident["opened_at"][:16].replace("T", " ")
    name = f"{incident['label']:<9} {at}  {incident['category']:<18} {incident['resource']}"
    became = _BECAME.get(incident["hindsight"], incident["hindsight"])
    return f"{name}\n          {foreseen(incident['decision'])} In fact {became}."


def _hindsight(incidents: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    done = Counter(one["hindsight"] for one in incidents if one["decision"]["verdict"] in _DONE)
    if done:
        said = ", ".join(f"{done[name]} {words}" for name, words in _BECAME.items() if done[name])
        yield f"Of the {done.total()} that would have been repaired, once approved: {said}."
