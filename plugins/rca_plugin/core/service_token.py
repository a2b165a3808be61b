"""The short-lived token by which our own tasks prove themselves to the API server.

HS256 with a key derived from the shared secret, so that neither a token nor its key can be used for
anything else that secret protects.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

import jwt

AUDIENCE = "rca"
LIFETIME_SECONDS = 60
# The clocks of worker and server may differ by this much.
LEEWAY_SECONDS = 10
_ALGORITHM = "HS256"


class InvalidTokenError(Exception):
    """The token is not one of ours, or not valid any more."""


@dataclass(frozen=True)
class ServiceToken:
    """Who asks: the part of the plugin that made the token, for the audit."""

    subject: str


def sign(secret: str, subject: str, now: float) -> str:
    """A token for `subject` that is valid for a minute from `now` (seconds since the epoch)."""
    claims = {"aud": AUDIENCE, "sub": subject, "iat": int(now), "exp": int(now) + LIFETIME_SECONDS}
    return jwt.encode(claims, _derived_key(secret), algorithm=_ALGORITHM)


def verify(secret: str, token: str) -> ServiceToken:
    """Who the token is for.

    Raises InvalidTokenError for a token that is forged, expired, too long-lived or meant for another audience.
    """
    try:
        claims = jwt.decode(
            token,
            _derived_key(secret),
            algorithms=[_ALGORITHM],
            audience=AUDIENCE,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "sub", "aud"]},
        )
    except (jwt.PyJWTError, ValueError) as error:
        raise InvalidTokenError(str(error)) from None
    if claims["exp"] - claims["iat"] > LIFETIME_SECONDS:
        raise InvalidTokenError("the token is valid for too long")
    return ServiceToken(subject=str(claims["sub"]))


def _derived_key(secret: str) -> bytes:
    return hmac.new(secret.encode(), b"rca-plugin service token", hashlib.sha256).digest()
