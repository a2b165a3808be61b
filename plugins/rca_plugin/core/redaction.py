"""Take secrets out of text before it is stored, shown or sent.

What is masked: values of keys that name a secret, passwords in URLs and connection strings, bearer and basic
credentials, tokens of known shape, private keys, e-mail addresses. Run ids, cluster ids and host names stay:
a diagnosis needs them.
"""

from __future__ import annotations

import re
from typing import Any

MASK = "***"

_SENSITIVE_NAME = (
    r"(?:[\w.-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|"
    r"private[_-]?key|credential)s?|pwd|sig|authorization)"
)
_IS_SENSITIVE = re.compile(rf"\A{_SENSITIVE_NAME}\Z", re.IGNORECASE)

_PRIVATE_KEY = (
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.{0,8000}?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)"
)
# The last @ before the path ends the password: an unescaped @ may stand inside it.
_IN_URL = r"(\b[a-z][a-z0-9+.-]{1,30}://[^\s:/@]{0,100}:)[^\s/]{1,300}@"
_CREDENTIAL = r"\b(Bearer|Basic)\s+[\w.~+/=-]{8,}"
_VALUE = r"\"[^\"\n]*\"|'[^'\n]*'|(?!\*\*\*)[^\s,;&)}\]]+"
_NAMED = rf"(?<![\w.-])(['\"]?{_SENSITIVE_NAME}['\"]?\s{{0,3}}[=:]\s{{0,3}})({_VALUE})"
_JWT = r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
_KNOWN_TOKENS = (
    r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}|dapi[0-9a-f]{32}(?:-\d)?|gh[pousr]_\w{30,}|xox[abprs]-[\w-]{10,}|"
    r"AIza[\w-]{35}|sk-[\w-]{20,})\b"
)
_E_MAIL = r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(_PRIVATE_KEY, re.DOTALL), MASK),
    (re.compile(_IN_URL, re.IGNORECASE), rf"\1{MASK}@"),
    (re.compile(_CREDENTIAL, re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(_NAMED, re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(_JWT), MASK),
    (re.compile(_KNOWN_TOKENS), MASK),
    (re.compile(_E_MAIL), "<e-mail>"),
)


def redact(text: str) -> str:
    """The text without its secrets. Redacting twice changes nothing more."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def redact_tree(value: Any) -> Any:
    """The same for a JSON value: texts are redacted, and so is whatever stands under a secret's name."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [redact_tree(item) for item in value]
    if isinstance(value, dict):
        return {key: _redact_entry(key, item) for key, item in value.items()}
    return value


def _redact_entry(key: Any, item: Any) -> Any:
    named_secret = isinstance(key, str) and _IS_SENSITIVE.match(key) and item not in (None, "")
    return MASK if named_secret else redact_tree(item)
