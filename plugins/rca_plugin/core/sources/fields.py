"""The kinds of field that senders use: lenient about the type of what is honest, strict about its size.

Vendors write one id as a number here and as a text there; none writes it as a list or a truth value.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import datetime, timezone
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from rca_plugin.core.json_body import BodyError
from rca_plugin.core.text import clean

NAME_CHARS = 250
RESOURCE_CHARS = 510
CODE_CHARS = 200
OWNER_CHARS = 500
URL_CHARS = 2_000
ID_CHARS = 1_000
MAX_LABELS, LABEL_KEY_CHARS, LABEL_CHARS = 30, 100, 500

_DIGEST_CHARS = 16
#: What JSON numbers of ids and error codes stay below; Python refuses to write one of 5,000 digits.
_LARGEST = 10**30
_TIME = TypeAdapter(datetime)
_US_TIME = "%m/%d/%Y %I:%M:%S %p"
_WORD_ENDS = re.compile(r"[\s/,;&?]")


def identifier(text: str, limit: int = NAME_CHARS) -> str:
    """A name on one line of at most `limit` characters.

    What would not fit, or cannot be stored, gets a digest: two different names never become the same one. Only
    whole words of the first line stay: the secret in a half one, or in the line after its name, nobody would find.
    """
    given = text.strip()
    plain = _first_line(clean(given))
    if not plain or (plain == given and len(plain) <= limit):
        return plain
    room = limit - _DIGEST_CHARS - 1
    return f"{_whole_words(plain, room) if len(plain) > room else plain}~{_digest(given)}"


def _first_line(text: str) -> str:
    return (text.splitlines() or [""])[0].replace("\t", " ").strip()


def _whole_words(text: str, limit: int) -> str:
    ends = [match.end() for match in _WORD_ENDS.finditer(text, 0, limit)]
    return text[: ends[-1]] if ends else ""


def path(*parts: str | None) -> str:
    """A resource, from its widest part to its narrowest. Parts that are None are left out."""
    return identifier("/".join(_segment(part) for part in parts if part), RESOURCE_CHARS)


def _segment(part: str) -> str:
    return part.replace("%", "%25").replace("/", "%2F")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARS]


def text_of(value: object) -> str:
    """Any JSON value as clean text: nothing for null, JSON for an object or a list."""
    if value is None:
        return ""
    if isinstance(value, str):
        return clean(value).strip()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LARGEST:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST:
        return str(int(value))
    return clean(as_json(value))


def as_json(value: object) -> str:
    """One line of JSON.

    Raises BodyError for what is nested too deeply to be written.
    """
    try:
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    except (RecursionError, ValueError, TypeError):
        raise BodyError("too_deep", "The body is nested too deeply or holds a number out of range.") from None


def digest(value: object) -> str:
    """What a body without any identity of its own is told apart by."""
    return _digest(as_json(value))


def labels(*groups: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    """The labels that fit, of equal names the first."""
    found: dict[str, str] = {}
    for key, value in (pair for group in groups for pair in group):
        name = identifier(key, LABEL_KEY_CHARS)
        if value and name and name not in found and len(found) < MAX_LABELS:
            found[name] = clean(value).strip()
    return {key: value for key, value in found.items() if value}


def link(value: object) -> str | None:
    """A web address that a page may link to, else None: `javascript:` is one too."""
    url = clean(value).strip() if isinstance(value, str) else ""
    return url if url.startswith(("https://", "http://")) and len(url) <= URL_CHARS else None


def instant(value: object) -> datetime | None:
    """A time as vendors write it (ISO 8601, epoch milliseconds, US notation) in UTC; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, datetime)):
        return None
    try:
        return as_utc(_TIME.validate_python(value))
    except (ValidationError, ValueError):
        return _us_time(value) if isinstance(value, str) else None


def _us_time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text[:40], _US_TIME).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def as_utc(time: datetime) -> datetime:
    """The same moment in UTC, which is what a sender without a zone means.

    Raises ValueError where the calendar ends.
    """
    try:
        return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)
    except OverflowError:
        raise ValueError("a time outside of the calendar") from None


def happened(time: datetime | None, received_at: datetime) -> datetime:
    """When it happened: nothing is reported before it does, whatever the sender's clock says."""
    return received_at if time is None else min(time, received_at)


def same_post(body: object, received_at: datetime) -> tuple[str, str]:
    """Names an event that carries neither an id nor a time.

    Its digest alone would make tonight's failure a duplicate of last night's, so the minute is a part of it.
    """
    return digest(body), received_at.strftime("%Y-%m-%dT%H:%M")


def _name(value: object, limit: int) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError("neither a text nor a number")
    return identifier(value if isinstance(value, str) else text_of(value), limit) or None


Name = Annotated[str | None, BeforeValidator(partial(_name, limit=NAME_CHARS))]
Id = Annotated[str | None, BeforeValidator(partial(_name, limit=ID_CHARS))]
Code = Annotated[str | None, BeforeValidator(partial(_name, limit=CODE_CHARS))]
Owner = Annotated[str | None, BeforeValidator(partial(_name, limit=OWNER_CHARS))]
Text = Annotated[str, BeforeValidator(text_of)]
Link = Annotated[str | None, BeforeValidator(link)]
Instant = Annotated[datetime | None, BeforeValidator(instant)]
