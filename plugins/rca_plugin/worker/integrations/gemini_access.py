"""Where Gemini is and how to get in, as an Airflow connection says it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from rca_plugin.config import ConfigError
from rca_plugin.core.protected_url import is_protected

_GEMINI_API = "https://generativelanguage.googleapis.com/"
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


@dataclass(frozen=True)
class GeminiAccess:
    """How one connection gets in.

    base_url: a gateway, or the Gemini API itself; None for Vertex AI where the location decides.
    api_key: of the Gemini API, or of a gateway; None where the credentials of Google Cloud are used.
    project, location: of Vertex AI; None for the Gemini API. keyfile: of a service account, None for the
        application's default credentials.
    """

    base_url: str | None
    api_key: str | None = field(repr=False)
    project: str | None = None
    location: str | None = None
    keyfile: Mapping[str, Any] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, connection: Any) -> GeminiAccess:
        """Read a connection. Raises ConfigError, which names what is wrong with it."""
        name = connection.conn_id
        extra = connection.extra_dejson
        project = extra.get("project")
        base_url = _base_url(connection)
        if not project and not connection.password:
            raise ConfigError(
                f"connection {name}: set its password to an API key of Gemini, or `project` in its extra to one "
                "of Vertex AI"
            )
        return cls(
            base_url=base_url or (None if project else _GEMINI_API),
            api_key=None if project else connection.password,
            project=project,
            location=extra.get("location") if project else None,
            keyfile=_keyfile(name, extra.get("keyfile_dict")),
        )

    @property
    def api_version(self) -> str:
        """The one that answers in a JSON Schema; the client's own choice changes with its version."""
        return "v1beta1" if self.project else "v1beta"

    def client_arguments(self) -> dict[str, Any]:
        """What `google.genai.Client` is told: all of it, or it would look into the environment."""
        if not self.project:
            return {"vertexai": False, "api_key": self.api_key}
        return {
            "vertexai": True,
            "project": self.project,
            "location": self.location or "global",
            "credentials": self._credentials(),
        }

    def _credentials(self) -> Any:
        if self.keyfile is None:
            return None
        from google.oauth2.service_account import Credentials

        read: Any = Credentials.from_service_account_info
        return read(dict(self.keyfile), scopes=_SCOPES)


def _base_url(connection: Any) -> str | None:
    if not connection.host:
        return None
    host = (
        connection.host if "://" in connection.host else f"{connection.schema or 'https'}://{connection.host}"
    )
    parts = urlsplit(host)
    port = f":{connection.port}" if connection.port and not parts.port else ""
    if not is_protected(host):
        # The API key and the evidence would be there for everybody to read.
        raise ConfigError(f"connection {connection.conn_id}: its host must be reached by https")
    return f"{host.rstrip('/')}{port}/"


def _keyfile(name: str, value: Any) -> Mapping[str, Any] | None:
    if not value:
        return None
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, Mapping):
        raise ConfigError(f"connection {name}: `keyfile_dict` in its extra is not the JSON of a key file")
    return found
