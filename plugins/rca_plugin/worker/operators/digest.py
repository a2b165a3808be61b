"""The step that tells channels what happened in a day."""

from __future__ import annotations

import time
from datetime import datetime, timezone

from airflow.sdk import BaseOperator, Context

from rca_plugin.config import routing_file
from rca_plugin.core.digest import Digest
from rca_plugin.core.routing_file import load_routing
from rca_plugin.core.yaml_file import RuleError
from rca_plugin.worker.client import RcaClient
from rca_plugin.worker.digests import tell

_ROUND_SECONDS = 45.0
_ONE_SECONDS = 15.0
_LEAST_SECONDS = 1.0


def wanted() -> tuple[Digest, ...]:
    """The digests of the routing file; none while it is wrong, which `rca doctor` and each delivery say."""
    try:
        return load_routing(routing_file()).digests
    except RuleError:
        return ()


class DigestOperator(BaseOperator):
    """Tell each channel whose time it is, once a day. It never fails because Slack is down."""

    def execute(self, context: Context) -> dict[str, int]:
        """Answer how many were told, wait for another try, and have nothing to be told now."""
        deadline = time.monotonic() + _ROUND_SECONDS
        counts = {"told": 0, "waiting": 0, "left": 0}
        with RcaClient(subject=self.task_id, timeout=_ONE_SECONDS) as client:
            for digest in wanted():
                counts[self._tell(client, digest, deadline - time.monotonic())] += 1
        self.log.info("%(told)d told, %(waiting)d wait", counts)
        return counts

    def _tell(self, client: RcaClient, digest: Digest, seconds_left: float) -> str:
        period = digest.due(datetime.now(timezone.utc))
        if period is None or seconds_left < _LEAST_SECONDS:
            return "left"
        try:
            outcome = tell(client, digest.channel, period, min(_ONE_SECONDS, seconds_left))
        except Exception as error:  # whatever it is: the others are told
            self.log.warning("%s: %s: %s", digest.channel, type(error).__name__, error)
            return "waiting"
        self.log.info("%s: %s", digest.channel, outcome.problem or outcome.reference)
        return {None: "left", "delivered": "told"}.get(outcome.state and outcome.state.value, "waiting")
