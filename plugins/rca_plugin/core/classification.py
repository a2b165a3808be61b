"""What kind of failure a text describes, and what in the text says so.

Evidence is weighed by how specific it is, never by the order of the rules: an exact code beats an
exception class, a class beats a phrase, and the innermost cause of a chain beats what wraps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rca_plugin.core.category import NOT_REMEDIABLE, Category, Severity
from rca_plugin.core.rules import Phrase, Rule, Rules

#: Characters kept of a longer text: its beginning names the job, its end the error.
_HEAD, _TAIL = 8_000, 24_000
_LINE_LENGTH = 4_000
_MATCHED_LENGTH = 400

_CODE, _EXCEPTION, _PHRASE = 90, 65, 60
#: What evidence loses when it stands beside the cause, and how close a rival must be to raise doubt.
_WRAPPER_LOSS, _HANDLED_LOSS, _ELSEWHERE_LOSS, _DOUBT = 10, 5, 25, 12
_SAYING_GAIN = 5
_ENOUGH = 20


@dataclass(frozen=True)
class Symptom:
    """What was seen of a failure.

    source: "airflow", "adf", "databricks", "azure_monitor", "generic", ….
    code: the error code or exception class the source gave, or None.
    message: error text, traceback or log tail; any length, any content.
    """

    source: str
    code: str | None
    message: str


@dataclass(frozen=True)
class Classification:
    """What kind of failure it is, and why we say so.

    rule: the name of the rule that decided, None when none did.
    matched: the line, or the code, that the rule matched; empty when none did.
    confidence: 0.0 (no evidence) to 1.0.
    remediable: a plain retry, restart or wait may fix it.
    """

    category: Category
    rule: str | None
    matched: str
    confidence: float
    severity: Severity
    remediable: bool


def classify(symptom: Symptom, rules: Rules) -> Classification:
    """The category the strongest evidence speaks for; `unknown` when there is none. Never raises."""
    findings = _findings(symptom, rules)
    if not findings:
        return _unknown(rules)
    best = findings[0]
    return Classification(
        category=best.rule.category,
        rule=best.rule.name,
        matched=best.matched,
        confidence=_confidence(findings),
        severity=best.rule.severity or rules.defaults[best.rule.category].severity,
        remediable=_remediable(best.rule, rules),
    )


def is_normal_termination(symptom: Symptom, rules: Rules) -> bool:
    """Whether nothing failed: somebody stopped it, it was idle, or it had finished."""
    findings = _findings(symptom, rules)
    # Only the source's own code counts: a log line must never be able to silence a failure.
    return (
        bool(findings)
        and findings[0].rule.normal
        and any(f.position == 0 and f.rule.normal for f in findings)
    )


def error_line(text: str) -> str:
    """The one line that names the innermost cause, else the last line that looks like an error."""
    passages = _read(text)
    causes = [passage for passage in passages if passage.loss == 0]
    return next((p.line for p in causes if _names_error(p.line)), causes[-1].line if causes else "")


def _unknown(rules: Rules) -> Classification:
    default = rules.defaults[Category.UNKNOWN]
    return Classification(Category.UNKNOWN, None, "", 0.0, default.severity, default.remediable)


def _remediable(rule: Rule, rules: Rules) -> bool:
    if rule.category in NOT_REMEDIABLE:
        return False
    return rules.defaults[rule.category].remediable if rule.remediable is None else rule.remediable


@dataclass(frozen=True)
class _Finding:
    """A rule that matched, where, and how much that proves."""

    rule: Rule
    matched: str
    score: int
    position: int


def _findings(symptom: Symptom, rules: Rules) -> list[_Finding]:
    """All evidence that is worth anything, the strongest first; of equals, the later and so inner one."""
    passages = _read(symptom.message)
    found = [finding for finding in _evidence(symptom, passages, rules) if finding.score >= _ENOUGH]
    return sorted(found, key=lambda finding: (-finding.score, -finding.position))


def _evidence(symptom: Symptom, passages: list[_Passage], rules: Rules) -> Iterator[_Finding]:
    text = "\n".join(passage.folded for passage in passages)
    code = (symptom.code or "").strip()[:200]
    for rule, kind in _meaning(code, rules, symptom.source):
        yield from _finding(rule, kind, code, 0, 0, text)
    for position, passage in enumerate(passages, start=1):
        for rule, kind in _mentioned(passage, rules, symptom.source):
            yield from _finding(rule, kind, passage.line, passage.loss, position, text)
    for rule in rules.phrased(symptom.source):
        yield from _phrases(rule, passages, text)


def _finding(rule: Rule, kind: int, matched: str, loss: int, position: int, text: str) -> Iterator[_Finding]:
    if rule.saying and not any(_stands_in(phrase, text) for phrase in rule.saying):
        return
    score = (rule.strength or kind) + (_SAYING_GAIN if rule.saying else 0) - loss
    yield _Finding(rule, matched[:_MATCHED_LENGTH], score, position)


def _stands_in(phrase: Phrase, text: str) -> bool:
    if phrase.fragments[0] not in text:
        return False
    return any(phrase.find(line) >= 0 for line in text.split("\n"))


def _meaning(code: str, rules: Rules, source: str) -> Iterator[tuple[Rule, int]]:
    """Rules for a code the source itself gave: it may be a code or the name of an exception class."""
    if code:
        named = rules.for_code(code, source, loosely=True)
        yield from ((rule, _CODE) for rule in named)
        if not named:
            yield from ((rule, _EXCEPTION) for rule in rules.for_exception(_class_of(code), source))


def _mentioned(passage: _Passage, rules: Rules, source: str) -> Iterator[tuple[Rule, int]]:
    for code, announced in _codes_in(passage.line).items():
        yield from ((rule, _CODE) for rule in rules.for_code(code, source, loosely=announced))
    for name in _exceptions_in(passage.line):
        yield from ((rule, _EXCEPTION) for rule in rules.for_exception(name, source))


def _phrases(rule: Rule, passages: list[_Passage], text: str) -> Iterator[_Finding]:
    for phrase in rule.phrases:
        if phrase.fragments[0] in text:
            for position, passage in enumerate(passages, start=1):
                if phrase.find(passage.folded) >= 0:
                    yield from _finding(rule, _PHRASE, passage.line, passage.loss, position, text)


def _confidence(findings: list[_Finding]) -> float:
    """How sure the best finding is; a close rival of another category takes a part of it."""
    best = findings[0]
    rivals = (f.score for f in findings if f.rule.category is not best.rule.category)
    closeness = max(0, _DOUBT - (best.score - max(rivals, default=-_DOUBT)))
    sure = min(best.score, 99) / 100
    return round(max(0.1, sure - 0.3 * closeness / _DOUBT), 2)


# Reading: from any text to the few lines that may name a cause.


@dataclass(frozen=True)
class _Passage:
    """A line worth reading. `loss` is 0 on the innermost cause and grows with the distance from it."""

    line: str
    folded: str
    loss: int


#: Airflow's "[time] {file:line} LEVEL - ", once more when a subprocess logs the same way.
_PREFIX = re.compile(
    r"^(?:\[\d{4}-\d\d-\d\d[T ][^\]\n]{5,40}\] )?(?:\{[^}\n]{1,100}\} )?(?:[A-Z]{4,8} - )?"
    r"(?:\[\d{4}-\d\d-\d\d[T ][^\]\n]{5,40}\] )?(?:\{[^}\n]{1,100}\} )?(?:[A-Z]{4,8} - )?"
)
_NOISE = re.compile(
    r'^\s{0,60}(?:File "|at [\w$.<>]{1,300}\(|\.{3} \d{1,6} more|[~^]{2,})'
    r"|Marking task as |^\[?SQL: |^\[parameters: |^\(Background on this error"
)
_CHAIN = re.compile(r"^(?:The above exception was the direct cause|During handling of the above exception)")
_ERROR = re.compile(
    r"^(?::\s)?(?:Caused by:\s)?(?:[A-Za-z_][\w$]{0,80}\.){0,12}_?[A-Z]\w{0,80}"
    r"(?:Error|Exception|Timeout|Failure|Fault|Interrupt|Exit|Violation|NotFound|Warning|Refused|Denied)\w{0,30}(?::|$)"
)
#: The line after it is source code, which may say anything.
_SOURCE = re.compile(r'^\s{1,60}File ".{1,300}", line \d')
_FRAME = re.compile(r"^\s{2,}")


def _read(text: str) -> list[_Passage]:
    """The lines that may carry evidence, each with its distance from the innermost cause."""
    lines = [_PREFIX.sub("", line, count=1)[:_LINE_LENGTH] for line in _bounded(text).splitlines()]
    return [
        _Passage(line.strip(), " ".join(line.lower().split()), loss)
        for before, line, loss in zip(["", *lines], lines, _losses(lines), strict=False)
        if line.strip() and not _NOISE.search(line) and not _SOURCE.match(before)
    ]


def _bounded(text: str) -> str:
    if len(text) <= _HEAD + _TAIL:
        return text
    return text[:_HEAD] + "\n" + text[-_TAIL:]


def _losses(lines: list[str]) -> list[int]:
    """Per line what its evidence loses. Without any exception every line counts in full."""
    errors = [at for at, line in enumerate(lines) if _ERROR.match(line)]
    if not errors:
        return [0] * len(lines)
    losses = [_ELSEWHERE_LOSS] * len(lines)
    for at in errors:
        _mark(lines, losses, at, _WRAPPER_LOSS)
    cause, outer = _cause(lines, errors)
    for at in outer:
        _mark(lines, losses, at, _HANDLED_LOSS)
    _mark(lines, losses, cause, 0)
    return losses


def _mark(lines: list[str], losses: list[int], start: int, loss: int) -> None:
    """Give an exception's line, and the lines its message goes on for, their loss."""
    losses[start] = loss
    for at in range(start + 1, min(start + 12, len(lines))):
        if (
            _FRAME.match(lines[at])
            or _ERROR.match(lines[at])
            or _CHAIN.match(lines[at])
            or _starts_log(lines[at])
        ):
            return
        losses[at] = loss


def _starts_log(line: str) -> bool:
    return line.startswith(("Traceback ", "INFO", "WARN", "Marking task as"))


def _cause(lines: list[str], errors: list[int]) -> tuple[int, list[int]]:
    """The innermost exception of the last chain, and those that were raised while handling it."""
    chain = [errors[-1]]
    for at in reversed(errors[:-1]):
        if not _linked(lines, at, chain[0]):
            break
        chain.insert(0, at)
    java = [at for at in chain if "Caused by:" in lines[at][:12]]
    if java:
        return java[-1], []
    handled = [at for at in chain[1:] if _handled(lines, chain[0], at)]
    return chain[0], handled


def _linked(lines: list[str], first: int, second: int) -> bool:
    between = lines[first + 1 : second + 1]
    return any(_CHAIN.match(line) or "Caused by:" in line[:12] for line in between)


def _handled(lines: list[str], first: int, second: int) -> bool:
    return any(line.startswith("During handling") for line in lines[first:second])


def _names_error(line: str) -> bool:
    return bool(_ERROR.match(line))


_CLASS = re.compile(
    r"\b(?<=errors\.)[A-Z][A-Za-z]{1,60}\b|\b[A-Z][A-Za-z0-9]{0,80}(?:Error|Exception|Timeout|Failure|Fault|Interrupt|Violation|NotFound|Exit"
    r"|Disconnected|Read|Iteration|Warning|Refused|Denied|Deadlock\w{0,20}|Failed)\b"
)


def _exceptions_in(line: str) -> Iterable[str]:
    return dict.fromkeys(_CLASS.findall(line)[:40])


def _class_of(code: str) -> str:
    return re.split(r"[.$:]", code)[-1]


_SAID, _SEEN = "said", "seen"

#: Each pattern's repeats are bounded and follow one another without overlap, so time stays linear.
_NUMBERED: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (
            "http",
            r"(?i)\b(?:https?(?:/\d\.\d)?|status|status[ _]?code|response|error code)"
            r"(?: code)?[\"']?\W{0,4}([1-5]\d\d)\b",
        ),
        (
            "http",
            r"\b([45]\d\d)\)? (?i:client error|server error|unauthorized|forbidden|not found|too many|bad gateway"
            r"|service unavailable|gateway time|internal server|bad request|conflict)",
        ),
        ("http", r"\(([45]\d\d)\)"),
        ("sqlstate", r"(?i)\bsqlstate\W{0,4}([0-9a-z]{5})\b"),
        ("sqlstate", r"\b\d{6} \(([0-9A-Z]{5})\)"),
        ("sqlstate", r"[\['(]([0-9A-Z]{2}[0-9A-Z]{3})['\])]"),
        ("snowflake", r"\b(\d{6}) \([0-9A-Z]{5}\)"),
        ("errno", r"(?i)\[?\berrno:? ?(-?\d{1,5})\b"),
        ("errno", r"\b\w{1,60}Error\((-?\d{1,5}), '"),
        (
            "exit",
            r"(?i)\b(?:exit|return|exited with|error|status)[ _-]?(?:code|status)(?: is)?[:= ]{0,3}'?(-?\d{1,3})\b",
        ),
        ("exit", r"(?i)\bexit(?:ed)?(?: with)? (-?\d{1,3})\b"),
        ("signal", r"(?i)\bsignal[\"']?[:= ]{0,3}(?:name )?-?(\d{1,2}|SIG[A-Z]{2,6})\b"),
        ("signal", r"\b(SIG(?:KILL|TERM|SEGV|ABRT|BUS|INT|HUP))\b"),
        ("ora", r"\bORA-(\d{5})\b"),
        ("mysql", r"\((\d{4}), ['\"]"),
        ("mysql", r"\bERROR (\d{4}) \("),
        ("mssql", r"(?i)\b(?:error number|msg|sqlerrorcode|sqlerrornumber)[:= ]{1,2}(\d{3,6})\b"),
        ("mssql", r"\((\d{3,6})\) \(SQL"),
        ("grpc", r"\bStatusCode\.([A-Z_]{2,30})\b"),
        ("curl", r"\bcurl: \((\d{1,2})\)"),
        (_SAID, r"(?i)\berror_?code[\"']?[:= ]{1,3}[\"']?([A-Za-z0-9_.-]{2,100})"),
        (
            _SEEN,
            r"(?i)\b(?:reason|code|state|result_state|life_cycle_state)[\"']?[:= ]{1,3}[\"']?([A-Z][A-Z0-9_]{2,80})\b",
        ),
        (_SAID, r"An error occurred \(([A-Za-z0-9.]{2,80})\)"),
        (_SEEN, r"\b([A-Z][A-Z0-9]{0,40}(?:_[A-Z0-9]{1,40}){1,12}(?:\.[A-Z][A-Z0-9_]{1,80})?)\b"),
        (_SEEN, r"\b([A-Z][a-z0-9]{1,30}(?:[A-Z][a-z0-9]{0,30}){1,12})\b"),
        (_SEEN, r"\b(DF-[A-Za-z0-9]{1,40}-[A-Za-z0-9]{1,60})\b"),
    )
)


def _codes_in(line: str) -> dict[str, bool]:
    """The codes a line names, and whether it says that they are codes or they only look like one.

    Numbers carry what they number: `http:503`, `errno:111`, `ora:12541`.
    """
    found: dict[str, bool] = {}
    for kind, pattern in _NUMBERED:
        for code in pattern.findall(line)[:40]:
            name = code if kind in (_SAID, _SEEN) else f"{kind}:{code}"
            found[name] = found.get(name, False) or kind != _SEEN
    return found
