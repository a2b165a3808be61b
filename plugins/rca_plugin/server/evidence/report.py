"""What was reported when it failed."""

from __future__ import annotations

from collections.abc import Iterator

from rca_plugin.core.evidence import Fact
from rca_plugin.server.models import FailureRow


def reported(failure: FailureRow) -> Iterator[Fact]:
    """The error, its traceback and labels, as the failure was reported."""
    source = f"report of the {failure.reported_by}"
    yield Fact("error", source, failure.occurred_at, failure.message)
    if failure.detail:
        yield Fact("traceback", source, failure.occurred_at, failure.detail)
    if failure.labels:
        named = "\n".join(f"{name}: {value}" for name, value in failure.labels.items())
        yield Fact("labels", source, failure.occurred_at, named)
