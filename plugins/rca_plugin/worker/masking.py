"""The redaction of a task process: what Airflow knows to be secret here, then what looks or is named like it."""

from __future__ import annotations

from functools import cache

from rca_plugin.config import settings
from rca_plugin.core.redaction import Redactor, own_patterns


class KnownSecrets:
    """Airflow's: it knows the passwords of the connections that this task used, and the server does not."""

    def text(self, text: str) -> str:
        """The text without them."""
        from airflow.sdk._shared.secrets_masker import redact

        return str(redact(text))

    tree = text


@cache
def redactor() -> Redactor:
    """Takes out these, what has the name or the look of a secret, and what `[rca] redact_patterns` find.

    Raises ConfigError for patterns that cannot be used.
    """
    return Redactor(own_patterns(settings().redact_patterns), known=KnownSecrets().text)
