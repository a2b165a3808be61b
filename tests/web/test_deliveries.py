"""What an incident brings to places outside, as its page says it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.answers import AGAIN, DISAGREED
from tests.web.conftest import screenshot
from tests.web.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.airflow, pytest.mark.timeout(240)]

THERE = "https://store.blob.core.windows.net/rca-incidents/2026/11/25/RCA-1"
HOSTILE = "503 <img src=x onerror='window.top.hacked = 1'>"


def _bring(site: Site, state: str, resource: str = AGAIN, **outcome: Any) -> None:
    path = f"/rca/api/v1/incidents/{site.ids[resource]}/deliveries/archive"
    claim = site.as_task("POST", f"{path}/claim", {})
    site.as_task(
        "PUT", path, {"lease": claim["lease"], "version": claim["version"], "state": state, **outcome}
    )


def test_it_says_how_often_it_was_tried_and_then_where_it_is(page: Page, site: Site) -> None:
    _bring(site, "waiting", problem="503 Server Busy")
    _bring(site, "waiting", problem=HOSTILE)
    page.goto(site.page_of(AGAIN))
    archive = page.locator(".facts div", has=page.locator("dt", has_text="Archive")).first
    expect(archive).to_contain_text(f"waiting, 2nd try: {HOSTILE}")
    assert page.evaluate("window.hacked") is None
    screenshot(page, "archive-waits")
    _bring(site, "delivered", reference=THERE)
    page.reload()
    expect(archive.get_by_role("link")).to_have_attribute("href", THERE)
    expect(archive).not_to_contain_text("waiting")
    screenshot(page, "archive")


def test_an_address_that_is_none_of_the_web_is_no_link(page: Page, site: Site) -> None:
    _bring(site, "delivered", DISAGREED, reference="javascript:alert(1)")
    page.goto(site.page_of(DISAGREED))
    expect(page.locator(".facts")).to_contain_text("javascript:alert(1)")
    assert page.locator("a[href^='javascript']").count() == 0
