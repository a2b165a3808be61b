"""Repairs on the pages: what is asked, who may answer, what stops them, and the switch that stops them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web import repairs
from tests.web.conftest import screenshot
from tests.web.repairs import ASKED, FROZEN, SUGGESTED, TRIED, TWICE, TWISTED, resource
from tests.web.site import IN_AIRFLOW, PAGES, PLAIN, PLAIN_TASK, VIEWER, Site
from tests.web.test_looks import OVERFLOW, TOO_FAINT, frame_of

pytestmark = [pytest.mark.browser, pytest.mark.airflow, pytest.mark.timeout(600)]

ALL = f"{PAGES}/repairs"
SWITCH = "/rca/api/v1/remediation-switch"


@pytest.fixture
def switched_on(site: Site) -> Iterator[None]:
    """Repairs are on again afterwards."""
    yield
    site.http.put(SWITCH, json={"on": True, "reason": ""}).raise_for_status()


def page_of(site: Site, name: str) -> str:
    return site.page_of(resource(name))


def without(complaints: list[str], status: str) -> None:
    """The browser notes each answer of that kind by itself."""
    complaints[:] = [line for line in complaints if status not in line]


def repair(page: Page) -> Locator:
    return page.locator("section[aria-labelledby=repair]")


def test_it_says_what_would_be_done_what_that_touches_and_what_every_guard_says(
    page: Page, site: Site
) -> None:
    page.goto(page_of(site, TRIED))
    shown = repair(page)
    expect(shown.locator(".cause-text")).to_have_text(
        f"Waiting for an approval: run the failed tasks of the job run again (cluster:{resource(TRIED)})."
    )
    expect(shown.locator(".touched").first).to_contain_text("What it touches: 2")
    expect(shown.locator(".touched li").first).to_have_text("task ingest of run 8821")
    guards = shown.locator(".rules").first
    expect(guards.locator("summary")).to_contain_text("No guard stops it")
    guards.locator("summary").click()
    said = guards.locator("li").all_inner_texts()
    assert said[0].startswith("waits")
    assert "0 of 1 have agreed" in said[0]
    assert len(said) >= 12
    assert all(line.startswith("passes") for line in said[1:])
    expect(shown).to_contain_text("In approve mode the last 30 days: 1 proposal, 1 approved, 1 failed.")
    screenshot(page, "repair", full=True)


def test_earlier_attempts_stand_below_with_what_became_of_them(page: Page, site: Site) -> None:
    page.goto(page_of(site, TRIED))
    [row] = repair(page).locator(".attempts tbody tr").all()
    expect(row).to_contain_text("It did not help")
    expect(row).to_contain_text("CLOUD_PROVIDER_RESOURCE_STOCKOUT: Standard_D4ds_v5 is still sold out.")
    expect(row.locator("td").nth(3)).to_have_text("admin")
    expect(row.get_by_role("link", name="8822")).to_have_attribute("rel", "noopener noreferrer")


def test_whoever_may_approves_by_a_click_and_the_page_says_so(page: Page, site: Site) -> None:
    page.goto(f"{IN_AIRFLOW}{page_of(site, ASKED)}")
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Approve the repair").click()
    expect(frame.locator("section[aria-labelledby=repair] .cause-text")).to_contain_text("approved by admin")
    expect(frame.get_by_role("button", name="Approve the repair")).to_have_count(0)
    assert [each["name"] for each in repairs.newest(site, ASKED)["approvals"]] == ["admin"]
    screenshot(page, "repair-approved")


def test_for_four_eyes_whoever_has_approved_is_not_asked_again(page: Page, site: Site) -> None:
    page.goto(page_of(site, TWICE))
    expect(repair(page)).to_contain_text("Waiting for two approvals")
    page.get_by_role("button", name="Approve the repair").click()
    expect(repair(page)).to_contain_text("You have approved it. Somebody else has to approve it as well.")
    expect(repair(page)).to_contain_text("Waiting for one more approval (admin approved)")
    expect(page.get_by_role("button", name="Approve the repair")).to_have_count(0)
    screenshot(page, "repair-four-eyes")


def test_an_answer_that_comes_too_late_does_nothing_and_says_why(
    page: Page, site: Site, complaints: list[str]
) -> None:
    page.goto(page_of(site, TWISTED))
    number = repairs.newest(site, TWISTED)["id"]
    site.post(f"/rca/api/v1/remediations/{number}/approval", {"approve": False})
    page.get_by_role("button", name="Approve the repair").click()
    expect(repair(page).get_by_role("alert")).to_contain_text("is rejected: nobody is asked any more")
    assert repairs.repair(site, number)["state"] == "rejected"
    screenshot(page, "repair-too-late")
    page.reload()
    expect(repair(page).locator(".cause-text")).to_contain_text("Rejected: restart the cluster")
    without(complaints, "409")


def test_who_may_only_read_is_shown_everything_and_no_button(
    open_as: Callable[..., Page], site: Site
) -> None:
    page = open_as(VIEWER)
    page.goto(page_of(site, TRIED))
    expect(repair(page)).to_contain_text("You may answer if you may trigger the DAG rca_incident.")
    assert page.get_by_role("button", name="Approve the repair").count() == 0
    page.goto(ALL)
    expect(page.locator("form")).to_have_count(0)
    expect(page.locator("main")).to_contain_text("You may switch it if you may trigger the DAG rca_incident.")


def test_what_is_only_suggested_asks_nobody(page: Page, site: Site) -> None:
    page.goto(page_of(site, SUGGESTED))
    expect(repair(page).locator(".cause-text")).to_contain_text(
        "Suggested: change the cluster to another node type"
    )
    expect(repair(page).locator(".cause-text")).to_contain_text("nobody is asked, and nothing is done")
    assert repair(page).get_by_role("button").count() == 0


def test_where_nothing_is_planned_it_says_which_guard_stopped_it(page: Page, site: Site) -> None:
    page.goto(page_of(site, FROZEN))
    expect(repair(page)).to_contain_text("No repair is planned")
    expect(repair(page)).to_contain_text("Close of the year")
    screenshot(page, "repair-frozen")


def test_a_dry_run_shows_what_would_be_decided_now_and_keeps_nothing(
    page: Page, site: Site, switched_on: None
) -> None:
    before = site.get(f"/rca/api/v1/incidents/{site.ids[resource(TRIED)]}")
    page.goto(page_of(site, TRIED))
    repair(page).get_by_role("link", name="Dry run").click()
    expect(page.locator("#dry-run")).to_contain_text(
        "Somebody would have to approve: run the failed tasks of the job run again"
    )
    site.http.put(SWITCH, json={"on": False, "reason": "CHG-1234"}).raise_for_status()
    repair(page).get_by_role("link", name="Dry run").click()
    expect(page.locator("#dry-run")).to_contain_text(
        "It would be stopped: Repairs are switched off: admin switched repairs off"
    )
    stops = page.locator("#dry-run .rules li").first
    expect(stops).to_contain_text("stops")
    expect(stops).to_contain_text("kill switch")
    expect(repair(page).get_by_role("status").first).to_contain_text("Admin switched repairs off")
    screenshot(page, "repair-dry-run", full=True)
    after = site.get(f"/rca/api/v1/incidents/{site.ids[resource(TRIED)]}")
    assert after["timeline"] == before["timeline"]


def test_a_dry_run_of_what_nobody_looked_for_says_who_can(page: Page, site: Site) -> None:
    page.goto(f"{page_of(site, FROZEN)}?dry_run=1")
    expect(page.locator("#dry-run")).to_contain_text("rca remediate RCA-")
    page.goto(f"{site.page_of(f'{PLAIN}/{PLAIN_TASK}')}?dry_run=1")
    expect(page.locator("#dry-run")).to_contain_text("It would be stopped")


def test_the_switch_stops_all_repairs_with_a_reason_and_lets_them_go_on(
    page: Page, site: Site, switched_on: None
) -> None:
    page.goto(f"{IN_AIRFLOW}{ALL}")
    frame = page.frame_locator("iframe")
    frame.get_by_text("Switch repairs off…").click()
    frame.get_by_label("Why").fill("Upgrade <img src=x onerror='window.top.hacked = 1'>")
    frame.get_by_role("button", name="Switch all repairs off").click()
    expect(frame.locator("section").first).to_contain_text("Switched off by admin")
    expect(frame.locator("section").first).to_contain_text("Upgrade <img src=x")
    assert page.evaluate("window.hacked") is None
    assert site.get(SWITCH)["on"] is False
    screenshot(page, "repairs-off")
    frame.get_by_text("Switch repairs on…").click()
    frame.get_by_label("Why").fill("The upgrade is over")
    frame.get_by_role("button", name="Switch repairs on").click()
    expect(frame.locator("section").first).to_contain_text("Switched on by admin")
    assert site.get(SWITCH)["on"] is True


def test_the_page_of_all_repairs_has_what_goes_on_the_steps_and_the_record(page: Page, site: Site) -> None:
    page.goto(ALL)
    under_way = page.locator("section[aria-labelledby=under-way]")
    expect(under_way).to_contain_text(f"RCA-{site.ids[resource(TRIED)]}")
    ladder = page.locator(".ladder tbody tr")
    expect(ladder).to_have_count(3)
    expect(ladder.nth(0)).to_contain_text("suggest")
    expect(ladder.nth(1)).to_contain_text('category="connection_error"')
    expect(ladder.nth(2)).to_contain_text("everything else")
    expect(page.locator("section[aria-labelledby=ladder]")).to_contain_text("Close of the year")
    tried = page.locator(".record tbody tr", has_text="1 failed")
    expect(tried).to_contain_text("run the failed tasks of the job run again")
    screenshot(page, "repairs", full=True)


def test_hostile_names_are_text(page: Page, site: Site) -> None:
    for url in (page_of(site, TWISTED), f"{page_of(site, TWISTED)}?dry_run=1", ALL):
        page.goto(f"{IN_AIRFLOW}{url}")
        frame = frame_of(page)
        assert frame.locator("main :is(img, script)").count() == 0
        assert page.evaluate("window.hacked") is None
    page.goto(page_of(site, TWISTED))
    expect(repair(page).locator(".touched li").first).to_have_text(repairs.HOSTILE)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_of_it_can_be_read_in_a_narrow_window(
    open_as: Callable[..., Page], site: Site, theme: str
) -> None:
    page = open_as(viewport={"width": 800, "height": 900}, color_scheme=theme)
    for name, url in (
        ("tried", f"{page_of(site, TRIED)}?dry_run=1#repair"), ("twisted", page_of(site, TWISTED)), ("all", ALL),
    ):  # fmt: skip
        page.goto(f"{IN_AIRFLOW}{url}")
        frame = frame_of(page)
        assert frame.evaluate(OVERFLOW) == 0, name
        for table in frame.locator(".table").all():
            assert table.evaluate("table => table.scrollWidth - table.clientWidth") <= 0, name
        page.goto(url)
        assert page.evaluate(TOO_FAINT) == [], name
        screenshot(page, f"repairs-800-{name}-{theme}", full=True)


def test_the_page_works_without_a_repair_and_a_wrong_file_says_so(
    page: Page, site: Site, switched_on: None
) -> None:
    file = site.airflow.home / "repairs.yaml"
    text = file.read_text()
    try:
        file.write_text("mode: aprove\n")
        page.goto(ALL)
        expect(page.get_by_role("alert").first).to_contain_text("repairs.yaml:1")
        expect(page.get_by_role("alert").first).to_contain_text("Until that is mended nothing is repaired.")
        page.goto(f"{page_of(site, TRIED)}?dry_run=1")
        expect(page.locator("#dry-run")).to_contain_text(
            "Nothing can be decided: [rca] remediation_file: repairs.yaml:1"
        )
    finally:
        file.write_text(text)
