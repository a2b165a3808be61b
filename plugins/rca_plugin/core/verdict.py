"""What kind of failure it is when rules and a model have each said: rules that know decide, a model where they do not.

A model never says how bad it is, nor may it suggest an action that the knowledge base does not allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from rca_plugin.core.analysis import MODEL, RULES, Analysis, Opinion
from rca_plugin.core.category import NOT_REMEDIABLE, Category, Severity
from rca_plugin.core.classification import Classification
from rca_plugin.core.draft import Draft
from rca_plugin.core.evidence import Evidence
from rca_plugin.core.knowledge import Guide, Knowledge, Runbook
from rca_plugin.core.note.place import Place
from rca_plugin.core.rules import Default

#: From this confidence on the rules decide.
RULES_KNOW = 0.6
#: No model is surer than this of anything; than this where no rule seconds it; than this where one contradicts.
SUREST, SUREST_ALONE, SUREST_AGAINST = 0.95, 0.8, 0.5
_MOST_RUNBOOKS = 3


@dataclass(frozen=True)
class Verdict:
    """Who decides, and what follows from it."""

    draft: Draft
    note: Analysis
    classification: Classification
    knowledge: Mapping[Category, Knowledge]
    defaults: Mapping[Category, Default]
    source: str
    evidence: Sequence[Evidence]

    @property
    def by(self) -> str:
        """Who decides, `RULES` or `MODEL`. Without a rule no rule decided: a model may have, the last time."""
        said = self.classification
        known = said.category is not Category.UNKNOWN and said.confidence >= RULES_KNOW
        return RULES if known and said.rule is not None else MODEL

    @property
    def category(self) -> Category:
        """What kind of failure it is."""
        return self.classification.category if self.by == RULES else self.draft.category

    @property
    def severity(self) -> Severity:
        """How bad it is: as the rules say, or as this category is by default."""
        return self.classification.severity if self.by == RULES else self.defaults[self.category].severity

    @property
    def opinion(self) -> Opinion | None:
        """What the model would have called it, where that is something else."""
        if (self.draft.category, self.draft.severity) == (self.category, self.severity):
            return None
        return Opinion(self.draft.category, self.draft.severity)

    def confidence(self, share: float) -> float:
        """The model's, times the share of its statements that rest on the evidence, up to what it may be here."""
        return round(min(self.draft.confidence * share, self._surest), 2)

    @property
    def _surest(self) -> float:
        if self.draft.category is not self.category:
            return SUREST_AGAINST
        return SUREST if self.by == RULES else SUREST_ALONE

    @property
    def action(self) -> str | None:
        """The model's suggestion where it is allowed here, else that of the note when the rules decide."""
        if self.category in NOT_REMEDIABLE or self.category is Category.UNKNOWN or not self._remediable:
            return None
        suggested = [self.draft.suggested_action, self.note.suggested_action if self.by == RULES else None]
        return next((name for name in suggested if name in self._allowed), None)

    @property
    def _remediable(self) -> bool:
        return self.classification.remediable if self.by == RULES else self.defaults[self.category].remediable

    @property
    def _allowed(self) -> set[str]:
        return {action.name for action in self.knowledge[self.category].actions if action.fits(self.source)}

    @property
    def avoid(self) -> tuple[str, ...]:
        """What makes it worse, as the knowledge base says."""
        if self._is_the_notes:
            return self.note.avoid
        return tuple(self._place.fill(text) for text in self._guide.avoid)

    @property
    def runbooks(self) -> tuple[Runbook, ...]:
        """Where the longer story is told, as the knowledge base says."""
        return self.note.runbooks if self._is_the_notes else self._guide.runbooks[:_MOST_RUNBOOKS]

    @property
    def _is_the_notes(self) -> bool:
        return self.by == RULES or self.category is self.note.category

    @cached_property
    def _place(self) -> Place:
        return Place.of(self.source, "", "", self.evidence)

    @property
    def _guide(self) -> Guide:
        return self.knowledge[self.category].guide(self._place.platform)
