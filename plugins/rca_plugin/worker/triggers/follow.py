"""Follows what a repair became until it is over, without a worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from rca_plugin.bounded_call import within
from rca_plugin.worker.remediation_client import RemediationClient
from rca_plugin.worker.repairs.attempt import look
from rca_plugin.worker.repairs.repair import RUNNING, Look, said

_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 60.0
_LOOK_SECONDS = 60.0
# Of our own: where a service hangs, the threads that all triggers of the process share are left to the others.
_LOOKS = ThreadPoolExecutor(4, thread_name_prefix="rca-follows")
_ANSWER_SECONDS = 30.0


class FollowTrigger(BaseTrigger):
    """Fires with `outcome` (succeeded, failed or unknown) and `text`.

    All that it knows is in its arguments and on the server, so any triggerer can go on with it at any time.
    `until`: when it gives up, in seconds since the epoch.
    """

    def __init__(self, remediation_id: int, until: float) -> None:
        super().__init__()
        self.remediation_id = remediation_id
        self.until = until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """As Airflow keeps it."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"remediation_id": self.remediation_id, "until": self.until}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look now and then, less often with time."""
        pause, text = _FIRST_PAUSE, "nobody has looked yet"
        while True:
            try:
                found = await asyncio.get_running_loop().run_in_executor(_LOOKS, self._look)
                text = found.text
            except Exception as error:  # what cannot be seen now may be seen later
                found = Look(RUNNING, "")
                text = f"it could not be looked at: {said(error) or type(error).__name__}"
                self.log.warning("Repair %d: %s", self.remediation_id, text)
            if found.state != RUNNING:
                yield TriggerEvent({"outcome": found.state, "text": text})
                return
            if time.time() + pause >= self.until:
                yield TriggerEvent({"outcome": "unknown", "text": f"it did not end in time; last: {text}"})
                return
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, _LONGEST_PAUSE)

    def _look(self) -> Look:
        with RemediationClient(subject="follow", timeout=_ANSWER_SECONDS) as client:
            # However long an answer trickles: the triggerer has others to follow.
            return within(_LOOK_SECONDS, lambda: look(client, self.remediation_id))
