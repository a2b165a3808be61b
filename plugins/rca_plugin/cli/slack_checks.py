"""What `rca doctor` says of where incidents go, and of the daily digests."""

from __future__ import annotations

from collections.abc import Iterator

from rca_plugin.cli.finding import Finding
from rca_plugin.config import routing_file
from rca_plugin.core.routing_file import load_routing
from rca_plugin.core.yaml_file import RuleError


def routing() -> Iterator[Finding]:
    """On a worker: whether the routing file can be used."""
    try:
        routes = load_routing(routing_file())
    except RuleError as error:
        yield Finding("routing", str(error), "until then there are no tickets, messages and digests")
        return
    counts = (
        (routes.tickets, "for tickets"),
        (routes.channels, "for messages"),
        (routes.digests, "daily digests"),
    )
    yield Finding("routing", ", ".join(f"{len(found)} {what}" for found, what in counts))


def digests() -> Iterator[Finding]:
    """On a server: whether those of the last day were told."""
    from airflow.utils.session import create_session

    from rca_plugin.server.digests import failing

    with create_session(scoped=False) as session:
        found = [(row.channel, row.day, row.problem) for row in failing(session)]
    for channel, day, problem in found:
        yield Finding(
            "digests",
            f"{channel} was not told of {day}: {problem}",
            "mend what it says; for six hours housekeeping tries again",
        )
    if not found:
        yield Finding("digests", "none failed")
