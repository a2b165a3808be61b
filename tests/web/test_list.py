"""The list: filter, search, sort, page, and what it says when it is empty."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import screenshot
from tests.web.site import HOSTILE_MESSAGE, IN_AIRFLOW, LIST, NOBODY, WAITING, Site

pytestmark = [pytest.mark.browser, pytest.mark.airflow, pytest.mark.timeout(600)]


def resources(page: Page) -> list[str]:
    return page.locator("td.resource").all_inner_texts()


def numbers(page: Page) -> list[int]:
    return [int(label.removeprefix("RCA-")) for label in page.locator("td.id").all_inner_texts()]


def test_a_chosen_filter_is_applied_at_once_and_cleared_again(page: Page, site: Site) -> None:
    page.goto(LIST)
    page.get_by_label("Category").select_option("connection_error")
    page.wait_for_url("**category=connection_error**")
    assert resources(page) == ["orders_daily/load"]
    expect(page.get_by_label("Category")).to_have_value("connection_error")
    page.get_by_role("link", name="Clear").click()
    expect(page.locator("td.id")).to_have_count(len(site.ids))


def test_filters_work_together(page: Page, site: Site) -> None:
    wanted = [i for i in site.incidents() if i["priority"] == "P3" and "t" in i["resource"]]
    page.goto(f"{LIST}?text=t")
    page.get_by_label("Priority").select_option("P3")
    page.wait_for_url("**priority=P3**")
    page.get_by_label("Status").select_option("open")
    page.wait_for_url("**status=open**")
    assert "text=t" in page.url
    assert 1 < len(wanted) < len(site.ids)
    assert sorted(numbers(page)) == sorted(i["id"] for i in wanted if i["status"] == "open")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("orders_daily", ["orders_daily/load", "orders_daily/publish"]),
        ("CONNECTION refused", ["orders_daily/load"]),
        ("%", []),
        ("' OR 1=1 --", []),
    ],
)
def test_search_looks_into_resource_and_error(page: Page, words: str, found: list[str]) -> None:
    page.goto(LIST)
    page.get_by_label("Search").fill(words)
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**text=**")
    assert sorted(resources(page)) == found


def test_search_finds_an_incident_by_its_name(page: Page, site: Site) -> None:
    page.goto(f"{LIST}?text=rca-{site.ids[WAITING]}")
    assert resources(page) == [WAITING]


def test_what_was_searched_for_is_shown_as_text(page: Page) -> None:
    page.goto(LIST)
    page.get_by_label("Search").fill(f'"><script>{HOSTILE_MESSAGE}')
    page.get_by_label("Search").press("Enter")
    expect(page.get_by_text("No incident matches.")).to_be_visible()
    expect(page.get_by_label("Search")).to_have_value(f'"><script>{HOSTILE_MESSAGE}')
    screenshot(page, "list-no-match")


def test_a_click_on_a_column_sorts_and_another_turns_it_round(page: Page) -> None:
    page.goto(LIST)
    expect(page.locator("th[aria-sort]")).to_have_text("Last failure")
    page.get_by_role("link", name="Failures").click()
    page.wait_for_url("**sort=failure_count**")
    assert resources(page)[0] == "orders_daily/load"
    name = page.locator("th a", has_text="Incident")
    name.click()
    page.wait_for_url("**sort=id**")
    down = numbers(page)
    name.click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Incident")
    assert numbers(page) == sorted(down) == down[::-1]


def test_pages_hold_every_incident_once(page: Page, site: Site) -> None:
    page.goto(f"{LIST}?limit=5&sort=resource")
    seen = resources(page)
    expect(page.get_by_text(f"1 to 5 of {len(site.ids)}")).to_be_visible()
    expect(page.get_by_role("link", name="Previous")).to_have_count(0)
    while page.get_by_role("link", name="Next").count():
        page.get_by_role("link", name="Next").click()
        page.wait_for_url(f"**offset={len(seen)}**")
        seen += resources(page)
    assert sorted(seen) == sorted(site.ids)
    page.get_by_role("link", name="Previous").click()
    last = (len(site.ids) - 1) // 5 * 5
    expect(page.get_by_text(f"{last - 4} to {last} of {len(site.ids)}")).to_be_visible()


def test_an_address_that_makes_no_sense_shows_the_list(page: Page, site: Site) -> None:
    page.goto(f"{LIST}?status=melted&limit=-1&sort=(select 1)&surprise=1&category=timeout")
    assert resources(page) == [WAITING]


def test_an_incident_that_waits_says_why(page: Page) -> None:
    page.goto(f"{LIST}?text={WAITING}")
    expect(page.locator("td.cause")).to_contain_text("Waits for its analysis: DAG rca_incident is paused")


def test_without_incidents_it_says_when_there_will_be_some(open_as: Callable[..., Page]) -> None:
    page = open_as(NOBODY)
    page.goto(IN_AIRFLOW)
    expect(page.frame_locator("iframe").get_by_text("No incidents.")).to_be_visible()
    screenshot(page, "list-empty")
