"""How long a service wants to be left alone: the `Retry-After` of the answer that an exception carries.

Most clients keep the answer (requests, httpx, azure-core, google-api-core, slack-sdk) or its headers (aiohttp,
urllib) on their exception, googleapiclient as `resp`, botocore as a dict. Airflow's hooks raise exceptions of their
own while they handle these, so the chain is searched, what `raise … from None` hides included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from rca_plugin.worker.exception import attribute_of

_MOST_EXCEPTIONS = 50
_MOST_CHARS = 100
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
#: Azure says it in milliseconds too, Cosmos DB only so.
_NAMES = {"retry-after": 1.0, "retry-after-ms": 0.001, "x-ms-retry-after-ms": 0.001}


def retry_after(error: BaseException, now: datetime) -> float | None:
    """The seconds from now that the outermost answer asks for, not negative; None where none does."""
    asked = (seconds for raised in _reachable(error) for seconds in _asked(raised, now))
    return next(asked, None)


def _reachable(error: BaseException) -> Iterator[BaseException]:
    waiting, seen = [error], {id(error)}
    while waiting and len(seen) <= _MOST_EXCEPTIONS:
        raised = waiting.pop(0)
        yield raised
        inner = [e for e in (raised.__cause__, raised.__context__) if e is not None and id(e) not in seen]
        waiting += inner
        seen.update(map(id, inner))


def _asked(raised: BaseException, now: datetime) -> Iterator[float]:
    for headers in _headers(raised):
        for name, unit in _NAMES.items():
            seconds = _seconds(_value(headers, name), unit, now)
            if seconds is not None:
                yield seconds


def _headers(raised: BaseException) -> Iterator[Any]:
    for holder in (raised, attribute_of(raised, "response"), attribute_of(raised, "resp")):
        yield attribute_of(holder, "headers")
        if isinstance(holder, Mapping):
            yield holder
            yield _value(_value(holder, "ResponseMetadata"), "HTTPHeaders")


def _value(headers: Any, name: str) -> Any:
    """What stands under a name. All of the clients above write their dicts' keys in lower case."""
    get = attribute_of(headers, "get")
    try:
        return get(name) if callable(get) else None
    except Exception:  # anybody's class
        return None


def _seconds(value: object, unit: float, now: datetime) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = str(value)[:_MOST_CHARS].strip()
    if _NUMBER.fullmatch(text):
        return float(text) * unit
    return _until(text, now) if unit == 1.0 else None


def _until(date: str, now: datetime) -> float | None:
    try:
        then = parsedate_to_datetime(date)
        # A date in "-0000" comes without a zone, and means UTC.
        return max(0.0, (then.replace(tzinfo=then.tzinfo or timezone.utc) - now).total_seconds())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
