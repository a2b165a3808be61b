"""One failure, with all that a note about it is written from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rca_plugin.core.classification import Classification, Symptom
from rca_plugin.core.error_text import error_line
from rca_plugin.core.evidence import Evidence
from rca_plugin.core.knowledge import Guide, Knowledge
from rca_plugin.core.note.place import Place
from rca_plugin.core.note.quote import containing, head_of
from rca_plugin.core.note.suspicion import Suspicion, suspicions

#: A cause that no collected evidence shows is worth less, and never worth acting on alone.
_UNSEEN_PENALTY = 0.3


@dataclass(frozen=True)
class Case:
    """What was reported, what it was taken for, what was collected, and what is known of such failures.

    resource: what failed. known: of the category that the note is about.
    guess: of the category that too little speaks for; then the note is about an unknown failure.
    """

    symptom: Symptom
    classification: Classification
    evidence: Sequence[Evidence]
    known: Knowledge
    resource: str
    guess: Knowledge | None = None

    @cached_property
    def line(self) -> str:
        """The line that decided the category; the innermost error when a code decided, else the code."""
        matched = self.classification.matched
        if matched and matched != self.symptom.code:
            return head_of(matched)
        return head_of(error_line(self.symptom.message)) or head_of(matched)

    @cached_property
    def cited(self) -> tuple[str, ...]:
        """The evidence in which that line stands."""
        return containing(self.evidence, self.line)

    @cached_property
    def confidence(self) -> float:
        """That of the classification; less when nothing that was collected shows it."""
        penalty = 0.0 if self.cited else _UNSEEN_PENALTY
        return round(max(0.0, self.classification.confidence - penalty), 2)

    @cached_property
    def place(self) -> Place:
        """Where the work ran."""
        return Place.of(self.symptom.source, self.resource, self.line, self.evidence)

    @cached_property
    def guide(self) -> Guide:
        """What the category means there."""
        return self.known.guide(self.place.platform)

    @cached_property
    def suspicions(self) -> list[Suspicion]:
        """The causes it can have there, those that most speaks for first."""
        return suspicions(self.known.causes_on(self.place.platform), self.line, self.evidence)
