"""Azurite, Microsoft's own emulator of Azure Blob Storage, in a process that is ended by its id."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

_PROGRAM = "node_modules/azurite/dist/src/blob/main.js"
_LISTENS = re.compile(r"successfully listens on http://127\.0\.0\.1:([0-9]+)")


@dataclass(frozen=True)
class BlobAccount:
    """A storage account, or the way to it through something else that listens on another port."""

    port: int
    name: str = "rcatests"
    key: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(64)).decode())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{self.name}"

    @property
    def connection(self) -> str:
        """As an environment variable holds it."""
        return json.dumps(
            {"conn_type": "wasb", "host": self.url, "login": self.name, "password": self.key, "extra": {}}
        )

    @property
    def connection_string(self) -> str:
        return f"BlobEndpoint={self.url};AccountName={self.name};AccountKey={self.key}"

    def at(self, port: int) -> BlobAccount:
        return replace(self, port=port)

    def blobs(self, container: str) -> dict[str, Any]:
        """Every blob of a container by its name: its bytes, and what it is said to be."""
        from azure.core.exceptions import ResourceNotFoundError
        from azure.storage.blob import BlobServiceClient

        with BlobServiceClient.from_connection_string(self.connection_string) as client:
            there = client.get_container_client(container)
            try:
                names = [blob.name for blob in there.list_blobs()]
            except ResourceNotFoundError:
                return {}
            # Raw: what is read is what was written, still compressed.
            return {name: there.download_blob(name, decompress=False).readall() for name in names}

    def settings(self, container: str, name: str) -> Any:
        from azure.storage.blob import BlobServiceClient

        with BlobServiceClient.from_connection_string(self.connection_string) as client:
            return client.get_blob_client(container, name).get_blob_properties().content_settings


def _program() -> Path:
    """Where `.ci/run` installs it, or where RCA_AZURITE says that it is."""
    folder = os.environ.get("RCA_AZURITE") or Path.home() / ".cache" / "rca-azurite"
    program = Path(folder) / _PROGRAM
    if not program.exists() or not shutil.which("node"):
        pytest.skip(f"no Azurite in {folder}")
    return program


@contextmanager
def azurite() -> Iterator[BlobAccount]:
    """Run one on a free port. All is in its memory."""
    account = BlobAccount(0)
    command = [
        "node", str(_program()), "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck", "--silent",
        "--disableTelemetry",
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        env={**os.environ, "AZURITE_ACCOUNTS": f"{account.name}:{account.key}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if found := _LISTENS.search(line):
                yield account.at(int(found[1]))
                break
        else:
            raise RuntimeError(f"Azurite did not start: {''.join(said)}")
    finally:
        process.terminate()
        process.communicate(timeout=20)
