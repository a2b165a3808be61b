"""The ticket of an incident, who looks after it and until when, as its page says it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.answers import AGAIN
from tests.web.conftest import screenshot
from tests.web.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.airflow, pytest.mark.timeout(240)]

KEY, THERE = "DATA-7", "https://acme.atlassian.net/browse/DATA-7"
HOSTILE = "Doing <img src=x onerror='window.top.hacked = 1'>"


def _is(site: Site, **state: Any) -> None:
    now = datetime.now(timezone.utc).isoformat()
    site.as_task("PUT", f"/rca/api/v1/tickets/{KEY}/state", {"updated": now, "priority": "High", **state})


def test_it_says_the_ticket_its_status_who_has_it_and_until_when(page: Page, site: Site) -> None:
    path = f"/rca/api/v1/incidents/{site.ids[AGAIN]}/deliveries/ticket"
    claim = site.as_task("POST", f"{path}/claim", {})
    done = {"lease": claim["lease"], "version": claim["version"], "state": "delivered", "reference": THERE}
    site.as_task("PUT", path, done)
    _is(site, status=HOSTILE, category="new", assignee={"id": "1", "name": HOSTILE})
    page.goto(site.page_of(AGAIN))
    facts = page.locator(".facts")
    ticket = facts.locator("div", has=page.locator("dt", has_text="Ticket")).first
    expect(ticket.get_by_role("link")).to_have_attribute("href", THERE)
    expect(ticket).to_contain_text(f"{KEY}: {HOSTILE}")
    expect(facts.locator("div", has=page.locator("dt", has_text="Assignee")).first).to_contain_text(HOSTILE)
    due = facts.locator("div", has=page.locator("dt", has_text="Due")).first
    expect(due).to_contain_text("response 20")
    expect(due).to_contain_text("resolution 20")
    assert page.evaluate("window.hacked") is None
    screenshot(page, "ticket")
    _is(site, deleted=True)
    page.reload()
    expect(ticket).to_contain_text(f"{KEY}: deleted there")
