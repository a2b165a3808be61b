"""The value behind a secret's name: `password=x`, `"token": "x"`, `--api-key x`, `<secret>x</secret>`, `Cookie: x`.

A name is found first and its value is read from there, so the cost grows with the text and no further,
whatever the text is made of.
"""

from __future__ import annotations

import re

from rca_plugin.core.secret_name import SUFFIX, SecretName, secret_names

MASK = "***"

_QUOTE = r"(?:\\{0,7}[\"']|&quot;|&#3[49];|%22)"
_ASSIGNED = re.compile(
    rf"{SUFFIX}{_QUOTE}?\]?\s{{0,3}}(?:,?\s{{0,20}}{_QUOTE}?value{_QUOTE}?\s{{0,3}})?"
    r"(?:=>|:=|={1,3}|:|%3[ad]|(?<=\.net)\s)[^\S\n]{0,3}",
    re.IGNORECASE,
)
_IN_ELEMENT = re.compile(r"(?:\s[^<>]{0,200})?>|</name>(?:\s|\\{1,3}[nrt]){0,20}<value>")
_ELEMENT_OPENS = re.compile(r"<[\w:.-]{0,38}\Z")
_HADOOP_NAME = re.compile(r"<name>[\w.-]{0,80}\Z")
_FLAG = re.compile(r"--[\w.-]{0,60}\Z")
_AFTER_FLAG = re.compile(r"(?:[\"'],\s{0,3}|[^\S\n]{1,3})(?!-)")
_BEFORE_STRING = re.compile(r"[^\S\n]{1,3}(?=')")
_SQL_NAMES = {"password", "identified by", "key"}

_QUOTED = re.compile(rf"[bBuUrRfF]{{0,2}}(?P<quote>{_QUOTE})(?P<value>.*?)(?<!\\)(?P=quote)")
_CUT_OFF = re.compile(rf"[bBuUrRfF]{{0,2}}{_QUOTE}(?P<value>.+)")
# Also within JSON, where a line break is written \n.
_BLOCK = re.compile(r"(?P<value>[|>][+-]?(?:(?:\n|\\{1,3}n)[ \t]+(?:(?!\\{1,3}n)[^\n])+)+)")
_CHAR = r"(?:[^\s,;&<>\"'`)\]}\\]|\\(?![\"'nrt])|,(?!\s|[\w.-]{0,60}[=:]|[\"'\\])|[\"')\]}](?=[\w!@#$%^*+]))"
_GROUP = re.compile(rf"(?P<value>(?:\[[^\[\]\n]{{0,4000}}\]|\{{[^{{}}\n]{{0,4000}}\}}){_CHAR}*)")
_BARE = re.compile(rf"(?P<value>{_CHAR}+)")
_FORMS = (_QUOTED, _CUT_OFF, _BLOCK, _GROUP, _BARE)
_ELEMENT_TEXT = re.compile(r"(?P<value>(?:<!\[CDATA\[)?[^<]+)")
# A header ends with its line. Only Digest and cookies have quotes in them.
_HEADERS = {"authorization", "cookie"}
_SCHEME = re.compile(r"(?!digest\b)[a-z][\w-]{1,30}[ \t]{1,3}(?=\S)", re.IGNORECASE)
_DIGEST = re.compile("digest ", re.IGNORECASE)
_TOKEN_SCHEME = re.compile("token ", re.IGNORECASE)
_REST_OF_LINE = re.compile(r"(?P<value>(?:(?!\\[nr]).)+)")
_REST_OF_STRING = re.compile(r"(?P<value>[^\"'\\\n]+)")

_NOTHING = re.compile(
    r"[*x]{3,}|none|null|nil|true|false|undefined|-|(?:optional\W)?(?:str|string|int|bytes|any)\]?",
    re.IGNORECASE,
)
_PROSE = {
    "a", "access", "an", "and", "any", "are", "at", "authentication", "authorization", "bad", "be",
    "by", "can", "can't", "cannot", "check", "client", "could", "couldn't", "credential", "credentials",
    "denied", "disabled", "does", "empty", "error", "exception", "expected", "expired", "failed",
    "failure", "field", "for", "forbidden", "from", "had", "has", "have", "http", "if", "in",
    "incorrect", "invalid", "is", "it", "its", "key", "login", "malformed", "may", "missing", "must",
    "no", "not", "object", "of", "on", "or", "password", "permission", "permissions", "please",
    "provided", "received", "request", "required", "resource", "revoked", "secret", "server", "should",
    "signature", "status", "string", "that", "the", "this", "to", "token", "unable", "unauthorized",
    "unexpected", "unknown", "unsupported", "user", "value", "was", "were", "when", "while", "with",
    "wrong", "you", "your",
}  # fmt: skip
_WORD = re.compile(r"[A-Za-z']{1,20}(?=[.,:;!]?(?:\s|\Z))")
_CODE = re.compile(r"(?:[A-Za-z_]\w{0,60}\.){1,6}[A-Za-z_]\w{0,60}")
_LOOK_BEHIND = 90
_HARMLESS_CHARS = 200


def without_named_values(text: str, lowered: str) -> str:
    """The text with the values of secret names masked; `lowered` is the same text in lower case."""
    pieces: list[str] = []
    kept = 0
    for name in secret_names(lowered):
        if name.start >= kept and (value := _value_behind(text, name)):
            pieces += (text[kept : value.start("value")], MASK)
            kept = value.end("value")
    return "".join((*pieces, text[kept:])) if pieces else text


def _value_behind(text: str, name: SecretName) -> re.Match[str] | None:
    before = text[max(0, name.start - _LOOK_BEHIND) : name.start]
    if assigned := _ASSIGNED.match(text, name.end):
        value = _assigned_value(text, name, assigned, quoted=before[-1:] in ("'", '"'))
        return value if value and not _is_harmless(value, name, assigned) else None
    in_element = _ELEMENT_OPENS.search(before) or _HADOOP_NAME.search(before)
    if in_element and (opened := _IN_ELEMENT.match(text, name.end)):
        return _ELEMENT_TEXT.match(text, opened.end())
    return _argument(text, name, before)


def _assigned_value(
    text: str, name: SecretName, assigned: re.Match[str], *, quoted: bool
) -> re.Match[str] | None:
    at = assigned.end()
    if name.word not in _HEADERS:
        return _first_form(text, at)
    if in_quotes := _QUOTED.match(text, at):
        return in_quotes
    if _is_prose(text, at) and not _TOKEN_SCHEME.match(text, at):
        return None
    scheme = _SCHEME.match(text, at) if name.word == "authorization" else None
    has_quotes = name.word == "cookie" or _DIGEST.match(text, at)
    rest = _REST_OF_STRING if scheme or (quoted and not has_quotes) else _REST_OF_LINE
    return rest.match(text, scheme.end() if scheme else at)


def _argument(text: str, name: SecretName, before: str) -> re.Match[str] | None:
    """`--password x`, a list of such arguments, or SQL's `PASSWORD 'x'`."""
    after = _AFTER_FLAG.match(text, name.end) if _FLAG.search(before) else None
    if after is None and name.word in _SQL_NAMES:
        after = _BEFORE_STRING.match(text, name.end)
    return _first_form(text, after.end()) if after else None


def _first_form(text: str, at: int) -> re.Match[str] | None:
    return next((found for form in _FORMS if (found := form.match(text, at))), None)


def _is_harmless(value: re.Match[str], name: SecretName, assigned: re.Match[str]) -> bool:
    """Whether it is no value but the word None, code that passes one on, a path, or the rest of a sentence."""
    found = value.group("value")
    if len(found) > _HARMLESS_CHARS:
        return False
    if not found.strip() or _NOTHING.fullmatch(found) or _is_count_or_path(found, name, assigned.group()):
        return True
    if value.re in (_QUOTED, _CUT_OFF):
        return False
    if ":" in assigned.group() and _is_prose(found, 0):
        return True
    return found.lower() == name.word or bool(_CODE.fullmatch(found) and name.word in found.lower())


def _is_count_or_path(found: str, name: SecretName, assigned: str) -> bool:
    """`tokens: 812`, `sig=9` or the working directory."""
    counted = assigned[:1] in "sS" or name.word == "sig"
    return found.isdigit() if counted else name.word == "pwd" and found.startswith("/")


def _is_prose(text: str, at: int) -> bool:
    word = _WORD.match(text, at)
    return bool(word and word.group().lower() in _PROSE)
