"""Why a cluster or a run of Databricks ended, and whether that is a failure at all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

from rca_plugin.core.category import Category
from rca_plugin.core.classification import Symptom, classify, is_normal_termination
from rca_plugin.core.data import data_folder
from rca_plugin.core.failure import Source
from rca_plugin.core.rule_files import load_rules
from rca_plugin.core.rules import Rules
from rca_plugin.core.text import head

#: Enough of a message to see that a canceled run was canceled by its time limit.
_MESSAGE_CHARS = 2_000
#: Results that say that it failed, not why.
_BARE = frozenset({"FAILED", "ERROR", "FAILURE", "RUNFAILED", "TERMINATED"})
_CANCELED = frozenset({"CANCELED", "CANCELLED", "USER_CANCELED", "USER_CANCELLED"})


@dataclass(frozen=True)
class Termination:
    """A code such as `DRIVER_UNREACHABLE`, its type (`SUCCESS`, `CLOUD_FAILURE`, …) and the message with it."""

    code: str | None = None
    kind: str | None = None
    message: str = ""

    @property
    def known_code(self) -> str | None:
        """The code, unless it only says that something failed."""
        return None if (self.code or "").upper() in _BARE else self.code

    @property
    def normal(self) -> bool:
        """Whether nothing failed: somebody stopped it, it was idle, or it was done."""
        code = (self.code or "").upper()
        if code in _CANCELED:
            # A run that hit its time limit is canceled as well: then its message says so.
            return self._classified(code) is Category.UNKNOWN
        # Cheap first: a message can speak against a code, never for it.
        if _is_normal(code) and is_normal_termination(self._symptom(code), _rules()):
            return True
        return (self.kind or "").upper() == "SUCCESS" and self._classified(code) is Category.UNKNOWN

    @property
    def means_a_failure(self) -> bool:
        """Whether the rules know the code as one of something that went wrong."""
        found = classify(self._symptom(self.code or ""), _rules())
        return found.rule is not None and not self.normal

    def _classified(self, code: str) -> Category:
        return classify(self._symptom(code), _rules()).category

    def _symptom(self, code: str) -> Symptom:
        return Symptom(Source.DATABRICKS.value, code or None, head(self.message, _MESSAGE_CHARS))


@lru_cache(maxsize=1_000)
def _is_normal(code: str) -> bool:
    return is_normal_termination(Symptom(Source.DATABRICKS.value, code, ""), _rules())


@cache
def _rules() -> Rules:
    return load_rules(data_folder())
