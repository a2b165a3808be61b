"""Words that name a secret: `db_password`, `X-Api-Key`, `clientSecret`; not `partition_key` or `tokenizer`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_WORDS = (
    "password", "passwd", "passphrase", "passcode", "pass", "pwd", "secret", "token", "credential", "key", "sig",
    "signature", "code", "auth", "authorization", "cookie", "webhook_url", "webhook url", "webhookurl",
    "keyfile_dict", "identified by", "fs.azure.sas",
)  # fmt: skip
_ONLY_BEHIND = {
    "key": re.compile(
        r"(?:api|access|account|private|shared|secret|signing|encryption|storage|subscription|functions?|master"
        r"|fernet|client|consumer|auth|service|sas)[ _.-]?\Z"
    ),
    "pass": re.compile(r"[_-]\Z"),
    "sig": re.compile(r"(?:\A|[^a-z])\Z"),
    "signature": re.compile(r"(?:[?&]|x-(?:amz|goog|ms)-)\Z"),
    "code": re.compile(r"[?&]\Z"),
    "auth": re.compile(r"[_\"']\Z"),
}
# A parser's word, or the class of an exception: "unexpected token: }", "InvalidToken: the signature is wrong".
_NOT_BEHIND = re.compile(
    r"(?:\b(?:unexpected|unrecognized|illegal|near|offending) "
    r"|\b(?:invalid|expired|missing|malformed|unknown|wrong|bad|no)[a-z]{0,30})\Z"
)
_LOOK_BEHIND = 40
SUFFIX = r"s?(?:[_-]?(?:value|plain|base64|b64|\d{1,2}))?(?:\.[\w.-]{1,80}\.windows\.net)?"
_IS_SUFFIX = re.compile(SUFFIX)
_KEY_CHARS = 200


class SecretName(NamedTuple):
    """The word at the end of a secret's name, and where in a text it is."""

    word: str
    start: int
    end: int


def is_secret_name(name: str) -> bool:
    """Whether what stands under this key of an object is a secret."""
    lowered = lower(f'"{name[-_KEY_CHARS:]}"')
    return any(_IS_SUFFIX.fullmatch(lowered, found.end, len(lowered) - 1) for found in secret_names(lowered))


def secret_names(lowered: str) -> Iterator[SecretName]:
    """Where a text in lower case has the end of a secret's name, from left to right."""
    for start, word in sorted(_words(lowered).items()):
        before = lowered[max(0, start - _LOOK_BEHIND) : start]
        required = _ONLY_BEHIND.get(word)
        if (required is None or required.search(before)) and not _NOT_BEHIND.search(before):
            yield SecretName(word, start, start + len(word))


def _words(lowered: str) -> dict[int, str]:
    """The longest word at each place. Plain searches: one pattern for all takes five times as long."""
    found: dict[int, str] = {}
    for word in _WORDS:
        at = lowered.find(word)
        while at >= 0:
            found[at] = max(found.get(at, ""), word, key=len)
            at = lowered.find(word, at + 1)
    return found


def lower(text: str) -> str:
    """The text in lower case, every letter in its place: one of Unicode's would become two."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.replace("\u0130", "i").lower()
