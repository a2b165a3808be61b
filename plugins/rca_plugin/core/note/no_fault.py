"""Evidence that nothing failed: it ended well, or somebody stopped it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rca_plugin.core.classification import Symptom
from rca_plugin.core.evidence import Evidence
from rca_plugin.core.note.quote import first_line, head_of

_ENDED_WELL = re.compile(
    r"(?i)\b(?:success|succeeded|job_finished|inactivity|user_request|user_canceled|skipped"
    r"|(?:cancel+ed|stopped|terminated) by (?:the |a )?(?:user|person|request))\b"
)
_WENT_WRONG = re.compile(
    r"(?i)error|exception|traceback|fail|fatal|killed|timed ?out|timeout|refused|denied|not found|lost|cannot|could not"
)
#: What Databricks gives as reason when nothing failed; only its codes, since a report may say anything.
_NORMAL_CODE = re.compile(r"\b(?:JOB_FINISHED|INACTIVITY|USER_REQUEST|USER_CANCELED)\b")
_LAST_TRY = re.compile(r"^Try \d{1,6}: (?:success|skipped)\b.*\Z", re.MULTILINE)
_STATES = frozenset({"run_output", "cluster", "cluster_events", "pipeline", "activity"})


@dataclass(frozen=True)
class NoFault:
    """What shows that nothing failed, and where that stands."""

    quote: str
    evidence: tuple[str, ...]


def no_fault(symptom: Symptom, evidence: Sequence[Evidence]) -> NoFault | None:
    """What shows that nothing failed. None as soon as the report itself speaks of anything that went wrong."""
    if _WENT_WRONG.search(f"{symptom.code or ''}\n{symptom.message}"):
        return None
    return next(_signs(evidence), None)


def _signs(evidence: Sequence[Evidence]) -> Iterator[NoFault]:
    for item in evidence:
        if item.kind == "tries":
            found = _LAST_TRY.search(item.text.rstrip())
            if found:
                yield NoFault(head_of(found[0]), (item.id,))
        elif item.kind == "error" and _NORMAL_CODE.search(item.text):
            yield NoFault(first_line(item.text), (item.id,))
        elif item.kind in _STATES and _ENDED_WELL.search(item.text) and not _WENT_WRONG.search(item.text):
            yield NoFault(_line_of(item.text), (item.id,))


def _line_of(text: str) -> str:
    return next((head_of(line) for line in text.splitlines() if _ENDED_WELL.search(line)), first_line(text))
