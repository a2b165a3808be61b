"""What of a line tells something: not what tables are called, nor what happened zero times."""

from __future__ import annotations

import re

#: `[audit].[PermissionDenied]` is a table, however it is quoted.
_NAMES = tuple(
    (mark, re.compile(pattern))
    for mark, pattern in (
        ("].[", r"\[[^\[\]\n]{1,128}\](?:\.\[[^\[\]\n]{1,128}\]){1,3}"),
        ('"."', r'"[^"\n]{1,128}"(?:\."[^"\n]{1,128}"){1,3}'),
        ("`.`", r"`[^`\n]{1,128}`(?:\.`[^`\n]{1,128}`){1,3}"),
    )
)
#: `throttlingErrors=0` says that there were none.
_NONE = re.compile(r"\b(\w{1,60})[\"']?\s?[=:]\s?0(?![\w.,:]*\d)\b")
_COUNTED = re.compile(
    r"(?i)err|fail|throttl|retr|timeout|reconnect|lost|kill|evict|reject|invalid|corrupt|miss"
)
_CODES = re.compile(r"(?i)(?:code|number|errno|no|error|status)$")


def without_names(line: str) -> str:
    """The line without the quoted names of tables and columns, and without counts of zero."""
    for mark, pattern in _NAMES:
        if mark in line:
            line = pattern.sub("…", line)
    return _NONE.sub(lambda found: "" if _is_count(found.group(1)) else found.group(), line)


def _is_count(name: str) -> bool:
    return bool(_COUNTED.search(name)) and not _CODES.search(name)
