"""From facts to evidence: numbered, redacted, and no longer than an incident can hold."""

from __future__ import annotations

from collections.abc import Sequence

from rca_plugin.core.evidence import Evidence, Fact
from rca_plugin.core.storable import beginning, end
from rca_plugin.server.evidence.fence import missing
from rca_plugin.server.masking import redactor

TEXT_CHARS = 24_000
TOTAL_CHARS = 150_000
_SOURCE_CHARS = 300
# These tell the error where they end; all others say first what it is about.
_FROM_THE_END = {"error", "traceback", "log", "run_output"}


def numbered(facts: Sequence[Fact]) -> list[Evidence]:
    """The facts as evidence, as many as fit; if some do not, the last one says so."""
    texts: list[tuple[Fact, str]] = []
    left = TOTAL_CHARS
    for fact in facts:
        text = _bounded(fact)
        if len(text) > left:
            texts.append(_left_out(len(facts) - len(texts)))
            break
        texts.append((fact, text))
        left -= len(text)
    return [
        Evidence(
            f"E{number}", fact.kind, beginning(fact.source, _SOURCE_CHARS, redactor()), fact.observed_at, text
        )
        for number, (fact, text) in enumerate(texts, start=1)
    ]


def _bounded(fact: Fact) -> str:
    keep = end if fact.kind in _FROM_THE_END else beginning
    return keep(fact.text, TEXT_CHARS, redactor())


def _left_out(count: int) -> tuple[Fact, str]:
    fact = missing(f"{count} more", f"all evidence together is limited to {TOTAL_CHARS} characters")
    return fact, fact.text
