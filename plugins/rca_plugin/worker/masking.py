"""What a worker masks before anything leaves it: only here are the passwords known of the connections it used."""

from __future__ import annotations

from functools import cache

from rca_plugin.config import settings
from rca_plugin.core.redaction import Redactor, own_patterns


class Masker:
    """Airflow's: it knows the passwords of the connections that this task used, and the server does not."""

    def text(self, text: str) -> str:
        """The text without them."""
        from airflow.sdk._shared.secrets_masker import redact

        return str(redact(text))

    tree = text


@cache
def redactor() -> Redactor:
    """Takes out those, and what looks or is named like a secret.

    Raises ConfigError for patterns that cannot be used.
    """
    return Redactor(own_patterns(settings().redact_patterns), known=Masker().text)
