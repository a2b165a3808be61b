"""What of a line tells something: not what tables are called, nor what happened zero times or was got over."""

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
#: What a job got over is not why it failed.
_RECOVERED = re.compile(r"\([^()\n]{0,200}\brecovered\)")
_COUNTED = re.compile(
    r"(?i)err|fail|throttl|retr|timeout|reconnect|lost|kill|evict|reject|invalid|corrupt|miss"
)
_CODES = re.compile(r"(?i)(?:code|number|errno|no|error|status)$")


def telling_part(line: str) -> str:
    """The line without the quoted names of tables and columns, counts of zero and what was got over."""
    for mark, pattern in _NAMES:
        if mark in line:
            line = pattern.sub("…", line)
    if "recovered)" in line:
        line = _RECOVERED.sub("", line)
    return _NONE.sub(lambda found: "" if _is_count(found.group(1)) else found.group(), line)


def _is_count(name: str) -> bool:
    return bool(_COUNTED.search(name)) and not _CODES.search(name)
