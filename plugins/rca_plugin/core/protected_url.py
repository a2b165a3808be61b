"""Where a secret may be sent: over TLS, or not over a network at all."""

from __future__ import annotations

from urllib.parse import urlsplit

_LOCAL = ("localhost", "127.0.0.1", "::1")


def is_protected(url: str) -> bool:
    """Whether nobody on the way reads what is sent there."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
