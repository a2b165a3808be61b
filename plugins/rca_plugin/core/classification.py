"""What kind of failure a text describes, and what in the text says so.

Evidence is weighed by how specific it is, never by the order of the rules: an exact code beats an
exception class, a class beats a phrase, and the innermost cause of a chain beats what wraps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from rca_plugin.core.category import NOT_REMEDIABLE, Category, Severity
from rca_plugin.core.error_codes import class_of, codes_in, exceptions_in
from rca_plugin.core.error_text import Passage, bounded, passages_of
from rca_plugin.core.phrase import Phrase
from rca_plugin.core.rules import Rule, Rules

_MATCHED_LENGTH = 400

#: What a finding of each kind proves when its rule does not say, and how close a rival must be to raise doubt.
_CODE, _EXCEPTION, _PHRASE = 90, 65, 60
_DOUBT = 12
_SAYING_GAIN = 5
_ENOUGH = 20
#: How a run of Databricks, or a task in it, is told with the code it ended with.
_ONLY_A_CODE = re.compile(
    r"^(?:termination code: \w{1,80}|Task [\w.-]{1,200}, \w{1,40}, [A-Z_]{1,80},.{0,100})$"
)


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
        matched=_matched(findings),
        confidence=_confidence(findings),
        severity=best.rule.severity or rules.defaults[best.rule.category].severity,
        remediable=_remediable(best.rule, rules),
    )


def matching_rules(symptom: Symptom, rules: Rules) -> set[str]:
    """The names of all rules that found something, whether or not it decided."""
    return {finding.rule.name for finding in _findings(symptom, rules)}


def is_normal_termination(symptom: Symptom, rules: Rules) -> bool:
    """Whether nothing failed: somebody stopped it, it was idle, or it had finished."""
    findings = _findings(symptom, rules)
    # Only the source's own code counts: a log line must never be able to silence a failure.
    return (
        bool(findings)
        and findings[0].rule.normal
        and any(f.position == 0 and f.rule.normal for f in findings)
    )


def _matched(findings: list[_Finding]) -> str:
    """The line that decided; where that is only its code, the next best one of the same category that says more."""
    best = findings[0]
    others = (
        f.matched for f in findings if f.rule.category is best.rule.category and f.score > best.score - _DOUBT
    )
    more = (line for line in others if not _ONLY_A_CODE.search(line))
    return next(more, best.matched) if _ONLY_A_CODE.search(best.matched) and best.position else best.matched


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
    context = _Context(symptom.message)
    allowed = (
        found for found in _evidence(symptom, rules) if found.score >= _ENOUGH and context.allows(found.rule)
    )
    return sorted(allowed, key=lambda finding: (-finding.score, -finding.position))


class _Context:
    """All that was said, the files of tracebacks included: a rule may want something else to be said as well."""

    def __init__(self, message: str) -> None:
        self._message = message
        self._allowed: dict[str, bool] = {}

    @cached_property
    def _lines(self) -> list[str]:
        return [" ".join(line.lower().split()) for line in bounded(self._message).splitlines()]

    def allows(self, rule: Rule) -> bool:
        """Whether what the rule wants stands there; the same rule may ask a thousand times."""
        if rule.name not in self._allowed:
            self._allowed[rule.name] = not rule.saying or any(map(self._says, rule.saying))
        return self._allowed[rule.name]

    def _says(self, phrase: Phrase) -> bool:
        return any(phrase.fragments[0] in line and phrase.find(line) >= 0 for line in self._lines)


def _evidence(symptom: Symptom, rules: Rules) -> Iterator[_Finding]:
    passages = passages_of(symptom.message)
    code = (symptom.code or "").strip()[:200]
    depth = _depth(code, passages)
    for rule, kind in _meaning(code, rules, symptom.source):
        yield _finding(rule, kind, code, depth, 0)
    for position, passage in enumerate(passages, start=1):
        for rule, kind in _mentioned(passage, rules, symptom.source):
            yield _finding(rule, kind, passage.line, passage.loss, position)
    for rule, position in _spoken(passages, symptom.source, rules):
        passage = passages[position - 1]
        yield _finding(rule, _PHRASE, passage.line, passage.loss, position)


def _spoken(passages: list[Passage], source: str, rules: Rules) -> Iterator[tuple[Rule, int]]:
    """The rules whose phrases stand in the text, and where. Of a phrase within a longer one only the longer counts."""
    text = "\n".join(passage.folded for passage in passages)
    candidates = sorted(rules.phrases.perhaps_in(text, source), key=lambda pair: -len(pair[1].text))
    for position, passage in enumerate(passages, start=1):
        said: list[str] = []
        for rule, phrase in candidates:
            if phrase.find(passage.folded) >= 0 and not any(phrase.within(longer) for longer in said):
                said.append(phrase.text)
                yield rule, position


def _depth(code: str, passages: list[Passage]) -> int:
    """What a code that the source gave loses: where the text repeats it on a wrapper, it is the wrapper's."""
    return min((passage.loss for passage in passages if code in passage.line), default=0) if code else 0


def _finding(rule: Rule, kind: int, matched: str, loss: int, position: int) -> _Finding:
    score = (rule.strength or kind) + (_SAYING_GAIN if rule.saying else 0) - loss
    return _Finding(rule, matched[:_MATCHED_LENGTH], score, position)


def _meaning(code: str, rules: Rules, source: str) -> Iterator[tuple[Rule, int]]:
    """Rules for a code the source itself gave: it may be a code or the name of an exception class."""
    if code:
        named = rules.for_code(code, source, loosely=True)
        yield from ((rule, _CODE) for rule in named)
        if not named:
            yield from ((rule, _EXCEPTION) for rule in rules.for_exception(class_of(code), source))


def _mentioned(passage: Passage, rules: Rules, source: str) -> Iterator[tuple[Rule, int]]:
    for code, announced in codes_in(passage.telling).items():
        yield from ((rule, _CODE) for rule in rules.for_code(code, source, loosely=announced))
    for name in exceptions_in(passage.telling, rules.is_exception):
        yield from ((rule, _EXCEPTION) for rule in rules.for_exception(name, source))


def _confidence(findings: list[_Finding]) -> float:
    """How sure the best finding is; a close rival of another category takes a part of it."""
    best = findings[0]
    rivals = (f.score for f in findings if f.rule.category is not best.rule.category)
    closeness = max(0, _DOUBT - (best.score - max(rivals, default=-_DOUBT)))
    sure = min(best.score, best.rule.ceiling or 99) / 100
    return round(max(0.1, sure - 0.3 * closeness / _DOUBT), 2)
