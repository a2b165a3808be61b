"""The server's API for repairs, for one repair: it keeps what it is told, and its answers may be lost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

from rca_plugin.core.remediation.proposal import Proposal
from tests.fakes.trouble import Service, ServiceHandler, Trouble, running


@dataclass
class Repairs(Service):
    """`begin` grants unless `reason` says why not. `said` are the outcomes in their order."""

    incident: dict[str, Any] = field(default_factory=dict)
    options: list[dict[str, Any]] = field(default_factory=list)
    row: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    planned: list[dict[str, Any]] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def plan(self, proposal: Proposal, **more: Any) -> None:
        """There is a repair that nobody has begun."""
        now = datetime.now(timezone.utc)
        self.row = {
            "id": 7, "incident_id": 42, "label": "RCA-42", "attempt": 1, "action": proposal.action, "state": "waiting",
            "resource": proposal.resource, "target": dict(proposal.target), "approvals_needed": 1, "approvals": [],
            "not_before": now.isoformat(), "expires_at": (now + timedelta(hours=1)).isoformat(), "intent_at": None,
            "external_run_id": None, "external_url": None, "outcome": None, "observed": None, "rejected": False,
            "subject": "Repair RCA-42?", "body": "**all of it**", **more,
        }  # fmt: skip

    def error(self, status: int) -> Mapping[str, Any]:
        return {"error": {"code": "told_so", "message": f"told to answer {status}"}}

    def repair_options(self, _body: Any) -> tuple[int, Any]:
        return 200, {"options": self.options, "why_not": "" if self.options else "repairs are off"}

    def incident_detail(self, _body: Any) -> tuple[int, Any]:
        return 200, self.incident

    def plan_remediation(self, body: Any) -> tuple[int, Any]:
        self.planned.append(body)
        rules = [{"name": "mode", "allows": True, "why": "approve"}]
        return 200, {"decision": {"verdict": "ask", "rules": rules}, "remediation_id": 7}

    def remediations(self, _body: Any) -> tuple[int, Any]:
        return 200, {"remediations": [self.row]}

    def remediation(self, _body: Any) -> tuple[int, Any]:
        return 200, self.row

    def begin(self, _body: Any) -> tuple[int, Any]:
        row = self.row
        begun_before = row["state"] == "running"
        if not self.reason and not begun_before:
            row.update(state="running", intent_at=datetime.now(timezone.utc).isoformat())
        names = ("intent_at", "external_run_id", "action", "target")
        return 200, {"granted": not self.reason, "reason": self.reason, "begun_before": begun_before} | {
            name: row[name] for name in names
        }

    def external(self, body: Any) -> tuple[int, Any]:
        if self.row["external_run_id"] not in (None, body["external_run_id"]):
            return 409, self.error(409)
        self.row.update(body)
        return 200, self.row

    def outcome(self, body: Any) -> tuple[int, Any]:
        if body not in self.said:
            self.said.append(body)
        return 200, {"then": "ended", "remediation_id": None}


_CALLS = (
    ("repair_options", "GET /incidents/42/repair-options"),
    ("plan_remediation", "POST /incidents/42/remediations"),
    ("remediations", "GET /incidents/42/remediations"),
    ("incident_detail", "GET /incidents/42"),
    ("remediation", "GET /remediations/7"),
    ("begin", "POST /remediations/7/begin"),
    ("external", "PUT /remediations/7/external"),
    ("outcome", "PUT /remediations/7/outcome"),
)


class _Handler(ServiceHandler, BaseHTTPRequestHandler):
    service: Repairs

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def do_PUT(self) -> None:
        self.do_POST()

    def _answer(self, body: Any) -> None:
        asked = f"{self.command} {self.path.removeprefix('/rca/api/v1')}"
        call = next((name for name, path in _CALLS if re.fullmatch(path, asked)), "unknown")
        if call == "unknown":
            self.reply(call, 404, self.service.error(404))
        else:
            self.do(call, partial(getattr(self.service, call), body))


@contextmanager
def repairs(**troubles: list[Trouble | None]) -> Iterator[Repairs]:
    """Run one on a free port."""
    service = Repairs(dict(troubles))
    with running(service, _Handler):
        yield service
