"""Tell "the same cause on the same resource" from another one.

The signature is the error text with its variable parts masked; the fingerprint is the hash of source,
resource and signature. Merging two causes hides one of them, splitting one shows it twice: where a mask is
not certain to be a variable part, the text is left alone.
"""

from __future__ import annotations

import hashlib
import re

from rca_plugin.core.failure import Source

SIGNATURE_CHARS = 500
# Only the beginning is masked: the cost of a report does not grow with what a task chose to print.
_INPUT_CHARS = 4 * SIGNATURE_CHARS

_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "<uuid>"),
    (
        re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:?\d\d(?::?\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"),
        "<time>",
    ),
    (re.compile(r"\b\d\d:\d\d:\d\d(?:[.,]\d{1,9})?\b"), "<time>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "<address>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12,64}\b", re.IGNORECASE), "<hex>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "<ip>"),
    (re.compile(r"/tmp/[\w./-]{1,200}"), "<tmp>"),  # noqa: S108  the text of a message, not a path we use
    (re.compile(r"\b\d{5,}\b"), "<number>"),
    (re.compile(r"(?<=\bin )\d+(?:\.\d+)?(?=\s?(?:ms|s|sec|seconds|minutes)\b)"), "<number>"),
    (re.compile(r"(?<=\bafter )\d+(?:\.\d+)?(?=\s?(?:ms|s|sec|seconds|minutes)\b)"), "<number>"),
    (
        re.compile(r"\b(pid|line|row|attempt|try|offset|port)([ =:#]{1,2})\d+\b", re.IGNORECASE),
        r"\1\2<number>",
    ),
    (re.compile(r"\s+"), " "),
)


def signature(message: str) -> str:
    """The message with times, ids, addresses and large numbers masked, at most 500 characters."""
    text = message[:_INPUT_CHARS]
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text.strip()[:SIGNATURE_CHARS]


def fingerprint(source: Source, resource: str, message_signature: str) -> str:
    """64 hex digits that are equal for the same cause on the same resource."""
    parts = "\x1f".join((source.value, resource, message_signature))
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()
