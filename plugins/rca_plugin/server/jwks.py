"""The public keys that a tenant of Entra ID signs with: fetched rarely, whatever strangers send."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError

from rca_plugin.core.json_body import parse_json

log = logging.getLogger(__name__)

REFRESH_SECONDS = 6 * 3600.0
# Keys that could not be refreshed for so long may have been withdrawn.
EXPIRY_SECONDS = 24 * 3600.0
PAUSE_SECONDS = 60.0
FETCH_SECONDS = 5.0
MAX_BYTES = 256 * 1024
_MIN_KEY_BITS = 2048


class KeysUnavailableError(Exception):
    """Whether a key is the tenant's cannot be said now; a little later it can."""


@dataclass(frozen=True)
class _Fetched:
    keys: Mapping[str, RSAPublicKey] = field(default_factory=dict)
    at: float = float("-inf")


class KeySet:
    """The keys at one URL. `now` is in monotonic seconds; threads may share one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._fetched = _Fetched()
        self._tried_at = float("-inf")
        self._lock = threading.Lock()

    def key(self, kid: str, now: float) -> RSAPublicKey | None:
        """The key of this id, None where the tenant has no such key.

        A key that is not known is asked for at most once a minute, by one caller, who waits 5 seconds at most;
        nobody else waits. Raises KeysUnavailableError.
        """
        if self._may_fetch(kid, now):
            fetch = threading.Thread(target=self._fetch, args=(now,), name="rca-jwks", daemon=True)
            fetch.start()
            if kid not in self._valid(now):
                fetch.join(FETCH_SECONDS)
        found = self._valid(now).get(kid)
        if found is None and self._fetched.at < self._tried_at:
            raise KeysUnavailableError
        return found

    def _may_fetch(self, kid: str, now: float) -> bool:
        with self._lock:
            fresh = kid in self._fetched.keys and now - self._fetched.at < REFRESH_SECONDS
            if fresh or now - self._tried_at < PAUSE_SECONDS:
                return False
            self._tried_at = now
            return True

    def _valid(self, now: float) -> Mapping[str, RSAPublicKey]:
        fetched = self._fetched
        return fetched.keys if now - fetched.at < EXPIRY_SECONDS else {}

    def _fetch(self, now: float) -> None:
        try:
            self._fetched = _Fetched(_keys_in(parse_json(_download(self._url))), now)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            log.warning("The signing keys at %s could not be fetched: %s", self._url, error)


def _download(url: str) -> bytes:
    # Each read may take the timeout again, so that the whole needs a bound of its own; and what is not
    # compressed cannot grow while it is unpacked.
    deadline = time.monotonic() + FETCH_SECONDS
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    with httpx.stream("GET", url, timeout=FETCH_SECONDS, headers=headers) as response:
        response.raise_for_status()
        body = b""
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > MAX_BYTES or time.monotonic() > deadline:
                raise ValueError(f"more than {MAX_BYTES} bytes, or more than {FETCH_SECONDS:g} seconds")
        return body


def _keys_in(document: Any) -> dict[str, RSAPublicKey]:
    entries = document.get("keys") if isinstance(document, dict) else None
    keys = dict(filter(None, map(_signing_key, entries if isinstance(entries, list) else [])))
    if not keys:
        raise ValueError("there is no RSA signing key in it")
    return keys


def _signing_key(entry: Any) -> tuple[str, RSAPublicKey] | None:
    if not isinstance(entry, dict) or entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig":
        return None
    try:
        key = PyJWK(entry, algorithm="RS256").key
    except (PyJWTError, ValueError, TypeError, AttributeError):
        return None
    kid = entry.get("kid")
    usable = isinstance(key, RSAPublicKey) and key.key_size >= _MIN_KEY_BITS and isinstance(kid, str)
    return (str(kid), key) if usable else None
