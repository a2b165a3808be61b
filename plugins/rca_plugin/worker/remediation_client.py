"""What a worker asks and tells the server about repairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.worker.client import RcaClient
from rca_plugin.worker.repairs.repair import Started


class RemediationClient(RcaClient):
    """The server's API for repairs. Each call may be made again: it changes nothing the second time."""

    def repair_options(self, incident_id: int) -> dict[str, Any]:
        """The actions worth proposing as `options`, or `why_not`. Raises ServerError."""
        return self._patiently("GET", f"/rca/api/v1/incidents/{incident_id}/repair-options")

    def plan_repair(
        self,
        incident_id: int,
        proposals: Sequence[Proposal],
        problems: Sequence[str],
        *,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Have it decided what is done: `decision`, and `remediation_id` where something is. Raises ServerError."""
        body = {
            "proposals": [proposal.to_json() for proposal in proposals],
            "problems": list(problems),
            "dry_run": dry_run,
        }
        return self._patiently("POST", f"/rca/api/v1/incidents/{incident_id}/remediations", body)

    def remediations(self, incident_id: int) -> list[dict[str, Any]]:
        """The repairs of an incident, newest first. Raises ServerError."""
        answer = self._patiently("GET", f"/rca/api/v1/incidents/{incident_id}/remediations")
        found: list[dict[str, Any]] = answer["remediations"]
        return found

    def remediation(self, remediation_id: int) -> dict[str, Any]:
        """One repair, as it stands. Raises ServerError."""
        return self._patiently("GET", f"/rca/api/v1/remediations/{remediation_id}")

    def begin(self, remediation_id: int) -> dict[str, Any]:
        """Record the intent; `granted`, or `reason` says why not. Raises ServerError."""
        return self._patiently("POST", f"/rca/api/v1/remediations/{remediation_id}/begin", {})

    def record_external(self, remediation_id: int, started: Started) -> None:
        """Keep what it became in the service. Raises ServerError."""
        body = {"external_run_id": started.external_run_id, "external_url": started.external_url}
        self._patiently("PUT", f"/rca/api/v1/remediations/{remediation_id}/external", body)

    def conclude(
        self, remediation_id: int, outcome: str, text: str, fresh: Sequence[Proposal] = ()
    ) -> dict[str, Any]:
        """Say what came of it, and what could be done next; `then` says what follows. Raises ServerError."""
        body = {"outcome": outcome, "text": text, "proposals": [proposal.to_json() for proposal in fresh]}
        return self._patiently("PUT", f"/rca/api/v1/remediations/{remediation_id}/outcome", body)

    def backtest(self, days: int) -> dict[str, Any]:
        """What policy would have decided about the incidents of the last days; asked once. Raises ServerError."""
        return self._once("POST", "/rca/api/v1/remediation-backtest", {"days": days}, self._timeout)
