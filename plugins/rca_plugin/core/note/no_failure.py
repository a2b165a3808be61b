"""The note on a failure that was none."""

from __future__ import annotations

from rca_plugin.core.analysis import Analysis, Claim, Hypothesis
from rca_plugin.core.category import Category
from rca_plugin.core.headline import headline
from rca_plugin.core.note.case import Case
from rca_plugin.core.note.gap import missed
from rca_plugin.core.note.no_fault import NoFault
from rca_plugin.core.note.quote import said

_SURE = 0.1


def nothing_failed(case: Case, nothing: NoFault) -> Analysis:
    """Nothing in the evidence failed: to name a cause would be to invent one."""
    return Analysis(
        summary=(
            f"Nothing in the evidence shows a failure of {case.resource}. No error was reported, and "
            f"this is how it ended: {said(nothing.quote, nothing.evidence)}."
        ),
        root_cause=Claim(headline("No failure found", nothing.quote), nothing.evidence),
        hypotheses=(
            Hypothesis(
                "It ended as it should, or somebody ended it.",
                nothing.evidence,
                "Its own page shows no failed try or run, and nobody waits for a result.",
            ),
        ),
        recommendations=(
            f"Look at the page of {case.resource}: if it is well, resolve this incident.",
            "If this is reported again, have the sender report failures only, or silence it.",
        ),
        not_known=("Why a failure was reported: no error came with the report.", *missed(case)),
        category=Category.UNKNOWN,
        severity=case.classification.severity,
        confidence=_SURE,
        affected_entity=case.resource,
        suggested_action=None,
        estimated_minutes=case.known.estimated_minutes,
    )
