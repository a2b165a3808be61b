"""By what an answer of a model is found again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from rca_plugin.core.evidence import Evidence
from rca_plugin.core.exhibit import is_gap
from rca_plugin.core.variable_part import without_variable_parts

# They tell how it stood around the failure: how often it failed before, who used the pool, how each machine was,
# what was like it. That is never twice the same, and does not say why it failed. What changed before it does.
_HOW_IT_STOOD = frozenset(
    {"similar", "history", "tries", "trend", "run", "pool", "pipeline", "labels"}
    | {"cluster", "cluster_events", "integration_runtime", "upstream"}
)


def model_key(fingerprint: str, model: str, prompt_version: str, evidence: Sequence[Evidence]) -> str:
    """A SHA-256 in hex: the same for the same failure on another day, another for another error."""
    facts = [[item.kind, _lasting(item.text)] for item in evidence if item.kind not in _HOW_IT_STOOD]
    said = json.dumps([fingerprint, model, prompt_version, facts])
    return hashlib.sha256(said.encode()).hexdigest()


def _lasting(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.splitlines() if not is_gap(line))
    return without_variable_parts("\n".join(lines))
