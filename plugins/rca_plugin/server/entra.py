"""Entra ID tokens: how a secure webhook of Azure Monitor proves itself.

Checking a signature costs 0.1 ms and is not limited. What is expensive is fetching the tenant's keys, and
strangers cannot have that done more than once a minute.
"""

from __future__ import annotations

import logging
import time
from functools import cache
from typing import Any

import jwt

from rca_plugin.config import ConfigError, Settings, separated, settings
from rca_plugin.server.jwks import KeySet

log = logging.getLogger(__name__)

OPTIONS = "entra_tenant_id and entra_audience"
LEEWAY_SECONDS = 60


class _RefusedError(Exception):
    pass


def is_configured() -> bool:
    """Whether tokens of a tenant are accepted. Raises ConfigError when only half of it is set."""
    given = (settings().entra_tenant_id, settings().entra_audience)
    if any(given) and not all(given):
        raise ConfigError(f"[rca] {OPTIONS}: set both, or neither")
    return all(given)


def is_valid(token: str) -> bool:
    """Whether our tenant issued this token to Azure Monitor, for us, and it is valid now.

    Raises KeysUnavailableError.
    """
    try:
        _check(token, settings())
    # RecursionError: the header of a token is JSON, and read before anything is verified.
    except (jwt.PyJWTError, _RefusedError, ValueError, RecursionError) as error:
        # The sender is not told which part was wrong; who sets it up must be able to find out.
        # The texts of PyJWT repeat what was sent.
        reason = error if isinstance(error, _RefusedError) else type(error).__name__
        log.info("An Entra ID token was refused: %s", reason)
        return False
    return True


def _check(token: str, options: Settings) -> None:
    kid = jwt.get_unverified_header(token).get("kid")
    key = _keys(_keys_url(options)).key(kid, time.monotonic()) if isinstance(kid, str) else None
    if key is None:
        raise _RefusedError("it names no key of the tenant")
    claims = jwt.decode(
        token,
        key,
        algorithms=["RS256"],
        audience=separated(options.entra_audience),
        issuer=_issuers(options),
        leeway=LEEWAY_SECONDS,
        options={"require": ["exp", "nbf", "iss", "aud"]},
    )
    _check_caller(claims, options.entra_caller)


def _check_caller(claims: dict[str, Any], expected: str) -> None:
    """Any application of the tenant can have itself a token for us: only Azure Monitor is one of ours."""
    caller = claims.get("appid") or claims.get("azp")
    if str(caller).lower() != expected.lower():
        raise _RefusedError("it was issued to another application than entra_caller")


def _issuers(options: Settings) -> list[str]:
    tenant = options.entra_tenant_id.lower()
    version_2 = f"{options.entra_authority.rstrip('/')}/{tenant}/v2.0"
    return [f"https://sts.windows.net/{tenant}/", version_2]


def _keys_url(options: Settings) -> str:
    tenant = options.entra_tenant_id.lower()
    return f"{options.entra_authority.rstrip('/')}/{tenant}/discovery/v2.0/keys"


@cache
def _keys(url: str) -> KeySet:
    return KeySet(url)
