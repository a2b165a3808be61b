"""Azure as far as somebody sees it who asks why a pipeline failed: the token endpoint of Entra ID, and the REST API
of Data Factory at Azure Resource Manager.

The hook talks to management.azure.com and login.microsoftonline.com, whatever its connection says. So this is the
proxy that HTTPS_PROXY names, and it has a certificate for both, as a company's own proxy would.
"""

from __future__ import annotations

import json
import re
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cache, partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.trouble import Service, ServiceHandler, Trouble, running

_ARM, _ENTRA = "management.azure.com", "login.microsoftonline.com"
TENANT, SUBSCRIPTION = "11111111-2222-3333-4444-555555555555", "99999999-8888-7777-6666-555555555555"
GROUP, FACTORY, PIPELINE = "rg-harbor", "adf-harbor", "pl_harbor"
RUN, CHILD_RUN = "0a6d3a64-5b0e-4f6d-8f1f-000000000001", "0a6d3a64-5b0e-4f6d-8f1f-0000000000c1"
RUNTIME, SECRET, TOKEN = "ir-quay", "the client secret of these tests", "token-of-these-tests"
FAILED_AT = datetime(2026, 2, 3, 3, 12, 11, tzinfo=timezone.utc)
_FACTORY = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.DataFactory/factories/{FACTORY}"
_CODES = {401: "AuthenticationFailed", 403: "AuthorizationFailed", 404: "ResourceNotFound", 429: "TooManyRequests",
          500: "InternalServerError", 503: "ServiceUnavailable"}  # fmt: skip


def moment(minutes: float) -> str:
    return (FAILED_AT + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def pipeline_run(
    run_id: str = RUN, status: str = "Failed", minutes: float = 0, **more: Any
) -> dict[str, Any]:
    return {
        "runId": run_id,
        "runGroupId": run_id,
        "isLatest": True,
        "pipelineName": PIPELINE,
        "parameters": {"day": "2026-02-03", "dbPassword": "hunter2"},
        "invokedBy": {"id": "08d1", "name": "tr_nightly", "invokedByType": "ScheduleTrigger"},
        "runStart": moment(minutes - 2),
        "runEnd": moment(minutes),
        "durationInMs": 120_000,
        "status": status,
        "message": "Operation on target Copy Ships failed: see the activity." if status == "Failed" else "",
        "lastUpdated": moment(minutes),
        "runDimensions": {},
        **more,
    }


def activity_run(
    name: str, error: str = "", code: str = "2200", *, minutes: float = 0, kind: str = "Copy", **more: Any
) -> dict[str, Any]:
    return {
        "activityName": name,
        "activityType": kind,
        "activityRunId": f"77aa0000-0000-4000-8000-{abs(hash(name)) % 10**12:012d}",
        "linkedServiceName": "",
        "pipelineName": PIPELINE,
        "pipelineRunId": RUN,
        "status": "Failed" if error else "Succeeded",
        "activityRunStart": moment(minutes - 1),
        "activityRunEnd": moment(minutes),
        "durationInMs": 60_000,
        "input": {},
        "output": {},
        "error": {"errorCode": code, "message": error, "failureType": "UserError", "target": name} if error else
                 {"errorCode": "", "message": "", "failureType": "", "target": name},
        **more,
    }  # fmt: skip


@dataclass
class Azure(Service):
    """Answers by id. `paths` and `queries` are those of the calls, in their order."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    activities: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    runtimes: dict[str, dict[str, Any]] = field(default_factory=dict)
    pipelines: dict[str, list[str]] = field(default_factory=dict)
    begun: list[dict[str, str]] = field(default_factory=list)
    """The queries of the runs that were begun, in their order."""
    paths: list[str] = field(default_factory=list)
    queries: list[dict[str, Any]] = field(default_factory=list)
    asked: str = ""
    """The query of the last call's URL."""

    def connection(self, **extra: Any) -> str:
        """How Airflow's connection to it is written in an environment variable."""
        places = {"resource_group_name": GROUP, "factory_name": FACTORY}
        known = {"tenantId": TENANT, "subscriptionId": SUBSCRIPTION, **places, **extra}
        return json.dumps(
            {"conn_type": "azure_data_factory", "login": "rca", "password": SECRET, "extra": known}
        )

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a process whose Azure it is."""
        return {"HTTPS_PROXY": f"http://127.0.0.1:{self.port}", "REQUESTS_CA_BUNDLE": _certificate()}

    def known_to(self, patch: pytest.MonkeyPatch) -> None:
        """Make it the Azure of this process."""
        for name, value in self.environment.items():
            patch.setenv(name, value)
        patch.setenv("AIRFLOW_CONN_AZURE_DATA_FACTORY_DEFAULT", self.connection())
        for name in ("NO_PROXY", "no_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
            patch.delenv(name, raising=False)

    def error(self, status: int) -> Mapping[str, Any]:
        return {"error": {"code": _CODES.get(status, "Unknown"), "message": f"told to answer {status}"}}

    def metadata(self, *_: Any) -> tuple[int, Any]:
        base = f"https://{_ENTRA}/{TENANT}"
        return 200, {
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "issuer": f"{base}/v2.0",
        }

    def token(self, *_: Any) -> tuple[int, Any]:
        return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN}

    def pipeline_run(self, run_id: str, _query: Any) -> tuple[int, Any]:
        found = next((run for run in self.runs if run["runId"] == run_id), None)
        return (200, found) if found else (404, self.error(404))

    def activity_runs(self, run_id: str, query: Any) -> tuple[int, Any]:
        return 200, {"value": _queried(self.activities.get(run_id, []), query)}

    def pipeline_runs(self, _name: str, query: Any) -> tuple[int, Any]:
        return 200, {"value": _queried(self.runs, query)}

    def pipeline(self, name: str, _query: Any) -> tuple[int, Any]:
        found = self.pipelines.get(name)
        if found is None:
            return 404, self.error(404)
        activities = [{"name": one, "type": "Copy", "dependsOn": [], "userProperties": []} for one in found]
        return 200, {
            "id": f"{_FACTORY}/pipelines/{name}",
            "name": name,
            "properties": {"activities": activities},
        }

    def create_run(self, name: str, query: Any) -> tuple[int, Any]:
        """Another one each time."""
        asked = dict(parse_qsl(self.asked))
        before = next((run for run in self.runs if run["runId"] == asked["referencePipelineRunId"]), None)
        if before is None:
            return 404, self.error(404)
        for run in self.runs:
            if run["runGroupId"] == before["runGroupId"]:
                run["isLatest"] = False
        now, number = datetime.now(timezone.utc).isoformat(), f"rerun-{len(self.begun) + 1}"
        times = {"runStart": now, "runEnd": None, "lastUpdated": now}
        self.runs.append(pipeline_run(number, "InProgress", runGroupId=before["runGroupId"], **times))
        self.begun.append({name: text for name, text in asked.items() if name != "api-version"})
        return 200, {"runId": number}

    def finish(self, run_id: str, status: str) -> None:
        """End what runs there."""
        run = next(run for run in self.runs if run["runId"] == run_id)
        run.update(status=status, runEnd=datetime.now(timezone.utc).isoformat())

    def runtime(self, name: str, _query: Any) -> tuple[int, Any]:
        found = self.runtimes.get(name)
        return (200, {"name": name, "properties": found}) if found else (404, self.error(404))


def _queried(found: list[dict[str, Any]], query: dict[str, Any]) -> list[dict[str, Any]]:
    """As the query says: its filters, its time window and its order."""
    for one in query.get("filters", ()):
        name = one["operand"][0].lower() + one["operand"][1:]
        assert one["operator"] == "In"
        found = [run for run in found if run.get(name) in one["values"]]
    first, last = (datetime.fromisoformat(query[name]) for name in ("lastUpdatedAfter", "lastUpdatedBefore"))
    found = [run for run in found if first <= datetime.fromisoformat(_updated(run)) <= last]
    for order in query.get("orderBy", ()):
        name = order["orderBy"][0].lower() + order["orderBy"][1:]
        found = sorted(found, key=lambda run: run[name], reverse=order["order"] == "DESC")
    return found


def _updated(run: dict[str, Any]) -> str:
    return str(run.get("lastUpdated") or run["activityRunEnd"]).replace("Z", "+00:00")


_CALLS = (
    ("metadata", rf"GET {_ENTRA}/{TENANT}/v2\.0/\.well-known/openid-configuration()"),
    ("token", rf"POST {_ENTRA}/{TENANT}/oauth2/v2\.0/token()"),
    ("activity_runs", rf"POST {_ARM}{_FACTORY}/pipelineruns/([^/]+)/queryActivityruns"),
    ("pipeline_run", rf"GET {_ARM}{_FACTORY}/pipelineruns/([^/]+)"),
    ("pipeline_runs", rf"POST {_ARM}{_FACTORY}/(queryPipelineRuns)"),
    ("create_run", rf"POST {_ARM}{_FACTORY}/pipelines/([^/]+)/createRun"),
    ("pipeline", rf"GET {_ARM}{_FACTORY}/pipelines/([^/]+)"),
    ("runtime", rf"POST {_ARM}{_FACTORY}/integrationRuntimes/([^/]+)/getStatus"),
)


class _Handler(ServiceHandler, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: Azure
    host = ""

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.connection = _tls().wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
        self.host = self.path.partition(":")[0]
        # Not as the version says that the client asked for the tunnel with.
        self.close_connection = False

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self._answer(json.loads(body) if self.host == _ARM and body else None)

    def _answer(self, query: Any) -> None:
        path, _, asked = self.path.partition("?")
        self.service.paths.append(path)
        if query:
            self.service.queries.append(query)
        for call, pattern in _CALLS:
            # Azure compares names without case.
            if found := re.fullmatch(pattern, f"{self.command} {self.host}{path}", re.IGNORECASE):
                if self.host == _ARM and not self._may(asked):
                    self.reply(call, 401, self.service.error(401))
                else:
                    self.service.asked = asked
                    self.do(call, partial(getattr(self.service, call), found[1], query))
                return
        self.reply("unknown", 404, self.service.error(404))

    def _may(self, asked: str) -> bool:
        return self.headers["Authorization"] == f"Bearer {TOKEN}" and "api-version=2018-06-01" in asked


@cache
def _certificate() -> str:
    """The file with a certificate for both hosts, its own authority, and the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "only for these tests")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(_ARM), x509.DNSName(_ENTRA)]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = Path(tempfile.mkdtemp(prefix="rca-tests-tls-")) / "azure.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + pem)
    return str(file)


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate())
    return context


@contextmanager
def adf(**troubles: list[Trouble | None]) -> Iterator[Azure]:
    """Run one on a free port, in whose factory a copy failed for want of its self-hosted runtime."""
    error = (
        "ErrorCode=SqlFailedToConnect,'Type=Microsoft.DataTransfer.Common.Shared.HybridDeliveryException,Message="
        f"The Self-hosted Integration Runtime '{RUNTIME}' is offline, last connect time is '02/03/2026 03:01:00'.'"
    )
    service = Azure(
        dict(troubles),
        runs=[
            pipeline_run(),
            pipeline_run("run-before-1", "Failed", -1440),
            pipeline_run("run-before-2", "Succeeded", -2880),
            pipeline_run("run-of-another", "Succeeded", -10, pipelineName="pl_other"),
        ],
        pipelines={PIPELINE: ["Look Up", "Copy Ships", "Report"]},
        activities={RUN: [activity_run("Look Up", kind="Lookup"), activity_run("Copy Ships", error)]},
        runtimes={
            RUNTIME: {
                "type": "SelfHosted",
                "state": "Offline",
                "dataFactoryName": FACTORY,
                "typeProperties": {
                    "version": "5.50.1",
                    "nodes": [{"nodeName": "Node_1", "status": "Offline", "version": "5.50.1",
                               "lastConnectTime": moment(-11)}],
                },
            }
        },
    )  # fmt: skip
    with running(service, _Handler):
        yield service
