"""One incident: its claims and their evidence, and that nothing in it is more than text."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import screenshot
from tests.web.site import (
    HOSTILE_DAG,
    HOSTILE_MESSAGE,
    HOSTILE_TASK,
    HOSTILE_TRACEBACK,
    IN_AIRFLOW,
    LIST,
    PLAIN,
    PLAIN_TASK,
    WAITING,
    Site,
)  # fmt: skip

pytestmark = [pytest.mark.browser, pytest.mark.airflow, pytest.mark.timeout(600)]

RESOURCE = f"{PLAIN}/{PLAIN_TASK}"
HOSTILE = f"{HOSTILE_DAG}/{HOSTILE_TASK}"


def test_it_says_what_failed_why_and_what_to_do(page: Page, site: Site) -> None:
    page.goto(site.page_of(RESOURCE))
    expect(page.locator("h1")).to_have_text(f"RCA-{site.ids[RESOURCE]} · {RESOURCE}")
    expect(page.locator(".cause-text")).to_contain_text("KeyError: 'name'")
    for heading in ("Likely explanations", "What to do", "Evidence", "Failures", "Timeline"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    actions = page.locator(".timeline strong").all_inner_texts()
    assert actions[0] == "Opened"
    assert actions[-1] == "Analyzed"
    screenshot(page, "incident", full=True)


def test_each_claim_leads_to_evidence_that_opens(page: Page, site: Site) -> None:
    page.goto(f"{IN_AIRFLOW}{site.page_of(RESOURCE)}")
    frame = page.frame_locator("iframe")
    citation = frame.locator(".cause-text .cites a").last
    evidence = frame.locator(f"details{citation.get_attribute('href')}")
    text = evidence.locator("pre")
    expect(text).to_be_hidden()
    citation.click()
    expect(text).to_be_visible()
    expect(text).to_be_in_viewport()
    expect(text).to_contain_text("KeyError")
    evidence.locator("summary").click()
    expect(text).to_be_hidden()
    citation.click()
    expect(text).to_be_visible()
    screenshot(page, "incident-evidence")


def test_no_claim_cites_what_is_not_there(page: Page, site: Site) -> None:
    page.goto(site.page_of(RESOURCE))
    cited = {link.get_attribute("href") for link in page.locator(".cites a").all()}
    known = {f"#{fact.get_attribute('id')}" for fact in page.locator("details").all()}
    assert cited
    assert cited <= known


def test_an_address_that_names_evidence_opens_it(page: Page, site: Site) -> None:
    page.goto(f"{site.page_of(RESOURCE)}#E2")
    expect(page.locator("#E2 pre")).to_be_visible()
    expect(page.locator("#E1 pre")).to_be_hidden()


def test_hostile_text_is_shown_as_text_and_runs_nothing(page: Page, site: Site) -> None:
    page.goto(f"{IN_AIRFLOW}{site.page_of(HOSTILE)}")
    frame = page.frame_locator("iframe")
    expect(frame.locator("h1")).to_have_text(f"RCA-{site.ids[HOSTILE]} · {HOSTILE}")
    expect(frame.locator(".cause-text")).to_contain_text(HOSTILE_MESSAGE[:60])
    expect(frame.locator("#E1 pre")).to_have_text(f"ValueError: {HOSTILE_MESSAGE}")
    expect(frame.locator("#E2 pre")).to_have_text(HOSTILE_TRACEBACK)
    assert frame.locator("script:not(head > script[src])").count() == 0
    assert frame.locator("main :is(img, svg, b)").count() == 0
    assert page.evaluate("window.hacked") is None
    screenshot(page, "incident-hostile")


def test_hostile_text_is_text_in_the_list_too(page: Page) -> None:
    page.goto(f"{LIST}?text=quoted")
    row = page.locator("tbody tr")
    expect(row.locator("td.resource")).to_have_text(HOSTILE)
    expect(row.locator("td.cause .clamp")).to_have_attribute(
        "title", re.compile(re.escape(HOSTILE_MESSAGE[:60]))
    )
    assert page.locator("main :is(img, svg, b, script)").count() == 0


def test_a_link_with_quotes_and_slashes_in_it_stays_one(page: Page, site: Site) -> None:
    page.goto(site.page_of(HOSTILE))
    href = page.locator("dd a[data-airflow]").first.get_attribute("href") or ""
    assert re.fullmatch(r"/dags/[^/?#\"'<>]+/runs/[^/?#]+/tasks/[^/?#\"'<>]+\?try_number=1", href)


def test_one_that_is_not_analyzed_says_why_and_what_to_do(page: Page, site: Site) -> None:
    page.goto(f"{IN_AIRFLOW}{site.page_of(WAITING)}")
    notice = page.frame_locator("iframe").get_by_role("status")
    expect(notice).to_contain_text("DAG rca_incident is paused: unpause it in the Airflow UI.")
    screenshot(page, "incident-waiting")


@pytest.mark.parametrize("number", ["0", "987654", "9" * 40])
def test_one_that_does_not_exist_says_so(page: Page, number: str, complaints: list[str]) -> None:
    answer = page.goto(f"{LIST}/{number}")
    assert answer
    assert answer.status == 404
    expect(page.get_by_text(f"There is no incident RCA-{number}.")).to_be_visible()
    screenshot(page, "incident-not-found")
    # The browser notes each 404 by itself.
    complaints[:] = [line for line in complaints if "404" not in line]


def test_times_are_in_the_zone_chosen_in_airflow(open_as: Callable[..., Page], site: Site) -> None:
    page = open_as(timezone_id="America/New_York")
    page.goto(site.page_of(RESOURCE))
    moment = page.locator("time").first
    expect(moment).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$"))
    here = moment.inner_text()
    page.evaluate("""localStorage.setItem("timezone", '"Asia/Tokyo"')""")
    page.reload()
    expect(moment).not_to_have_text(here)
    hours = page.evaluate("([a, b]) => (new Date(a) - new Date(b)) / 3600000", [moment.inner_text(), here])
    assert hours in (13, 14)
