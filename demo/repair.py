"""One repair of the demo: somebody agrees to it, it is done, and what failed is seen to work again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from demo.expected import REPAIRED
from demo.local_airflow import ADMIN, LocalAirflow


def let_repair(airflow: LocalAirflow, client: httpx.Client, say: Callable[[str], None]) -> None:
    """Agree as the administrator could in Airflow, and wait for what comes of it."""

    def asked() -> dict[str, Any] | None:
        return next((one for one in _repairs(client) if one["state"] == "waiting"), None)

    def agreed() -> bool:
        path = f"/rca/api/v1/remediations/{repair['id']}/approval"
        # 409 as long as the task that asks has not come to it.
        return client.post(path, json={"approve": True}).is_success

    repair = airflow.wait_for("a question whether to repair", asked)
    say(
        f"{_label(client)} could be repaired: {repair['action']}, which touches {', '.join(repair['blast_radius'])}"
    )
    airflow.wait_for("the answer", agreed)
    say(f"{_label(client)} {ADMIN} agrees; policy lets half a minute pass before the attempt")
    airflow.wait_for("the repair", lambda: _incident(client)["status"] == "resolved")
    say(f"{_label(client)} resolved  {_incident(client)['resolved_how']}")


def _incident(client: httpx.Client) -> dict[str, Any]:
    found = client.get("/rca/api/v1/incidents", params={"limit": 200, "text": REPAIRED}).json()["incidents"]
    return dict(found[0])


def _label(client: httpx.Client) -> str:
    return f"RCA-{_incident(client)['id']}"


def _repairs(client: httpx.Client) -> list[dict[str, Any]]:
    path = f"/rca/api/v1/incidents/{_incident(client)['id']}/remediations"
    return list(client.get(path).json()["remediations"])
