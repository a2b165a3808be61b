"""Evidence that nothing failed: it ended well, or somebody stopped it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rca_plugin.core.category import Category
from rca_plugin.core.classification import Symptom
from rca_plugin.core.evidence import Evidence
from rca_plugin.core.note.quote import containing, first_line, head_of
from rca_plugin.core.telling import telling_part

_ENDED_WELL = re.compile(
    r"(?i)\b(?:success|succeeded|successfully|job_finished|inactivity|user_request|user_canceled|skipped|as planned"
    r"|(?:cancel+ed|stopped|terminated) by (?:the |a )?(?:user|person|request)"
    r"|(?:as )?requested by an authorized user|test notification)\b"
)
#: What Airflow 3.3 reports when somebody sets a task to failed; only as the whole report, which nobody else writes.
_BY_HAND = re.compile(r"\ATaskInstance's state was manually set to `?\w{1,30}`?\.?\Z")
_NO_ERRORS = re.compile(r"(?i)\b(?:0|no) (?:errors?|failures?|failed)\b")
_WENT_WRONG = re.compile(
    r"(?i)error|exception|traceback|fail|fatal|killed|timed ?out|timeout|refused|denied|not found|lost|cannot|could not"
)
#: What Databricks gives as reason when nothing failed; only its codes, since a report may say anything.
_NORMAL_CODE = re.compile(r"\b(?:JOB_FINISHED|INACTIVITY|USER_REQUEST|USER_CANCELED)\b")
_LAST_TRY = re.compile(r"^Try \d{1,6}: (?:success|skipped)\b.*\Z", re.MULTILINE)
_STATES = frozenset({"run_output", "cluster", "cluster_events", "pipeline", "activity"})
_LOGS = frozenset({"log", "note"})
_RUN_ENDED_WELL = re.compile(r"^Run .{1,300}: (?:SUCCESS|CANCELED, USER_CANCELED)\b.*", re.MULTILINE)


@dataclass(frozen=True)
class NoFault:
    """What shows that nothing failed, and where that stands."""

    quote: str
    evidence: tuple[str, ...]


def no_fault(symptom: Symptom, evidence: Sequence[Evidence], category: Category) -> NoFault | None:
    """What shows that nothing failed, in what was taken for a failure of this category."""
    return _settled(symptom, evidence) or (_well(symptom, evidence) if category is Category.UNKNOWN else None)


def _well(symptom: Symptom, evidence: Sequence[Evidence]) -> NoFault | None:
    """What shows that it ended well. None as soon as the report itself speaks of anything that went wrong."""
    if _went_wrong(f"{symptom.code or ''}\n{symptom.message}"):
        return None
    return next(_signs(symptom.code or "", evidence), None)


def _settled(symptom: Symptom, evidence: Sequence[Evidence]) -> NoFault | None:
    """What shows that it is over, whatever its log complains of: no error was reported and the last try ended well,
    or all that was reported is that somebody set its state.
    """
    reported = _reported(symptom, evidence)
    if not reported:
        return next(_last_tries(evidence), None)
    return NoFault(reported, containing(evidence, reported)) if _BY_HAND.search(reported) else None


def _reported(symptom: Symptom, evidence: Sequence[Evidence]) -> str:
    """What was said of the failure, without what was only found in its logs."""
    said = symptom.message
    for item in evidence:
        if item.kind in _LOGS:
            said = said.replace(item.text, "", 1)
    return f"{symptom.code or ''} {said}".strip()


def _signs(code: str, evidence: Sequence[Evidence]) -> Iterator[NoFault]:
    yield from _last_tries(evidence)
    for item in evidence:
        if item.kind == "error" and (
            _NORMAL_CODE.search(f"{code}\n{item.text}") or _ENDED_WELL.search(item.text)
        ):
            yield NoFault(first_line(item.text), (item.id,))
        elif item.kind == "run" and (found := _RUN_ENDED_WELL.search(item.text)):
            yield NoFault(head_of(found[0]), (item.id,))
        elif item.kind in _STATES and _ended_well(_outcome(item.text)):
            yield NoFault(_line_of(item.text), (item.id,))


def _last_tries(evidence: Sequence[Evidence]) -> Iterator[NoFault]:
    for item in evidence:
        found = _LAST_TRY.search(item.text.rstrip()) if item.kind == "tries" else None
        if found:
            yield NoFault(head_of(found[0]), (item.id,))


def _ended_well(text: str) -> bool:
    return bool(_ENDED_WELL.search(text)) and not _went_wrong(text)


def _went_wrong(text: str) -> bool:
    """Whether it speaks of anything that did, but for what it counts none of."""
    counted = "\n".join(map(telling_part, text.splitlines()))
    return bool(_WENT_WRONG.search(_NO_ERRORS.sub("", counted)))


def _outcome(text: str) -> str:
    """What a state says without what a run was given, where any word may stand."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("parameters: "))


def _line_of(text: str) -> str:
    return next((head_of(line) for line in text.splitlines() if _ENDED_WELL.search(line)), first_line(text))
