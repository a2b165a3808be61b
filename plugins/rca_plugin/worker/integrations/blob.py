"""Azure Blob Storage, as the archive of incidents: one folder for each, written by the provider's hook."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from rca_plugin.config import settings
from rca_plugin.core.archive import files_of, folder_of
from rca_plugin.core.protected_url import is_protected
from rca_plugin.worker.integrations.blob_refusal import code_of, refusal
from rca_plugin.worker.integrations.place_connection import place_connection
from rca_plugin.worker.recipient import DeliveryError, NotSetUpError

# One try, no waiting: the server decides when the next one is. azure-storage-blob 12.31 alone would try four times,
# 15 seconds and more apart, whatever `Retry-After` says. A redirect would carry the key on to wherever it points.
_ONE_TRY: Mapping[str, Any] = {
    "retry_total": 0,
    "connection_timeout": 5,
    "read_timeout": 10,
    "permit_redirects": False,
}
# What names an account in the extra of a connection, besides its host and its login.
_ACCOUNT_EXTRAS = ("connection_string", "sas_token")


@dataclass(frozen=True)
class BlobArchive:
    """One container of one account. Making one asks nothing."""

    conn_id: str
    container: str

    @classmethod
    def connect(cls) -> BlobArchive:
        """The one of `[rca] archive_conn_id` and `archive_container`. Raises NotSetUpError."""
        conn_id = settings().archive_conn_id
        if not _names_an_account(place_connection("archive_conn_id", conn_id)):
            # Such as the `wasb_default` that Airflow makes as an example.
            raise NotSetUpError(f"connection {conn_id} names no storage account")
        return cls(conn_id, settings().archive_container)

    def deliver(self, incident: Mapping[str, Any], reference: str | None, deadline: float) -> str:
        """Write the files of an incident over those that are there. Answers the URL of their folder.

        Raises DeliveryError.
        """
        with self._client() as container:
            base = urlunsplit(urlsplit(container.url)._replace(query="", fragment=""))
            folder = _known_folder(base, reference, incident["label"]) or folder_of(incident)
            _write(container, folder, files_of(incident), deadline)
        return f"{base}/{folder}"

    @contextmanager
    def _client(self) -> Iterator[Any]:
        try:
            from airflow.providers.microsoft.azure.hooks.wasb import WasbHook

            with closing(WasbHook(wasb_conn_id=self.conn_id).get_conn()) as service:
                _check_protected(service.url)
                yield service.get_container_client(self.container)
        except DeliveryError:
            raise
        except Exception as error:
            # From None: errors of azure-core hold the request, with what proves us in its headers or its URL.
            raise refusal(error) from None


def _write(container: Any, folder: str, files: Mapping[str, bytes], deadline: float) -> None:
    from azure.core.exceptions import ResourceNotFoundError

    for name, content in files.items():
        if time.monotonic() >= deadline:
            # Whoever waited has gone on, and another may be at it.
            raise DeliveryError("the time for it was over")
        try:
            _upload(container, f"{folder}/{name}", content)
        except ResourceNotFoundError as error:
            if code_of(error) != "ContainerNotFound":
                raise
            _create(container)
            _upload(container, f"{folder}/{name}", content)


def _upload(container: Any, name: str, content: bytes) -> None:
    from azure.storage.blob import ContentSettings

    kind = ContentSettings(content_type="application/json", content_encoding="gzip")
    container.upload_blob(name, content, overwrite=True, content_settings=kind, **_ONE_TRY)


def _create(container: Any) -> None:
    from azure.core.exceptions import ResourceExistsError

    try:
        container.create_container(**_ONE_TRY)
    except ResourceExistsError as error:
        # Another task was faster. One that is being deleted "exists" too.
        if code_of(error) != "ContainerAlreadyExists":
            raise


def _known_folder(base: str, reference: str | None, label: str) -> str | None:
    """Where it was written before: an earlier failure that is reported later does not move it."""
    known = re.fullmatch(
        rf"{re.escape(base)}/([0-9]{{4}}/[0-9]{{2}}/[0-9]{{2}}/{re.escape(label)})", reference or ""
    )
    return known and known[1]


def _names_an_account(connection: Any) -> bool:
    extra = connection.extra_dejson
    said = [extra.get(name) or extra.get(f"extra__wasb__{name}") for name in _ACCOUNT_EXTRAS]
    return bool(connection.host or connection.login or any(said))


def _check_protected(url: str) -> None:
    if not is_protected(url):
        raise DeliveryError("the storage account must be reached by https")
