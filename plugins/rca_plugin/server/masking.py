"""The redaction of this process: first what Airflow knows to be secret, then what looks or is named like it."""

from __future__ import annotations

from functools import cache

from airflow._shared.secrets_masker import redact as without_registered

from rca_plugin.config import settings
from rca_plugin.core.redaction import Redactor, own_patterns


@cache
def redactor() -> Redactor:
    """Takes out the secrets that were registered with Airflow's masker here, and those of `[rca] redact_patterns`.

    Raises ConfigError for patterns that cannot be used.
    """
    return Redactor(own_patterns(settings().redact_patterns), known=_without_registered)


def _without_registered(text: str) -> str:
    return str(without_registered(text))
