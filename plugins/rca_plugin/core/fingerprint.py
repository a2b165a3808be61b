"""Tell "the same cause on the same resource" from another one.

The signature is the error text with its variable parts masked; the fingerprint is the hash of source,
resource and signature. Merging two causes hides one of them, splitting one shows it twice: where a mask is
not certain to be a variable part, the text is left alone.
"""

from __future__ import annotations

import hashlib

from rca_plugin.core.failure import Source
from rca_plugin.core.variable_part import without_variable_parts

SIGNATURE_CHARS = 500
# As much as is stored of a message: the cost of a report does not grow with what a task chose to print.
_INPUT_CHARS = 4_000
_DIGEST_CHARS = 12


def signature(message: str) -> str:
    """The message with its variable parts masked, at most 500 characters.

    Of a longer one the rest is there as a digest: two stack traces that begin alike may end in different errors.
    """
    text = " ".join(without_variable_parts(message[:_INPUT_CHARS]).split())
    if len(text) <= SIGNATURE_CHARS:
        return text
    shown = text[: SIGNATURE_CHARS - _DIGEST_CHARS - 1]
    rest = hashlib.sha256(text[len(shown) :].encode("utf-8", "surrogatepass")).hexdigest()
    return f"{shown}…{rest[:_DIGEST_CHARS]}"


def fingerprint(source: Source, resource: str, message_signature: str) -> str:
    """64 hex digits that are equal for the same cause on the same resource."""
    parts = "\x1f".join((source.value, resource, message_signature))
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()
