"""A playbook behind a URL: whatever else can repair something is told to, and says later what came of it."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import httpx

from rca_plugin.config import airflow_url, api_base_url, playbook_secrets
from rca_plugin.core.incident import incident_label
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.worker.failure_case import failure_of
from rca_plugin.worker.repairs.repair import (
    RUNNING,
    BusyError,
    Look,
    Order,
    RefusedError,
    Started,
    said,
)

_SECONDS = 30.0
_BUSY_SECONDS = 5.0
_MOST_LABELS = 30


class Playbook:
    """Sent once. Where nobody knows whether it arrived, the callback says it, or the time to follow it ends."""

    excludes_double = False

    def propose(self, incident: Mapping[str, Any], settings: Mapping[str, Any]) -> Proposal:
        """For any failure, of the playbook that policy names for it."""
        failure = failure_of(incident)
        told = {name: failure[name] for name in ("dag_id", "run_id", "task_id", "url") if failure.get(name)}
        target = {
            "name": settings["name"],
            "url": settings["url"],
            "incident": {
                "label": incident_label(incident["id"]),
                **{
                    name: incident[name]
                    for name in ("source", "resource", "environment", "category", "priority")
                },
                **told,
                "labels": dict(list(failure["labels"].items())[:_MOST_LABELS]),
            },
        }
        touched = f"playbook {settings['name']} for {incident['resource']}"[:500]
        return Proposal("http_playbook", f"playbook:{settings['name']}", target, (touched,))

    def start(self, order: Order) -> Started:
        """Send it, signed as what other senders send to us is."""
        if not playbook_secrets():
            raise RefusedError("[rca] playbook_secret is not set, so nothing can be signed")
        body = json.dumps(_body(order), separators=(",", ":")).encode()
        try:
            # It follows no redirect: what is signed is for this address alone.
            answer = httpx.post(
                order.target["url"], content=body, headers=_headers(body, order), timeout=_SECONDS
            )
        except httpx.ConnectError as error:
            raise BusyError(said(f"the playbook cannot be reached: {error}"), _BUSY_SECONDS) from error
        except httpx.HTTPError:
            return Started(order.token)
        if answer.status_code == 429:
            raise BusyError("the playbook takes nothing now", _retry_after(answer))
        if 300 <= answer.status_code < 500 and answer.status_code != 408:
            raise RefusedError(f"the playbook answered {answer.status_code}")
        return Started(order.token)

    def find(self, order: Order) -> Started:
        """It may have been sent: it says so itself, or the time to follow it ends."""
        return Started(order.token)

    def look(self, order: Order, external_run_id: str) -> Look:
        """The server hears what came of it."""
        return Look(RUNNING, "the playbook has not said what came of it")


def _body(order: Order) -> dict[str, Any]:
    callback = f"{airflow_url() or api_base_url()}/rca/api/v1/remediations/{order.remediation_id}/outcome"
    return {
        "version": 1,
        "id": order.token,
        "remediation_id": order.remediation_id,
        "playbook": order.target["name"],
        "callback_url": callback,
        "incident": order.target["incident"],
    }


def _headers(body: bytes, order: Order) -> dict[str, str]:
    timestamp = str(int(time.time()))
    signature = hmac.new(playbook_secrets()[0].encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return {
        "Content-Type": "application/json",
        "Idempotency-Key": order.token,
        "X-RCA-Timestamp": timestamp,
        "X-RCA-Signature": f"sha256={signature.hexdigest()}",
    }


def _retry_after(answer: httpx.Response) -> float:
    seconds = answer.headers.get("Retry-After", "")[:6]
    return float(seconds) if seconds.isascii() and seconds.isdigit() else _BUSY_SECONDS
