"""What may be stored of what a source reports: clean text without secrets, each part of bounded length.

Everything that enters the tables goes through here. Redacted first and cut afterwards: a cut could halve a secret
so that nothing finds it any more.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol, overload

from rca_plugin.core.failure import Failure, Recovery, Source
from rca_plugin.core.text import clean, head, tail

MESSAGE_CHARS = 4_000
DETAIL_CHARS = 32_000
RESOURCE_CHARS = 510
RUN_CHARS = 250
CODE_CHARS = 200
OWNER_CHARS = 500
OPERATOR_CHARS = 250
URL_CHARS = 2_000
MOST_LABELS = 30
LABEL_NAME_CHARS = 100
LABEL_CHARS = 500

# A report may be a mebibyte. Of a text too long, this much beyond what is kept is redacted with it, so that what
# is halved where the reading begins or ends is cut away again.
_MARGIN = 16_000
_KEY_ENDS = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_DIGEST_CHARS = 12


class Redacts(Protocol):
    """What takes the secrets out of a text."""

    def text(self, text: str) -> str:
        """The text without them."""

    def tree(self, value: Any) -> Any:
        """The same for a JSON value, whose names say which values are secrets."""


@overload
def storable(event: Failure, redact: Redacts) -> Failure: ...
@overload
def storable(event: Recovery, redact: Redacts) -> Recovery: ...
@overload
def storable(event: Failure | Recovery, redact: Redacts) -> Failure | Recovery: ...
def storable(event: Failure | Recovery, redact: Redacts) -> Failure | Recovery:
    """The failure or recovery as it may be stored; its key, and the task it names, stay as they are."""
    if isinstance(event, Failure):
        return _storable_failure(event, redact)
    return replace(
        event,
        reason=beginning(event.reason, MESSAGE_CHARS, redact),
        alert=event.alert and _name(event.alert, RESOURCE_CHARS, redact),
        resource=event.resource and _resource(event.source, event.resource, redact),
    )


def _storable_failure(failure: Failure, redact: Redacts) -> Failure:
    return replace(
        failure,
        message=beginning(failure.message, MESSAGE_CHARS, redact),
        detail=end(failure.detail, DETAIL_CHARS, redact),
        resource=_resource(failure.source, failure.resource, redact),
        run=failure.run and _name(failure.run, RUN_CHARS, redact),
        alert=failure.alert and _name(failure.alert, RESOURCE_CHARS, redact),
        code=_text(failure.code, CODE_CHARS, redact),
        operator=_text(failure.operator, OPERATOR_CHARS, redact),
        owner=_text(failure.owner, OWNER_CHARS, redact),
        url=_text(failure.url, URL_CHARS, redact),
        labels=_labels(failure.labels, redact),
    )


def beginning(text: str, limit: int, redact: Redacts) -> str:
    """At most `limit` characters from the beginning, without secrets."""
    return head(redact.text(_readable(text, limit)).strip(), limit)


def end(text: str, limit: int, redact: Redacts) -> str:
    """At most `limit` characters from the end, without secrets: where a traceback names its error."""
    if not text:
        return ""
    if len(text) > limit + _MARGIN:
        text = _from_a_line(text[-(limit + _MARGIN) :])
    return tail(redact.text(clean(text)), limit)


def _readable(text: str, limit: int) -> str:
    """As much of the beginning as is redacted."""
    return clean(_up_to_a_space(text[: limit + _MARGIN]) if len(text) > limit + _MARGIN else text)


def _up_to_a_space(text: str) -> str:
    """Without the last word, which may be half of a secret."""
    spaces = max(text.rfind(" "), text.rfind("\n"))
    return text[:spaces] if spaces >= 0 else text


def _from_a_line(text: str) -> str:
    """Without the rest of a line, and of a private key, that began before."""
    first_line = text.find("\n", 0, _MARGIN)
    text = text[(first_line if first_line >= 0 else text.find(" ", 0, _MARGIN)) + 1 :]
    marker = _KEY_ENDS.search(text)
    return text[marker.end() :] if marker and marker.group(1) == "END" else text


def _text(text: str | None, limit: int, redact: Redacts) -> str | None:
    return text and beginning(text, limit, redact)


def _resource(source: Source, resource: str, redact: Redacts) -> str:
    # Airflow's are made of the identifiers of DAG and task, and are found again by them.
    if source is Source.AIRFLOW:
        return resource
    # A part may be any text, with its slashes written as %2F: a URL is only seen as one when they are slashes.
    parts = resource[: RESOURCE_CHARS + _MARGIN].split("/") if "%2F" in resource else []
    return _name("/".join(_segment(part, redact) for part in parts) or resource, RESOURCE_CHARS, redact)


def _segment(part: str, redact: Redacts) -> str:
    plain = part.replace("%2F", "/").replace("%25", "%")
    redacted = redact.text(plain)
    return part if redacted == plain else redacted.replace("%", "%25").replace("/", "%2F")


def _name(name: str, limit: int, redact: Redacts) -> str:
    """A name that is compared: two that differ still do when they are cut."""
    redacted = redact.text(clean(name[: limit + _MARGIN]))
    if len(redacted) <= limit:
        return redacted
    digest = hashlib.sha256(redacted.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARS]
    return head(redacted, limit - _DIGEST_CHARS) + digest


def _labels(labels: Mapping[str, str], redact: Redacts) -> dict[str, str]:
    first = list(labels.items())[:MOST_LABELS]
    # As a tree: the name may say that the value is a secret.
    redacted = redact.tree(
        {clean(name[:LABEL_CHARS]): _readable(value, LABEL_CHARS) for name, value in first}
    )
    return {
        head(name, LABEL_NAME_CHARS): head(value.strip(), LABEL_CHARS) for name, value in redacted.items()
    }
