"""Services outside of Airflow, as the worker sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tenacity import wait_none

from rca_plugin import config
from rca_plugin.worker.integrations import adf_factory, databricks, inquiry
from rca_plugin.worker.repairs import databricks_workspace, starting
from tests.fakes.adf import Azure, adf
from tests.fakes.databricks import Workspace
from tests.fakes.databricks import databricks as fake_workspace


@pytest.fixture(autouse=True)
def as_configured() -> Iterator[None]:
    config.settings.cache_clear()
    yield
    config.settings.cache_clear()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Does not wait between tries, so that much can be tried."""
    monkeypatch.setattr(inquiry, "_PAUSE", wait_none())
    monkeypatch.setattr(databricks_workspace, "_READ_PAUSE", wait_none())
    monkeypatch.setattr(databricks_workspace, "_BUSY_SECONDS", 0.02)
    monkeypatch.setattr(starting, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(starting, "_FIRST_PAUSE", 0.02)
    monkeypatch.setattr(starting, "_LONGEST_PAUSE", 0.1)


def _hurry(patch: pytest.MonkeyPatch, troubles: dict[str, Any]) -> None:
    """Nor for long for an answer that will not come."""
    if any("stall" in had for had in troubles.values()):
        for module in (databricks, databricks_workspace, adf_factory):
            patch.setattr(module, "CALL_SECONDS", 0.3)


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch, impatient: None) -> Iterator[Callable[..., Workspace]]:
    """Start a workspace, with these troubles, and make it the Databricks of this process."""
    with ExitStack() as stack:

        def start(**troubles: Any) -> Workspace:
            _hurry(monkeypatch, troubles)
            service = stack.enter_context(fake_workspace(**troubles))
            monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", service.connection)
            return service

        yield start


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch, impatient: None) -> Iterator[Callable[..., Azure]]:
    """Start an Azure, with these troubles, and make it the one of this process."""
    with ExitStack() as stack:

        def start(**troubles: Any) -> Azure:
            _hurry(monkeypatch, troubles)
            service = stack.enter_context(adf(**troubles))
            service.known_to(monkeypatch)
            return service

        yield start
