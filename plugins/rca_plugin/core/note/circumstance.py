"""What stands around a failure: what changed, what failed before it, how it went the other times."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rca_plugin.core.evidence import Evidence
from rca_plugin.core.note.quote import cited, first_line, head_of, said

#: Kinds of evidence that help with some categories and only fill the page with others.
TELLING = ("pool", "trend", "history", "tries")
_LED = {
    "pool": "The pool at that time",
    "trend": "The trend",
    "history": "The history",
}
# One that was skipped did not succeed either, and nothing is wrong with it.
_FAILED = re.compile(r"(?i)\b(?:upstream_failed|failed|failure|error|timed ?out|missing|late)\b")
_NOT_FAILED = re.compile(r"(?i)\b(?:none|no|not|never|0)\b[^.;]{0,30}\bfail")
_TRY = re.compile(r"^Try (\d{1,6}): (\w{1,30})(?:.{0,500}?, on ([^\s,]{1,250}))?", re.MULTILINE)
#: How the collection of evidence says so; what is missing of another system is no log of the try.
_LOG_MISSING = re.compile(r"(?i)\bno (?:task )?log\b|\blog of (?:this|the|its) try\b|\btask log\b")
#: How the collection of evidence marks an edit of something that the task is not seen to use.
_UNTIED = "nothing says that this task uses it"
_NO_LOG = ("Airflow has no log", "The try is not in Airflow's database")


@dataclass(frozen=True)
class Circumstance:
    """What stands around a failure, in the words of the evidence that shows it."""

    quote: str
    evidence: tuple[str, ...]


def changes(evidence: Sequence[Evidence]) -> Iterator[Circumstance]:
    """What changed shortly before: the first suspect of any failure. What nothing ties to the task comes last."""
    found = [Circumstance(first_line(item.text), (item.id,)) for item in _of_kind(evidence, "change")]
    yield from sorted(found, key=lambda change: _UNTIED in change.quote)


def failed_upstream(evidence: Sequence[Evidence]) -> Circumstance | None:
    """The first line that says that something before it failed or is missing."""
    for item in _of_kind(evidence, "upstream"):
        for line in item.text.splitlines():
            if _FAILED.search(line) and not _NOT_FAILED.search(line):
                return Circumstance(head_of(line), (item.id,))
    return None


def told(evidence: Sequence[Evidence], kinds: Sequence[str]) -> Iterator[str]:
    """A sentence for what each evidence of these kinds says, in this order."""
    for kind in kinds:
        for item in _of_kind(evidence, kind):
            sentence = (
                _tries(item)
                if kind == "tries"
                else f"{_LED[kind]}: {said(first_line(item.text), [item.id])}."
            )
            if sentence:
                yield sentence


def missing(evidence: Sequence[Evidence]) -> list[Evidence]:
    """The evidence that only says what could not be had."""
    return [item for item in evidence if item.kind == "missing" or _is_no_log(item)]


def has_no_log(evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """The ids of the evidence that says that there is no log of the try itself."""
    return tuple(item.id for item in missing(evidence) if _is_no_log(item) or _LOG_MISSING.search(item.text))


def _is_no_log(item: Evidence) -> bool:
    return item.kind == "log" and item.text.startswith(_NO_LOG)


def _of_kind(evidence: Sequence[Evidence], kind: str) -> list[Evidence]:
    return [item for item in evidence if item.kind == kind and item.text.strip()]


def _tries(item: Evidence) -> str | None:
    """How the tries ended, where that says more than that this one failed."""
    tries = _TRY.findall(item.text)
    if not tries:
        return None
    number, last, _ = tries[-1]
    if last == "success":
        return f"Try {number} has succeeded since{cited([item.id])}."
    if len(tries) == 1 or not {state for _, state, _ in tries} <= {"failed", "up_for_retry"}:
        return None
    hosts = {host for _, _, host in tries if host}
    where = f" on {len(hosts)} hosts" if len(hosts) > 1 else ""
    which = "All" if tries[0][0] == "1" else "The last"
    many = "Both" if (which, len(tries)) == ("All", 2) else f"{which} {len(tries)}"
    return f"{many} tries failed{where}{cited([item.id])}."
