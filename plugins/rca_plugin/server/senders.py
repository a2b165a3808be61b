"""Which proof each source must bring that a report is its own.

A source without a secret is closed to everybody. A source that brings the wrong proof is told what it must
bring, never which part of it was wrong.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from werkzeug.datastructures import Headers

from rca_plugin.config import ConfigError, webhook_secrets
from rca_plugin.core import signature
from rca_plugin.core.failure import Source
from rca_plugin.server import auth, entra, hidden_query


@dataclass(frozen=True)
class Delivery:
    """What arrived, as it arrived; `at` is in seconds since the epoch."""

    source: Source
    headers: Headers
    body: bytes
    at: float


@dataclass(frozen=True)
class Sender:
    """One of the `proofs` is enough; `asks` and `challenge` (WWW-Authenticate) are told to who has none."""

    proofs: tuple[Callable[[Delivery], bool], ...]
    asks: str
    challenge: str


def verify(delivery: Delivery) -> None:
    """Make sure that a delivery is from whom it says.

    Raises UnauthenticatedError, ConfigError for a source that no secret is set for, and KeysUnavailableError.
    """
    if delivery.source is Source.AIRFLOW:
        auth.service(delivery.headers.get("Authorization"))
        return
    _require_configured(delivery.source)
    sender = SENDERS[delivery.source]
    if not any(proves(delivery) for proves in sender.proofs):
        raise auth.UnauthenticatedError(f"This source must send {sender.asks}.", sender.challenge)


def _require_configured(source: Source) -> None:
    takes_tokens = entra_token in SENDERS[source].proofs
    if webhook_secrets(source.value) or (takes_tokens and entra.is_configured()):
        return
    alternative = f", or {entra.OPTIONS}," if takes_tokens else ""
    raise ConfigError(f"[rca] webhook_secret_{source.value}: set it{alternative} to take reports from there")


def bearer_secret(delivery: Delivery) -> bool:
    """Authorization: Bearer <secret>."""
    return _is_secret(delivery, _credential(delivery, "bearer"))


def basic_secret(delivery: Delivery) -> bool:
    """HTTP basic with the secret as password. The user name is the sender's own business."""
    try:
        decoded = base64.b64decode(_credential(delivery, "basic"), validate=True).decode()
    except (binascii.Error, ValueError):
        return False
    return _is_secret(delivery, decoded.partition(":")[2])


def query_secret(delivery: Delivery) -> bool:
    """The secret in the URL, as ?secret=<secret>."""
    return _is_secret(delivery, delivery.headers.get(hidden_query.HEADER, ""))


def signed(delivery: Delivery) -> bool:
    """X-RCA-Signature over X-RCA-Timestamp and the body."""
    return signature.is_signed(
        webhook_secrets(delivery.source.value),
        delivery.body,
        signature=delivery.headers.get("X-RCA-Signature", ""),
        timestamp=delivery.headers.get("X-RCA-Timestamp", ""),
        now=delivery.at,
    )


def entra_token(delivery: Delivery) -> bool:
    """Authorization: Bearer <token that Entra ID issued to Azure Monitor>."""
    token = _credential(delivery, "bearer")
    return bool(token) and entra.is_configured() and entra.is_valid(token)


def _credential(delivery: Delivery, wanted: str) -> str:
    scheme, _, credential = delivery.headers.get("Authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == wanted else ""


def _is_secret(delivery: Delivery, given: str) -> bool:
    return signature.is_one_of(webhook_secrets(delivery.source.value), given)


_BEARER = 'Bearer realm="rca"'
_BASIC = 'Basic realm="rca"'
_BEARER_OR_SIGNED = Sender(
    (bearer_secret, signed),
    "Authorization: Bearer <secret>, or X-RCA-Signature and X-RCA-Timestamp",
    _BEARER,
)
SENDERS: Mapping[Source, Sender] = {
    Source.ADF: _BEARER_OR_SIGNED,
    Source.AZURE_MONITOR: Sender(
        (entra_token, basic_secret, query_secret),
        "an Entra ID token, its secret as HTTP basic password, or ?secret=<secret>",
        f"{_BEARER}, {_BASIC}",
    ),
    Source.DATABRICKS: Sender((basic_secret,), "its secret as HTTP basic password", _BASIC),
    Source.GENERIC: _BEARER_OR_SIGNED,
}
