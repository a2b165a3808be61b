"""The steps of housekeeping: what nobody reported, and what could not be handed off."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context

from rca_plugin.worker.client import RcaClient


class ReconcileOperator(BaseOperator):
    """Have the failures taken in that nobody reported."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Answer how many there were, and whether there are more."""
        with RcaClient(subject=self.task_id) as client:
            found = client.reconcile()
        self.log.info(
            "%d unreported failures taken in%s", found["taken_in"], "; more next time" * found["more"]
        )
        return found


class SettleOperator(BaseOperator):
    """Have the incidents resolved whose task works again, closed which stayed resolved, and filed which are new."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Answer how many there were."""
        with RcaClient(subject=self.task_id) as client:
            settled = client.settle()
        self.log.info(
            "%d resolved, %d closed, %d filed", settled["resolved"], settled["closed"], settled["filed"]
        )
        return settled


class HandOffWaitingOperator(BaseOperator):
    """Have the incidents handed off whose analysis could not be started."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Answer how many were handed off, and why the others wait."""
        with RcaClient(subject=self.task_id) as client:
            outcome = client.hand_off_waiting()
        self.log.info(
            "%d handed off, %d still wait%s",
            outcome["handed_off"], outcome["still_waiting"], f": {outcome['reason']}" if outcome["reason"] else "",
        )  # fmt: skip
        return outcome
