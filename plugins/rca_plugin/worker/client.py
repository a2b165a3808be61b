"""How a worker talks to the server: JSON over HTTP, each request with a fresh service token."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from typing_extensions import Self

from rca_plugin.config import api_base_url, service_secret
from rca_plugin.core.delivery import Destination
from rca_plugin.core.digest import Period
from rca_plugin.core.evidence import Fact, fact_to_json
from rca_plugin.core.model_call import Purpose
from rca_plugin.core.model_request import ModelRequest, request_to_json
from rca_plugin.core.service_token import sign

_CONNECT_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 2.0


class ServerError(Exception):
    """The server did not do what was asked. `code` is the server's, or `unreachable`.

    `retry_after` is how many seconds a server that was asked too often wants to be left alone.
    """

    def __init__(self, status: int, code: str, message: str, retry_after: float = 0.0) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.retry_after = retry_after

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.status in (0, 429, 502, 503, 504)


class RcaClient:
    """The server's API. `subject` names who asks, for the server's log."""

    def __init__(self, subject: str, timeout: float = 30.0) -> None:
        self._subject = subject
        self._timeout = timeout
        url = api_base_url()
        # Reading all certificates takes 20 ms, which a plain connection inside a cluster has no use for.
        self._http = httpx.Client(base_url=url, follow_redirects=False, verify=url.startswith("https:"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def report_failure(self, body: dict[str, Any], *, deadline: float) -> None:
        """Report one failed try; tries again until `deadline` (monotonic seconds) while that may help.

        Raises ServerError.
        """
        self._until(deadline, "POST", "/pluginsv2/rca/webhooks/airflow", body)

    def incident(self, incident_id: int) -> dict[str, Any]:
        """One incident with its failures, evidence and analysis. Raises ServerError."""
        return self._patiently("GET", f"/rca/api/v1/incidents/{incident_id}")

    def collect_evidence(
        self, incident_id: int, *, wait: bool, facts: Sequence[Fact] = ()
    ) -> list[dict[str, Any]]:
        """Have Airflow's own evidence collected, and kept with the facts found outside of it.

        Raises ServerError, with the code `not_settled` while `wait` is set and more is to come.
        """
        path = f"/rca/api/v1/incidents/{incident_id}/evidence"
        body = {"wait": wait, "facts": [fact_to_json(fact) for fact in facts]}
        evidence: list[dict[str, Any]] = self._patiently("POST", path, body)["evidence"]
        return evidence

    def record_classification(self, incident_id: int, classification: dict[str, Any]) -> None:
        """Keep what an incident was classified as. Raises ServerError."""
        self._patiently("PUT", f"/rca/api/v1/incidents/{incident_id}/classification", classification)

    def record_analysis(self, incident_id: int, analysis: dict[str, Any]) -> None:
        """Keep the analysis of an incident. Raises ServerError."""
        self._patiently("PUT", f"/rca/api/v1/incidents/{incident_id}/analysis", analysis)

    def plan_model_call(
        self, incident_id: int, purpose: Purpose, key: str, request: ModelRequest
    ) -> dict[str, Any]:
        """Ask whether a model may be asked; `decision` is "ask", "reuse" or "refuse". Raises ServerError."""
        body = {"purpose": purpose.value, "key": key, "request": request_to_json(request)}
        return self._patiently("POST", f"/rca/api/v1/incidents/{incident_id}/model-calls", body)

    def record_model_call(self, call_id: int, outcome: dict[str, Any]) -> float:
        """Keep what came of a call; its cost in US dollars. Raises ServerError."""
        return float(self._patiently("PUT", f"/rca/api/v1/model-calls/{call_id}", outcome)["cost"])

    def model_calls(self, incident_id: int) -> list[dict[str, Any]]:
        """What models were asked about an incident, newest first, without the words. Raises ServerError."""
        calls: list[dict[str, Any]] = self._patiently(
            "GET", f"/rca/api/v1/incidents/{incident_id}/model-calls"
        )["model_calls"]
        return calls

    def model_call(self, incident_id: int, call_id: int) -> dict[str, Any]:
        """One call, with its request and its answer. Raises ServerError."""
        return self._patiently("GET", f"/rca/api/v1/incidents/{incident_id}/model-calls/{call_id}")

    def claim_delivery(self, incident_id: int, destination: Destination, *, due_only: bool) -> dict[str, Any]:
        """Ask whether to deliver now; `granted`, or `reason` says why not. Raises ServerError."""
        path = f"/rca/api/v1/incidents/{incident_id}/deliveries/{destination.value}/claim"
        return self._patiently("POST", path, {"due_only": due_only})

    def record_delivery(self, incident_id: int, destination: Destination, attempt: dict[str, Any]) -> None:
        """Keep what came of a claimed delivery. Raises ServerError, with `lease_lost` after too long a time."""
        path = f"/rca/api/v1/incidents/{incident_id}/deliveries/{destination.value}"
        self._patiently("PUT", path, attempt)

    def due_deliveries(self) -> list[dict[str, Any]]:
        """What may be delivered now, oldest first: `incident_id` and `destination`. Raises ServerError."""
        due: list[dict[str, Any]] = self._patiently("GET", "/rca/api/v1/deliveries/due")["deliveries"]
        return due

    def claim_digest(self, channel: str, period: Period) -> dict[str, Any]:
        """Ask whether to tell a channel of a day now; `granted`, or `reason` says why not. Raises ServerError."""
        begins, ends = period.begins_at.isoformat(), period.ends_at.isoformat()
        body = {"channel": channel, "day": period.day.isoformat(), "begins_at": begins, "ends_at": ends}
        return self._patiently("POST", "/rca/api/v1/digests/claim", body)

    def record_digest(self, digest_id: int, attempt: dict[str, Any]) -> None:
        """Keep what came of a claimed digest. Raises ServerError, with `lease_lost` after too long a time."""
        self._patiently("PUT", f"/rca/api/v1/digests/{digest_id}", attempt)

    def reconcile(self) -> dict[str, Any]:
        """Have the failures taken in that nobody reported. Raises ServerError."""
        return self._patiently("POST", "/rca/api/v1/housekeeping/reconcile", {})

    def settle(self) -> dict[str, Any]:
        """Have the incidents resolved that work again. Raises ServerError."""
        return self._patiently("POST", "/rca/api/v1/housekeeping/settle", {})

    def hand_off_waiting(self) -> dict[str, Any]:
        """Have the waiting incidents handed off. Raises ServerError."""
        return self._patiently("POST", "/rca/api/v1/housekeeping/handoffs", {})

    def tracked_tickets(self, after: int) -> list[dict[str, Any]]:
        """Some tickets of incidents that are not closed, with numbers above `after`. Raises ServerError."""
        path = f"/rca/api/v1/tickets/tracked?after={after}"
        tickets: list[dict[str, Any]] = self._patiently("GET", path)["tickets"]
        return tickets

    def record_ticket(self, key: str, state: Mapping[str, Any]) -> list[str]:
        """Say how a ticket is now; answers the names of what changed by it. Raises ServerError."""
        changes: list[str] = self._patiently("PUT", f"/rca/api/v1/tickets/{key}/state", dict(state))[
            "changes"
        ]
        return changes

    def health(self) -> dict[str, Any]:
        """Whether the server can take in and analyze incidents. Raises ServerError."""
        return self._once("GET", "/rca/api/v1/health", None, self._timeout)

    def _patiently(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return self._until(time.monotonic() + 3 * self._timeout, method, path, body)

    def _until(self, deadline: float, method: str, path: str, body: Any) -> dict[str, Any]:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            left = max(0.05, deadline - time.monotonic())
            try:
                return self._once(method, path, body, min(left, self._timeout))
            except ServerError as error:
                wait = error.retry_after + pause * random.uniform(0.7, 1.0)  # noqa: S311  jitter, no secret
                if not error.may_pass or time.monotonic() + wait >= deadline:
                    raise
            time.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _once(self, method: str, path: str, body: Any, timeout: float) -> dict[str, Any]:
        token = sign(service_secret(), self._subject, time.time())
        limits = httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS))
        try:
            response = self._http.request(
                method, path, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=limits
            )
        except httpx.HTTPError as error:
            raise ServerError(0, "unreachable", f"{self._http.base_url}: {error}") from error
        return _answer(response)


def _answer(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = {}
    if response.is_success and isinstance(body, dict):
        return body
    problem = body.get("error") if isinstance(body, dict) else None
    known = problem if isinstance(problem, dict) else {}
    message = known.get("message") or f"status {response.status_code} from {response.url}"
    code = str(known.get("code") or "unexpected_answer")
    raise ServerError(response.status_code, code, str(message), _retry_after(response))


def _retry_after(response: httpx.Response) -> float:
    # Only of 429, which says that we are too many. What else may pass often passes sooner than announced, and
    # a failing task has a few seconds only. A date, which a proxy may send, leaves us to our own pauses.
    seconds = response.headers.get("Retry-After", "") if response.status_code == 429 else ""
    return float(seconds) if seconds.isascii() and seconds.isdigit() else 0.0
