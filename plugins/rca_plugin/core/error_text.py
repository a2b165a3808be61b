"""From any text, such as a log or a traceback, to the few passages that may name a cause."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rca_plugin.core.log_origin import UNSTAMPED, Origin, origin_of
from rca_plugin.core.telling import telling_part

#: Characters kept of a longer text: its beginning names the job, its end the error.
_HEAD, _TAIL = 8_000, 24_000
_LINE_LENGTH = 4_000
#: What a passage's evidence loses when it stands beside the innermost cause.
_WRAPPER_LOSS, _HANDLED_LOSS, _ELSEWHERE_LOSS, _OUTER_LOSS, _COURSE_LOSS = 10, 5, 32, 20, 55


@dataclass(frozen=True)
class Passage:
    """A line worth reading. `loss` is 0 on the innermost cause and grows with the distance from it.

    telling: the line without what is no evidence, the names of tables and counts of zero.
    folded: the same in lower case.
    """

    line: str
    telling: str
    folded: str
    loss: int


#: Airflow's "[time] {file:line} LEVEL - ", once more when a subprocess logs the same way.
_PREFIX = re.compile(
    r"^(?:\[\d{4}-\d\d-\d\d[T ][^\]\n]{5,40}\] )?(?:\{[^}\n]{1,100}\} )?(?:[A-Z]{4,8} - )?"
    r"(?:\[\d{4}-\d\d-\d\d[T ][^\]\n]{5,40}\] )?(?:\{[^}\n]{1,100}\} )?(?:[A-Z]{4,8} - )?"
)
#: The time, and perhaps the level, that a line of a plain log opens with; what is printed goes on without.
_STAMP = re.compile(
    r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)? "
    r"(?:(?:DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)\b:? ?)?(?:- )?"
)
#: What the supervisor of Airflow 3.3 logs when the process of a task is gone, whatever that logged before.
_KILLED = "Process terminated by signal"
_NOISE = re.compile(
    r'^\s{0,60}(?:File "|at [\w$.<>]{1,300}\(|\.{3} \d{1,6} more|[~^]{2,})'
    r"|Marking task as |^\[?SQL: |^\[parameters: |^\(Background on this error"
    # What libpq asks below an error; older ones name the host and port there only.
    r"|^\s{0,60}Is the server running (?:on that host|locally) and accepting "
)
_CHAIN = re.compile(r"^(?:The above exception was the direct cause|During handling of the above exception)")
_ERROR = re.compile(
    r"^(?::\s)?(?:Caused by:\s)?(?:(?:[A-Za-z_][\w$]{0,80}\.){0,12}_?[A-Z]\w{0,80}"
    r"(?:Error|Exception|Timeout|Failure|Fault|Interrupt|Exit|Violation|NotFound|Warning|Refused|Denied)\w{0,30}(?::|$)"
    r"|(?:[a-z_][\w$]{0,80}\.){1,12}_?[A-Za-z]\w{1,80}(?:: |:?$)"
    # As PostgreSQL and much of what is older than logging says it.
    r"|(?:FATAL|PANIC): {1,4}\S)"
)
_PACKAGE = re.compile(r"^(?:[A-Za-z_][\w$]{0,80}\.){1,12}(?=\w)")
#: How the lines of an exception group are set off.
_GROUP = re.compile(r"^\s{0,40}\|\s|^\s{0,40}\+-+(?: \d{1,6} -+)?$")
#: Where one line tells an error and, after it, the error inside: Data Factory, .NET and Spark's scheduler do.
_INNER = re.compile(
    r"(?:,\s?'{0,3}|'')(?=Type=[\w.]{1,200},\s?Message=)|\s---> (?=[A-Z(])"
    r"|(?<=caused by one of the running tasks\)) (?=Reason: )"
)
_MOST_NESTED = 8
#: An indented line after it is source code, which may say anything.
_SOURCE = re.compile(r'^\s{1,60}File ".{1,300}", line \d')
_FRAME = re.compile(r"^\s{2,}")


def error_line(text: str) -> str:
    """The one line that names the innermost cause, else the last line that looks like an error."""
    causes = [passage.line for passage in passages_of(text) if passage.loss == 0]
    return next((line for line in causes if _names_error(line)), causes[-1] if causes else "")


def passages_of(text: str) -> list[Passage]:
    """The lines that may carry evidence, each with its distance from the innermost cause."""
    logged = bounded(text).splitlines()
    lines = [_plain(line) for line in logged]
    return [
        passage
        for before, line, loss in zip(["", *lines], lines, _losses(lines, logged), strict=False)
        if line.strip() and not _NOISE.search(line) and not (_SOURCE.match(before) and _FRAME.match(line))
        for passage in _passages(_STAMP.sub("", line, count=1), loss)
    ]


def _plain(line: str) -> str:
    return _GROUP.sub("", _PREFIX.sub("", line, count=1), count=1)[:_LINE_LENGTH]


def _passages(line: str, loss: int) -> Iterator[Passage]:
    *outer, inner = _INNER.split(line, maxsplit=_MOST_NESTED) if _nests(line) else [line]
    # Data Factory's `ErrorCode=` stands before the first message, and is the code of that message.
    ours = len(outer) == 1 and inner.startswith("Type=") and "Message=" not in outer[0]
    for part in outer:
        yield _passage(part, loss if ours else loss + _OUTER_LOSS)
    yield _passage(inner, loss)


def _nests(line: str) -> bool:
    return "Type=" in line or "--->" in line or ") Reason: " in line


def _passage(line: str, loss: int) -> Passage:
    telling = telling_part(line)
    return Passage(line.strip(), telling, " ".join(telling.lower().split()), loss)


def bounded(text: str) -> str:
    """The part of a text that is read at all: its beginning and its end."""
    if len(text) <= _HEAD + _TAIL:
        return text
    return text[:_HEAD] + "\n" + text[-_TAIL:]


def _losses(lines: list[str], logged: list[str]) -> list[int]:
    """Per line what its evidence loses. Where nothing is named an error, the lines logged as errors count in full."""
    origins = [origin_of(line) for line in logged]
    errors = [at for at, line in enumerate(lines) if _names_error(line)]
    if not errors:
        return _losses_by_level(origins)
    losses = [_COURSE_LOSS if origin.tells_the_course else _ELSEWHERE_LOSS for origin in origins]
    for at in errors:
        _mark(lines, origins, losses, at, _WRAPPER_LOSS)
    cause, outer = _cause(lines, errors)
    for at in outer:
        _mark(lines, origins, losses, at, _HANDLED_LOSS)
    _mark(lines, origins, losses, cause, 0)
    return losses


def _losses_by_level(origins: list[Origin]) -> list[int]:
    """A warning that was dealt with comes before the error, and is not why it failed."""
    if not any(origin.is_error for origin in origins):
        return [0] * len(origins)
    return [_ELSEWHERE_LOSS if origin.is_harmless else 0 for origin in origins]


def _names_error(line: str) -> bool:
    return bool(_ERROR.match(line)) or _KILLED in line


def _mark(lines: list[str], origins: list[Origin], losses: list[int], start: int, loss: int) -> None:
    """Give an exception's line, and the lines its message goes on for, their loss."""
    losses[start] = loss
    for at in range(start + 1, min(start + 12, len(lines))):
        if (
            _FRAME.match(lines[at])
            or _ERROR.match(lines[at])
            or _CHAIN.match(lines[at])
            or _starts_log(lines[at])
            or origins[at] not in (origins[start], UNSTAMPED)
        ):
            return
        losses[at] = loss


def _starts_log(line: str) -> bool:
    return bool(_STAMP.match(line)) or line.startswith(("Traceback ", "INFO", "WARN", "Marking task as"))


def _cause(lines: list[str], errors: list[int]) -> tuple[int, list[int]]:
    """The innermost exception of the last chain, and those that were raised while handling it."""
    chain = _chain(lines, errors)
    if len(chain) == 1:
        chain = _chain(lines, errors[: _said_before(lines, errors) + 1])
    java = [at for at in chain if "Caused by:" in lines[at][:12]]
    if java:
        return java[-1], []
    handled = [at for at in chain[1:] if _handled(lines, chain[0], at)]
    return chain[0], handled


def _chain(lines: list[str], errors: list[int]) -> list[int]:
    """The last exception and those that led to it, the innermost first."""
    chain = [errors[-1]]
    for at in reversed(errors[:-1]):
        if not _linked(lines, at, chain[0]):
            break
        chain.insert(0, at)
    return chain


def _said_before(lines: list[str], errors: list[int]) -> int:
    """Which of the errors the last one repeats, itself if none: a report repeats the end of its traceback."""
    last = _bare(lines[errors[-1]])
    same = (number for number in range(len(errors) - 2, -1, -1) if _bare(lines[errors[number]]) == last)
    return next(same, len(errors) - 1)


def _bare(line: str) -> str:
    """An error without the package of its class, which a traceback has and a report has not."""
    return _PACKAGE.sub("", line.strip())


def _linked(lines: list[str], first: int, second: int) -> bool:
    between = lines[first + 1 : second + 1]
    return any(_CHAIN.match(line) or "Caused by:" in line[:12] for line in between)


def _handled(lines: list[str], first: int, second: int) -> bool:
    return any(line.startswith("During handling") for line in lines[first:second])
