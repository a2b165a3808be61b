"""The past incidents on the page of a new one: what became of them, and only what the person may read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import screenshot
from tests.web.site import HOSTILE_MESSAGE, IN_AIRFLOW, LIST, LONG, PLAIN, READER, Site, report
from tests.web.test_looks import OVERFLOW, TOO_FAINT, frame_of

pytestmark = [pytest.mark.browser, pytest.mark.airflow, pytest.mark.timeout(600)]

TYPE, ERROR = "ConnectionError", "the warehouse at {} does not accept connections: too many clients"


@pytest.fixture(scope="module")
def numbers(site: Site) -> dict[str, int]:
    """Three past incidents, two of them resolved, and a new one."""
    past = {
        "near": report(site, f"{PLAIN}/copy_rows", TYPE, ERROR.format("wh-1")),
        "hostile": report(site, f"{LONG[:200]}/{LONG[:140]}", TYPE, ERROR.format("wh-2") + " already"),
        "open": report(site, "stock_levels/publish", TYPE, ERROR.format("wh-3") + " (quota)"),
    }
    for name, how in (("near", "The pool was made larger."), ("hostile", HOSTILE_MESSAGE)):
        site.post(f"/rca/api/v1/incidents/{past[name]}/resolve", {"reason": how})
    assert site.as_task("POST", "/rca/api/v1/housekeeping/settle", {})["filed"] >= 3
    new = report(site, f"{PLAIN}/send_rows", TYPE, ERROR.format("wh-4"))
    return {**past, "new": new}


def labels(page: Page) -> list[str]:
    return page.locator("section[aria-labelledby=similar] li a").all_inner_texts()


def test_what_became_of_similar_incidents_is_there(page: Page, numbers: dict[str, int]) -> None:
    page.goto(f"{LIST}/{numbers['new']}")
    assert labels(page) == [f"RCA-{numbers[name]}" for name in ("near", "hostile", "open")]
    first, hostile, unresolved = page.locator("section[aria-labelledby=similar] li").all()
    expect(first).to_contain_text(f"{PLAIN}/copy_rows")
    expect(first).to_contain_text("Resolved after less than a minute by admin: The pool was made larger.")
    expect(hostile).to_contain_text("<script>window.top.hacked = 1</script>")
    expect(unresolved).to_contain_text("Not resolved")
    assert page.evaluate("window.top.hacked") is None
    page.get_by_role("link", name=f"RCA-{numbers['near']}", exact=True).click()
    expect(page.locator("h1")).to_contain_text("copy_rows")


def test_what_the_person_may_not_read_is_not_there(
    open_as: Callable[..., Page], numbers: dict[str, int]
) -> None:
    page = open_as(READER)
    page.goto(f"{LIST}/{numbers['new']}")
    assert labels(page) == [f"RCA-{numbers['near']}"]


def test_without_a_past_there_is_no_such_section(page: Page, site: Site) -> None:
    page.goto(site.page_of("churn_features/train"))
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    assert page.get_by_role("heading", name="Similar incidents").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_readable_in_both_color_modes(
    open_as: Callable[..., Page], numbers: dict[str, int], theme: str
) -> None:
    page = open_as(color_scheme=theme)
    page.goto(f"{LIST}/{numbers['new']}")
    assert page.evaluate(TOO_FAINT) == []
    screenshot(page, f"similar-{theme}", full=True)


def test_it_fits_a_narrow_window(open_as: Callable[..., Page], numbers: dict[str, int]) -> None:
    page = open_as(viewport={"width": 800, "height": 1_200})
    page.goto(f"{IN_AIRFLOW}{LIST}/{numbers['new']}")
    frame = frame_of(page)
    assert frame.evaluate(OVERFLOW) == 0
    frame.locator("#similar").scroll_into_view_if_needed()
    screenshot(page, "similar-800")
