"""The step that looks at tickets where their tracker cannot tell us of them."""

from __future__ import annotations

import random
import time
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from rca_plugin.config import settings
from rca_plugin.worker.client import RcaClient, ServerError
from rca_plugin.worker.integrations.jira_look import look
from rca_plugin.worker.integrations.jira_site import Site
from rca_plugin.worker.recipient import DeliveryError, NotSetUpError

_ROUND_SECONDS = 45.0
# A site that answers this many in a row with an error is not asked for the others.
_MOST_ERRORS = 3
_MOST_PAGES = 10


class PollTicketsOperator(BaseOperator):
    """Look at the tickets of incidents that are not closed, and have the incidents follow.

    Skipped where `[rca] jira_polling` is off. It never fails because Jira is down. In any order, so that where there
    are more tickets than time each has its turn.
    """

    def execute(self, context: Context) -> dict[str, int]:
        """Answer how many were looked at, how many of them had changed, and how many could not be looked at."""
        if not settings().jira_polling:
            raise AirflowSkipException("[rca] jira_polling is off")
        counts = {"looked_at": 0, "changed": 0, "failed": 0, "left": 0}
        with RcaClient(subject=self.task_id) as client:
            keys = _tracked(client)
            random.shuffle(keys)
            self._look_at(client, keys, counts)
        self.log.info(
            "%(looked_at)d tickets looked at, %(changed)d had changed, %(failed)d failed, %(left)d left",
            counts,
        )
        return counts

    def _look_at(self, client: RcaClient, keys: list[str], counts: dict[str, int]) -> None:
        site, in_a_row = self._site(), 0
        for count, key in enumerate(keys):
            if site is None or in_a_row == _MOST_ERRORS or time.monotonic() >= site.deadline:
                counts["left"] = len(keys) - count
                return
            try:
                changes = client.record_ticket(key, look(site, key))
            except (DeliveryError, ServerError) as error:
                self.log.warning("%s: %s", key, error)
                counts["failed"] += 1
                in_a_row += 1
                continue
            counts["looked_at"] += 1
            counts["changed"] += bool(changes)
            in_a_row = 0

    def _site(self) -> Site | None:
        try:
            return Site.connect(settings().jira_conn_id, time.monotonic() + _ROUND_SECONDS)
        except (NotSetUpError, DeliveryError) as error:
            self.log.warning("Jira is not asked: %s", error)
            return None


def _tracked(client: RcaClient) -> list[str]:
    keys: list[str] = []
    after = 0
    for _ in range(_MOST_PAGES):
        page: list[dict[str, Any]] = client.tracked_tickets(after)
        if not page:
            break
        keys += [ticket["key"] for ticket in page]
        after = page[-1]["id"]
    return keys
