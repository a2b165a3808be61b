"""Where Airflow's own UI shows the pages, and the way from them back into Airflow."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.web.conftest import screenshot
from tests.web.site import FAILED_INDEX, IN_AIRFLOW, LIST, MAPPED, MAPPED_TASK, PLAIN, PLAIN_TASK, Site

pytestmark = [pytest.mark.browser, pytest.mark.airflow, pytest.mark.timeout(600)]


def expect_incident_in(frame: FrameLocator, site: Site, resource: str) -> None:
    expect(frame.locator("h1")).to_have_text(f"RCA-{site.ids[resource]} · {resource}")


def run_url(site: Site, dag_id: str) -> str:
    return f"/dags/{dag_id}/runs/{site.runs[dag_id]}"


def test_the_navigation_leads_to_the_list_and_on_to_an_incident(page: Page, site: Site) -> None:
    page.goto("/")
    page.get_by_role("button", name="Browse").click()
    entry = page.get_by_role("menuitem", name="Incidents")
    icon = entry.locator("img")
    expect(icon).to_have_attribute("src", re.compile(r"/static/icon\.svg$"))
    assert icon.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    screenshot(page, "navigation")
    entry.click()
    frame = page.frame_locator("iframe")
    expect(frame.locator("h1")).to_have_text("Incidents")
    screenshot(page, "list")
    frame.get_by_role("link", name=f"RCA-{site.ids[f'{PLAIN}/{PLAIN_TASK}']}", exact=True).click()
    expect_incident_in(frame, site, f"{PLAIN}/{PLAIN_TASK}")


def test_the_address_of_the_window_names_the_incident(page: Page, site: Site) -> None:
    resource = f"{PLAIN}/{PLAIN_TASK}"
    page.goto(IN_AIRFLOW)
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name=f"RCA-{site.ids[resource]}", exact=True).click()
    page.wait_for_url(f"**{IN_AIRFLOW}{site.page_of(resource)}")
    page.reload()
    expect_incident_in(frame, site, resource)


def test_the_task_instance_has_a_tab(page: Page, site: Site) -> None:
    page.goto(f"{run_url(site, PLAIN)}/tasks/{PLAIN_TASK}")
    page.get_by_role("link", name="Root cause").click()
    expect_incident_in(page.frame_locator("iframe"), site, f"{PLAIN}/{PLAIN_TASK}")
    screenshot(page, "tab-task-instance")


def test_each_index_of_a_mapped_task_has_a_tab_of_its_own(page: Page, site: Site) -> None:
    tasks = f"{run_url(site, MAPPED)}/tasks/{MAPPED_TASK}/mapped"
    frame = page.frame_locator("iframe")
    page.goto(f"{tasks}/{FAILED_INDEX}/plugin/rca_task")
    expect_incident_in(frame, site, f"{MAPPED}/{MAPPED_TASK}")
    page.goto(f"{tasks}/{FAILED_INDEX + 1}/plugin/rca_task")
    expect(frame.get_by_text("No incident here.")).to_be_visible()
    screenshot(page, "tab-task-instance-without-incident")


def test_the_run_has_a_tab(page: Page, site: Site) -> None:
    frame = page.frame_locator("iframe")
    page.goto(run_url(site, PLAIN))
    page.get_by_role("link", name="Root cause").click()
    expect_incident_in(frame, site, f"{PLAIN}/{PLAIN_TASK}")
    page.goto(f"{run_url(site, MAPPED)}/plugin/rca_run")
    expect(frame.locator("h1")).to_have_text("2 incidents")
    expect(frame.locator("td.resource")).to_have_text([f"{MAPPED}/archive", f"{MAPPED}/{MAPPED_TASK}"])
    screenshot(page, "tab-run")


def test_a_link_to_the_failed_try_leaves_the_frame(page: Page, site: Site) -> None:
    page.goto(f"{IN_AIRFLOW}{site.page_of(f'{PLAIN}/{PLAIN_TASK}')}")
    frame = page.locator("iframe")
    # Without this there would be nothing to work around.
    expect(frame).to_have_attribute("sandbox", re.compile("^(?!.*top-navigation).*allow-scripts"))
    frame.content_frame.get_by_role("link", name=site.runs[PLAIN]).click()
    expect(page).to_have_url(re.compile(rf"/dags/{PLAIN}/runs/[^/]+/tasks/{PLAIN_TASK}\?try_number=1$"))
    expect(page.get_by_role("heading", name=PLAIN_TASK)).to_be_visible()
    expect(frame).to_have_count(0)


def test_a_link_to_the_rca_run_leaves_the_frame(page: Page, site: Site) -> None:
    resource = f"{PLAIN}/{PLAIN_TASK}"
    page.goto(f"{IN_AIRFLOW}{site.page_of(resource)}")
    link = page.frame_locator("iframe").get_by_role(
        "link", name=re.compile(rf"^RCA-{site.ids[resource]}_\d+T")
    )
    rca_run = link.inner_text()
    link.click()
    page.wait_for_url(f"**/dags/rca_incident/runs/{rca_run}**")
    expect(page.get_by_role("heading", name=rca_run)).to_be_visible()


def test_the_same_link_is_an_ordinary_one_outside_of_airflow(page: Page, site: Site) -> None:
    page.goto(site.page_of(f"{PLAIN}/{PLAIN_TASK}"))
    page.get_by_role("link", name=site.runs[PLAIN]).click()
    expect(page).to_have_url(re.compile(rf"/dags/{PLAIN}/runs/[^/]+/tasks/{PLAIN_TASK}\?try_number=1$"))


def test_with_a_modifier_key_it_opens_in_another_tab(page: Page, site: Site) -> None:
    page.goto(f"{IN_AIRFLOW}{site.page_of(f'{PLAIN}/{PLAIN_TASK}')}")
    link = page.frame_locator("iframe").get_by_role("link", name=site.runs[PLAIN])
    with page.context.expect_page() as opened:
        link.click(modifiers=["Control"])
    assert f"/dags/{PLAIN}/runs/" in opened.value.url
    assert IN_AIRFLOW in page.url


def test_only_airflow_may_show_a_page_in_a_frame(page: Page) -> None:
    answer = page.goto(LIST)
    assert answer
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy
