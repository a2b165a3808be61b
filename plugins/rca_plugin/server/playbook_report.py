"""What an HTTP playbook says came of it, by its signed callback. Whoever follows the repair hears it from here."""

from __future__ import annotations

import time

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from rca_plugin.config import ConfigError, playbook_secrets
from rca_plugin.core.remediation.state import RemediationState
from rca_plugin.core.signature import is_signed
from rca_plugin.core.storable import beginning
from rca_plugin.server import audit, auth, remediations
from rca_plugin.server.masking import redactor
from rca_plugin.server.models import Remediation

_ACTION = "http_playbook"
_TEXT_CHARS = 1_000


async def proven_body(request: Request) -> bytes:
    """The body of a request whose sender knows the secret.

    Raises UnauthenticatedError, and ConfigError where there is no secret.
    """
    body = await request.body()
    await run_in_threadpool(_prove, request.headers, body)
    return body


def _prove(headers: Headers, body: bytes) -> None:
    secrets = playbook_secrets()
    if not secrets:
        raise ConfigError("[rca] playbook_secret: set it to hear from playbooks")
    signature, timestamp = (headers.get(name, "") for name in ("X-RCA-Signature", "X-RCA-Timestamp"))
    if not is_signed(secrets, body, signature, timestamp, time.time()):
        raise auth.UnauthenticatedError("sign with X-RCA-Signature over X-RCA-Timestamp and the body")


def record(session: Session, remediation_id: int, outcome: str, text: str) -> Remediation:
    """Keep it. The first word counts; saying it again changes nothing.

    Raises UnknownRemediationError, and WrongStateError for what is no running playbook.
    """
    row, _incident = remediations.locked(session, remediation_id)
    if row.action != _ACTION:
        raise remediations.UnknownRemediationError(f"there is no playbook {remediation_id}")
    if row.reported == outcome:
        return row
    if row.state != RemediationState.RUNNING.value or row.reported is not None:
        raise remediations.WrongStateError(
            f"{remediations.title(row)} is {row.reported or row.state} already"
        )
    row.reported, row.reported_text = outcome, beginning(text, _TEXT_CHARS, redactor())
    audit.append(
        session, row.incident_id, "playbook", "repair_reported", repair=row.id, outcome=outcome, text=row.reported_text
    )  # fmt: skip
    return row
