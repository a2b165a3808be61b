"""One real Airflow and one real Chromium for all tests of the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from demo.local_airflow import ADMIN
from tests.web.site import Site, running_site

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SCREENSHOTS = Path(__file__).parent / "screenshots"
_PATIENCE_MS = 60_000


# A package, not a session: the loop of Playwright runs in this thread as long as it is open, and others
# have a loop of their own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def site(browser: Browser, installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("web") / "airflow", installed) as site:
        yield site
    site.airflow.wait_for(
        "the end of all processes", lambda: not site.airflow.leftover_processes(), timeout=60
    )


@pytest.fixture(scope="package")
def tokens(site: Site) -> dict[str, str]:
    """What Airflow's login gives each user."""
    return {name: _token(site, name, password) for name, password in site.users.items()}


def _token(site: Site, name: str, password: str) -> str:
    answer = httpx.post(f"{site.url}/auth/token", json={"username": name, "password": password}, timeout=30)
    answer.raise_for_status()
    return str(answer.json()["access_token"])


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser complained of: errors in the console, policy violations, exceptions. None is expected."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def open_as(
    browser: Browser, site: Site, tokens: dict[str, str], complaints: list[str]
) -> Iterator[Callable[..., Page]]:
    """Open a browser of its own for a user; without a user for somebody who has not signed in."""
    contexts: list[BrowserContext] = []

    def open_page(user: str | None = ADMIN, **options: object) -> Page:
        context = browser.new_context(
            **{"base_url": site.url, "viewport": {"width": 1400, "height": 900}, **options}
        )
        contexts.append(context)
        context.set_default_timeout(_PATIENCE_MS)
        context.on("console", lambda message: _note(complaints, message))
        context.on("weberror", lambda error: complaints.append(f"{error.page.url}: {error.error}"))
        context.on(
            "dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss())
        )
        if user:
            context.add_cookies([{"name": "_token", "value": tokens[user], "url": site.url}])
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_as: Callable[..., Page]) -> Page:
    """A page of the administrator."""
    return open_as()


def _note(complaints: list[str], message: ConsoleMessage) -> None:
    if message.type == "error":
        complaints.append(f"{message.location['url']}: {message.text}")


def screenshot(page: Page, name: str, *, full: bool = False) -> None:
    """For people to look at; nothing is compared with it."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=full)
