"""The error codes and exception classes that a line of text names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import islice

#: What a class of an exception ends with when nobody told us of it.
_ENDINGS = (
    "Error|Exception|Timeout|Failure|Fault|Interrupt|Violation|NotFound|Exit|Disconnected|Read|Iteration|Warning|Refused"
    r"|Denied|Deadlock\w{0,20}|Failed"
)
_CLASS = re.compile(rf"\b[A-Z][A-Za-z0-9]{{0,80}}(?:{_ENDINGS})\b")
_QUALIFIED = re.compile(
    r"^(?::\s)?(?:Caused by:\s)?(?:[A-Za-z_][\w$]{0,80}\.){1,12}([A-Za-z_]\w{1,80})(?=:|\(|\s|$)"
)
_CAMEL = re.compile(r"\b[A-Z][a-z0-9]{1,40}(?:[A-Z]{1,5}[a-z0-9]{1,40}){1,8}\b|\berrors?\.([A-Z]\w{1,60})\b")
_MOST = 40


def exceptions_in(line: str, is_known: Callable[[str], bool]) -> Iterable[str]:
    """The classes of exceptions that a line names: known ones anywhere, others by their place or ending."""
    found = dict.fromkeys(_QUALIFIED.findall(line))
    found.update(dict.fromkeys(_CLASS.findall(line)[:_MOST]))
    for match in islice(_CAMEL.finditer(line), _MOST):
        name = match.group(1) or match.group()
        if match.group(1) or is_known(name):
            found[name] = None
    return found


def class_of(code: str) -> str:
    """The class of a code that names one with its package."""
    return re.split(r"[.$:]", code)[-1]


_SAID, _SEEN = "said", "seen"

#: What a code is, a text in lower case that stands in every line with such a code (or an empty one), and where it is.
#: Each pattern's repeats are bounded and follow one another without overlap, so time stays linear.
_PATTERNS: tuple[tuple[str, str, str], ...] = (
    ("http", "http", r"(?i)\bhttps?(?:/\d\.\d)?(?: code)?[\"']?\W{0,4}([1-5]\d\d)\b"),
    ("http", "status", r"(?i)\bstatus(?:[ _]?code)?(?: code)?[\"']?\W{0,4}([1-5]\d\d)\b"),
    ("http", "response", r"(?i)\bresponse(?: code)?[\"']?\W{0,4}([1-5]\d\d)\b"),
    ("http", "error code", r"(?i)\berror code(?: code)?[\"']?\W{0,4}([1-5]\d\d)\b"),
    (
        "http", "",
        r"\b([45]\d\d)\)? (?i:client error|server error|unauthorized|forbidden|not found|too many|bad gateway"
        r"|service unavailable|gateway time|internal server|bad request|conflict)",
    ),
    # Not just any number: SQL Server's stand in brackets as well.
    ("http", "(", r"\((4[0-3]\d|451|50\d|51[01]|52\d|530)\)"),
    ("http", "last exception: ", r"\blast exception: ([45]\d\d)\b"),
    ("http", "returned error: ", r"\breturned error: ([45]\d\d)\b"),
    ("http", "indicate success: ", r"\bindicate success: ([45]\d\d)\b"),
    ("http", "error ", r"\bERROR ([45]\d\d): [A-Z]"),
    ("http", "received ", r"\breceived ([45]\d\d)\b"),
    ("http", "", r"^(?:[\w.]{1,200}: )?(4[0-3]\d|50\d|52\d)[ :][ ]?[A-Z]"),
    ("sqlstate", "sqlstate", r"(?i)\bsqlstate\W{0,4}([0-9a-z]{5})\b"),
    ("sqlstate", "(", r"\b\d{6} \(([0-9A-Z]{5})\)"),
    ("sqlstate", "", r"[\['(]([0-9A-Z]{2}[0-9A-Z]{3})['\])]"),
    ("snowflake", "(", r"\b(\d{6}) \([0-9A-Z]{5}\)"),
    ("errno", "errno", r"(?i)\[?\berrno:? ?(-?\d{1,5})\b"),
    ("errno", "error code 0x", r"(?i)\berror code 0x[0-9a-f]{1,4} \((\d{1,5})\)"),
    ("errno", "error(", r"\b(?!SSL)\w{1,60}Error\((-?\d{1,5}), '"),
    (
        "exit", "",
        r"(?i)\b(?:exit|return|exited with|error|status)[ _-]?(?:code|status)(?: is)?[:= ]{0,3}'?(-?\d{1,3})\b",
    ),
    ("exit", "exit", r"(?i)\bexit(?:ed)?(?: with)? (-?\d{1,3})\b"),
    ("signal", "signal", r"(?i)\bsignal[\"']?[:= ]{0,3}(?:name )?-?(\d{1,2}|SIG[A-Z]{2,6})\b"),
    ("signal", "sig", r"\b(SIG(?:KILL|TERM|SEGV|ABRT|BUS|INT|HUP))\b"),
    ("ora", "ora-", r"\bORA-(\d{5})\b"),
    ("dpy", "dpy-", r"\bDPY-(\d{4})\b"),
    ("db2", "sql", r"\bSQL(\d{4,5})N\b"),
    ("kafka", "kafkaerror{", r"\bKafkaError\{code=(\w{2,60})"),
    ("mysql", "(", r"\((\d{4}), ['\"]"),
    ("mysql", "error ", r"\bERROR (\d{4}) \("),
    ("mssql", "error number", r"(?i)\berror number[:= ]{1,2}(\d{3,6})\b"),
    ("mssql", "msg", r"(?i)\bmsg[:= ]{1,2}(\d{3,6})\b"),
    ("mssql", "sqlerror", r"(?i)\bsqlerror(?:code|number)[:= ]{1,2}(-?\d{1,6})\b"),
    ("clickhouse", "code: ", r"\bCode: (\d{1,4})\.(?:\s{0,3}$| DB::)"),
    ("aadsts", "aadsts", r"\bAADSTS(\d{4,7})\b"),
    ("mssql", "(sql", r"(?<!0x\w\w )(?<!0x\w\w\w )(?<!0x\w{4} )\((\d{3,6})\) \(SQL"),
    ("grpc", "statuscode.", r"\bStatusCode\.([A-Z_]{2,30})\b"),
    (
        "grpc", "r",
        r"\b(?:StatusRuntimeException|grpc(?:\.\w{1,40})?|rpc error)[:,]? (?:code = )?([A-Z]\w{2,30})\b",
    ),
    ("curl", "curl: (", r"\bcurl: \((\d{1,2})\)"),
    (_SAID, "error", r"(?i)\berror_?code[\"']?[:= ]{1,3}[\"']?([A-Za-z0-9_.-]{2,100})"),
    (_SEEN, "reason", r"(?i)\breason[\"']?[:= ]{1,3}[\"']?([A-Z][A-Z0-9_]{2,80})\b"),
    (_SEEN, "code", r"(?i)\bcode[\"']?[:= ]{1,3}[\"']?([A-Z][A-Z0-9_]{2,80})\b"),
    (_SEEN, "state", r"(?i)\b(?:result_|life_cycle_)?state[\"']?[:= ]{1,3}[\"']?([A-Z][A-Z0-9_]{2,80})\b"),
    (_SAID, "an error occurred (", r"An error occurred \(([A-Za-z0-9.]{2,80})\)"),
    (_SAID, "[", r"(?:^|\b\w{1,60}(?:Exception|Error): )\[([A-Z][A-Z0-9_]{2,80}(?:\.[A-Z][A-Z0-9_]{1,80})?)\]"),
    (_SAID, "(", r"^(?:[\w.]{1,200}: )?\(([A-Z][A-Za-z]{2,60})\) "),
    (_SEEN, "_", r"\b([A-Z][A-Z0-9]{0,40}(?:_[A-Z0-9]{1,40}){1,12}(?:\.[A-Z][A-Z0-9_]{1,80})?)\b"),
    (_SEEN, "", r"\b([A-Z][a-z0-9]{1,30}(?:[A-Z][a-z0-9]{0,30}){1,12})\b"),
    (_SEEN, "df-", r"\b(DF-[A-Za-z0-9]{1,40}-[A-Za-z0-9]{1,60})\b"),
)  # fmt: skip
_COMPILED = tuple((kind, stands, re.compile(pattern)) for kind, stands, pattern in _PATTERNS)


def codes_in(line: str) -> dict[str, bool]:
    """The codes a line names, and whether it says that they are codes or they only look like one.

    Numbers carry what they number: `http:503`, `errno:111`, `ora:12541`.
    """
    found: dict[str, bool] = {}
    folded = line.lower()
    for kind, stands, pattern in _COMPILED:
        if stands in folded:
            for code in pattern.findall(line)[:_MOST]:
                name = code if kind in (_SAID, _SEEN) else f"{kind}:{code}"
                found[name] = found.get(name, False) or kind != _SEEN
    return found
