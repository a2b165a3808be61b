"""One line out of an error: from what a machine prints to what a person reads in a table."""

from __future__ import annotations

import re

#: Characters of a headline: what a ticket title and a row of a table can show.
LENGTH = 160

_POOL = re.compile(r"HTTPS?ConnectionPool\(host='([^']{1,200})', port=(\d{1,5})\)")
_INNER = re.compile(r"Caused by \w{1,80}\(['\"]?(.{1,2000})$")
_ENDED = re.compile(
    r"^Cluster ([\w-]{1,60}) was terminated\. Reason: (\w{1,80})[^:]{0,60}: databricks_error_message:(.{1,2000})$"
)
_OBJECT = re.compile(r"<[\w.$ ]{1,200} object at 0x[0-9a-fA-F]{1,16}>:? ?")
_RAISED = re.compile(r"^(?:Caused by: )?(?:[A-Za-z_]\w{0,80}\.){1,12}(?=[A-Z_]\w{0,80}\b)")
_WRAPPED = re.compile(r"^\w{1,80}: \([\w.]{1,200}\) ")
#: Where to read on belongs into the recommendations; the error is what stands before it.
_ELSEWHERE = re.compile(
    r" ?\(?(?:For more information, see|Background on this error at:|\bSee) https?://[^\s)]{1,500}\)?"
)


def headline(meaning: str, error: str) -> str:
    """`meaning: what the error says`, one line of at most 160 characters."""
    said = " ".join(_plain(error).split()) or "no error text was reported"
    return _middle_out(f"{meaning}: {said}", LENGTH)


def _plain(line: str) -> str:
    """The error without the memory addresses, packages and wrappers around it."""
    ended = _ENDED.search(line)
    if ended:
        return f"{ended[2]}: {ended[3]} (cluster {ended[1]})"
    pool, inner = _POOL.search(line), _INNER.search(line)
    if pool and inner:
        return f"{pool[1]}:{pool[2]}: {_OBJECT.sub('', inner[1])}".rstrip("'\"),")
    return _WRAPPED.sub("", _RAISED.sub("", _OBJECT.sub("", _ELSEWHERE.sub("", line))))


def _middle_out(text: str, limit: int) -> str:
    """Shorten from the middle: the beginning says what, the end says why."""
    if len(text) <= limit:
        return text
    end = limit // 2
    start, rest = text[: limit - end - 3], text[-end:]
    return f"{start.rpartition(' ')[0] or start} … {rest.partition(' ')[2] or rest}"


_ENTITIES = tuple(
    re.compile(pattern)
    for pattern in (
        r"host='([^']{1,200})'",
        r'connection to server at "([^"]{1,200})"',
        r"(?i)\b(?:relation|table|view|column|database|schema|bucket|container|topic|cluster|job|file|module named)"
        r" [\"'`\[]([^\"'`\]]{1,200})[\"'`\]]",
        r"\bhost ?name [\"']([^\"']{1,200})[\"']",
        r"\b((?:[\w-]{1,63}\.){1,6}(?!(?:scala|java|py|sql):)[\w-]{2,63}:\d{2,5})\b",
        r"\b((?:abfss|wasbs|s3|s3a|gs|dbfs|hdfs|https?)://?[^\s'\",)]{1,200})",
        r"directory: '([^']{1,300})'",
        r"\bCluster (?=[\w-]{0,59}\d)([\w-]{4,60})\b",
    )
)


def entity(error: str) -> str | None:
    """What the error is about: a host, table, path or cluster it names."""
    return next((found[1] for found in (pattern.search(error) for pattern in _ENTITIES) if found), None)
