"""Who sees what: nobody without signing in, nobody a DAG that is not theirs to read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from demo.local_airflow import ADMIN
from tests.web.conftest import screenshot
from tests.web.site import IN_AIRFLOW, LIST, MAPPED, PAGES, PLAIN, PLAIN_TASK, READER, Site

pytestmark = [pytest.mark.browser, pytest.mark.airflow, pytest.mark.timeout(600)]

MINE, THEIRS = f"{PLAIN}/{PLAIN_TASK}", f"{MAPPED}/parse"


def sign_in(page: Page, site: Site, user: str) -> None:
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(site.users[user])
    page.get_by_role("button", name="Sign in").click()


def without_the_login_pages_own(complaints: list[str]) -> list[str]:
    """The login page of the FAB provider 3.10 raises an exception of its own about the time zone."""
    return [line for line in complaints if "/auth/login" not in line]


def test_a_visitor_signs_in_and_comes_back(
    open_as: Callable[..., Page], site: Site, complaints: list[str]
) -> None:
    page = open_as(user=None)
    page.goto(f"{site.page_of(MINE)}?from=mail")
    assert "/auth/login" in page.url
    screenshot(page, "login")
    sign_in(page, site, ADMIN)
    page.wait_for_url(f"**{site.page_of(MINE)}?from=mail")
    expect(page.locator("h1")).to_contain_text(MINE)
    complaints[:] = without_the_login_pages_own(complaints)


def test_a_visitor_of_the_list_inside_airflow_comes_back_to_it(
    open_as: Callable[..., Page], site: Site, complaints: list[str]
) -> None:
    page = open_as(user=None)
    page.goto(f"{IN_AIRFLOW}{LIST}?text=orders")
    page.wait_for_url("**/auth/login/**")
    sign_in(page, site, READER)
    expect(page.frame_locator("iframe").locator("h1")).to_have_text("Incidents")
    complaints[:] = [line for line in without_the_login_pages_own(complaints) if "401" not in line]


def test_a_user_sees_the_incidents_of_the_dags_that_are_theirs_to_read(
    open_as: Callable[..., Page], site: Site
) -> None:
    page = open_as(READER)
    page.goto(IN_AIRFLOW)
    frame = page.frame_locator("iframe")
    expect(frame.locator("td.resource")).to_have_text([MINE])
    expect(frame.get_by_text("1 incident", exact=True)).to_be_visible()
    screenshot(page, "list-of-a-reader")
    frame.get_by_role("link", name=f"RCA-{site.ids[MINE]}", exact=True).click()
    expect(frame.locator("h1")).to_contain_text(MINE)


def test_a_user_does_not_learn_of_another_dags_incident(
    open_as: Callable[..., Page], site: Site, complaints: list[str]
) -> None:
    page = open_as(READER)
    answer = page.goto(site.page_of(THEIRS))
    assert answer
    assert answer.status == 404
    assert MAPPED not in page.content()
    page.goto(f"{LIST}?text={MAPPED}")
    expect(page.locator("td.id")).to_have_count(0)
    page.goto(f"{PAGES}/of-task?dag_id={MAPPED}&run_id={site.runs[MAPPED]}")
    expect(page.get_by_text("No incident here.")).to_be_visible()
    complaints[:] = [line for line in complaints if "404" not in line]
