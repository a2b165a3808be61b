"""What kind of failure an exception is, by the same rules that its incident is classified with."""

from __future__ import annotations

from functools import cache

from rca_plugin.core.classification import Classification, Symptom, classify
from rca_plugin.core.rules import Rules
from rca_plugin.core.sources.airflow import message_line
from rca_plugin.core.storable import MESSAGE_CHARS, beginning, end
from rca_plugin.rules_in_force import rules_in_force
from rca_plugin.worker.exception import TEXT_CHARS, chain_of, text_of, traceback_of
from rca_plugin.worker.masking import redactor

_SOURCE = "airflow"
_OF_EVERYTHING = (Exception, BaseException, object)


def diagnose(error: BaseException) -> Classification:
    """Classify an exception by its types, what caused it and what they say.

    Raises RuleError and ConfigError where the rules or the patterns of `[rca]` cannot be used.
    """
    return classify(Symptom(_SOURCE, _known_class(error), _text(error)), _rules())


@cache
def _rules() -> Rules:
    return rules_in_force()


def _text(error: BaseException) -> str:
    """What the report of this error says, so that both come to the same category."""
    # Without secrets before anything is taken out of it: what the rules match is logged and stored.
    message = beginning(message_line(type(error).__name__, text_of(error)), MESSAGE_CHARS, redactor())
    return f"{end(traceback_of(error), TEXT_CHARS, redactor())}\n{message}"


def _known_class(error: BaseException) -> str | None:
    """The nearest class above that of the innermost cause which the rules know; None where they know itself.

    The text names only the class itself: of a DAG author's own class the rules cannot know what kind it is.
    """
    *_, innermost = chain_of(error)
    lineage = [kind for kind in type(innermost).__mro__ if kind not in _OF_EVERYTHING]
    known = next((kind for kind in lineage if _rules().for_exception(kind.__name__, _SOURCE)), None)
    return None if known is None or known is type(innermost) else f"{known.__module__}.{known.__qualname__}"
