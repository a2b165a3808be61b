"""Silences and what people do to incidents, by the pages: who sees which button, and what it does."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from demo.local_airflow import ADMIN
from tests.web.conftest import screenshot
from tests.web.site import (
    HOSTILE_MESSAGE,
    HOSTILE_TASK,
    IN_AIRFLOW,
    LIST,
    PAGES,
    PLAIN,
    PLAIN_TASK,
    VIEWER,
    Site,
    report,
    report_outside,
)
from tests.web.test_looks import LIGHT, OVERFLOW, TOO_FAINT

pytestmark = [pytest.mark.browser, pytest.mark.airflow, pytest.mark.timeout(600)]

SILENCES, NEW = f"{PAGES}/silences", f"{PAGES}/silences/new"
API = "/rca/api/v1"


@pytest.fixture
def incident(site: Site) -> Iterator[Callable[..., tuple[str, int]]]:
    """Make an incident of a resource of its own; it is resolved afterwards, so that no list shows it."""
    numbers: list[int] = []

    def make(error: str | None = None, resource: str | None = None) -> tuple[str, int]:
        name = resource or f"made_{time.time_ns()}/step"
        numbers.append(report(site, name, "KeyError", error or f"'{in_letters(name)}'"))
        return name, numbers[-1]

    yield make
    for number in set(numbers):
        site.http.post(f"{API}/incidents/{number}/resolve", json={"reason": "the test is over"})


@pytest.fixture(autouse=True)
def no_silence_stays(site: Site) -> Iterator[None]:
    yield
    for silence in site.get(f"{API}/silences")["silences"]:
        site.http.delete(f"{API}/silences/{silence['id']}").raise_for_status()


def in_letters(name: str) -> str:
    """Another error for each name: numbers do not count, and the same error often is a storm."""
    return name.translate(str.maketrans("0123456789", "abcdefghij"))


def silence(site: Site, *matchers: str, **fields: Any) -> int:
    body = {"matchers": matchers, "reason": "upgrade", "ends_at": "2098-01-01T00:00:00Z"} | fields
    return int(site.post(f"{API}/silences", body)["id"])


def status_of(site: Site, number: int) -> str:
    return str(site.get(f"{API}/incidents/{number}")["status"])


# --- what people do to an incident -------------------------------------------------------------------------


def test_an_incident_is_acknowledged_resolved_and_reopened(
    page: Page, site: Site, incident: Callable[..., tuple[str, int]]
) -> None:
    _, number = incident()
    page.goto(f"{IN_AIRFLOW}{LIST}/{number}")
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Acknowledge").click()
    expect(frame.locator(".badges .badge").first).to_have_text("acknowledged")
    expect(frame.get_by_role("button", name="Acknowledge")).to_have_count(0)
    frame.get_by_text("Resolve…").click()
    screenshot(page, "incident-resolve")
    frame.get_by_role("button", name="Resolve").click()
    assert status_of(site, number) == "acknowledged"  # a reason is needed
    frame.get_by_label("Why is it over?").fill("The column is back.")
    frame.get_by_label("Why is it over?").press("Enter")
    expect(frame.get_by_role("status")).to_contain_text("The column is back.")
    expect(frame.locator(".timeline")).to_contain_text(f"Resolved by {ADMIN}")
    screenshot(page, "incident-resolved")
    frame.get_by_role("button", name="Reopen").click()
    expect(frame.locator(".badges .badge").first).to_have_text("open")
    assert status_of(site, number) == "open"


def test_an_action_that_comes_too_late_says_so(
    page: Page, site: Site, incident: Callable[..., tuple[str, int]], complaints: list[str]
) -> None:
    _, number = incident()
    page.goto(f"{LIST}/{number}")
    site.post(f"{API}/incidents/{number}/acknowledge", {})
    button = page.get_by_role("button", name="Acknowledge")
    button.click()
    expect(page.get_by_role("alert")).to_have_text(
        f"RCA-{number} is acknowledged: it cannot become acknowledged"
    )
    expect(button).to_be_enabled()
    complaints[:] = [line for line in complaints if "409" not in line]


def test_one_that_comes_back_often_is_flapping_and_says_how_often(
    page: Page, site: Site, incident: Callable[..., tuple[str, int]]
) -> None:
    resource, number = incident()
    for _ in range(3):
        site.post(f"{API}/incidents/{number}/resolve", {"reason": "restarted"})
        incident(resource=resource)
    page.goto(f"{LIST}/{number}")
    expect(page.locator(".badge.flapping")).to_have_text("flapping: came back 3 times")
    screenshot(page, "incident-flapping")
    page.goto(f"{LIST}?text={resource}")
    expect(page.locator("tbody .badge.flapping")).to_have_text("flapping")


# --- silences ----------------------------------------------------------------------------------------------


def test_a_silence_is_made_for_an_incident_seen_and_ended(
    page: Page, site: Site, incident: Callable[..., tuple[str, int]]
) -> None:
    resource, number = incident()
    page.goto(f"{IN_AIRFLOW}{LIST}/{number}")
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Silence this…").click()
    matchers = frame.get_by_label("Matchers")
    expect(matchers).to_have_value(f'source="airflow"\nresource="{resource}"')
    expect(frame.locator("#matching-count")).to_have_text("1 unresolved incident matches:")
    expect(frame.locator("#matching")).to_contain_text(f"RCA-{number} {resource}")
    expect(frame.locator("#windows li")).to_have_count(1)
    frame.get_by_label("Reason").fill("Database upgrade, CHG-1234")
    screenshot(page, "silence-form")
    frame.get_by_role("button", name="Silence").click()
    expect(frame.locator("h1")).to_have_text("Silences")
    row = frame.locator("tr", has_text="CHG-1234")
    expect(row.locator(".chip")).to_have_text(['source="airflow"', f'resource="{resource}"'])
    expect(row).to_contain_text(ADMIN)
    expect(row.locator(".window")).to_contain_text("Now:")
    site.post(f"{API}/incidents/{number}/resolve", {"reason": "restarted"})
    incident(resource=resource)
    page.reload()
    row.locator("td.number a").click()
    expect(frame.locator("td.resource")).to_have_text([resource])
    expect(frame.locator("td.cause")).to_contain_text("CHG-1234")
    page.go_back()
    row.get_by_text("End…").click()
    row.get_by_role("button", name="End it now").click()
    expect(row.locator(".window")).to_contain_text("Ended")
    expect(row).to_contain_text(f"ended by {ADMIN}")
    screenshot(page, "silences-ended")


def test_a_suppressed_incident_says_why_and_leads_to_its_silence(
    page: Page, site: Site, incident: Callable[..., tuple[str, int]]
) -> None:
    name = f"quiet_{time.time_ns()}/step"
    number = silence(site, f'resource="{name}"', reason="Vendor outage")
    _, kept = incident(resource=name)
    page.goto(f"{LIST}/{kept}")
    expect(page.locator(".badges .badge").first).to_have_text("suppressed")
    expect(page.get_by_role("status")).to_contain_text("Vendor outage")
    screenshot(page, "incident-suppressed")
    page.get_by_role("link", name=f"Silence {number}").click()
    expect(page.locator("h1")).to_have_text(f"Silence {number}")
    expect(page.locator(".chip")).to_have_text([f'resource="{name}"'])


def test_the_list_shows_what_needs_somebody_and_counts_the_rest(
    page: Page, site: Site, incident: Callable[..., tuple[str, int]]
) -> None:
    prefix = f"counted_{time.time_ns()}"
    silence(site, f'resource="{prefix}/quiet"')
    incident(resource=f"{prefix}/quiet")
    incident(resource=f"{prefix}/loud")
    page.goto(f"{LIST}?text={prefix}")
    expect(page.locator("td.resource")).to_have_text([f"{prefix}/loud"])
    expect(page.get_by_label("Status")).to_have_value("active")
    page.get_by_role("link", name="1 suppressed").click()
    expect(page.locator("td.resource")).to_have_text([f"{prefix}/quiet"])
    page.get_by_label("Status").select_option("")
    expect(page.locator("td.id")).to_have_count(2)
    expect(page.get_by_label("Status")).to_have_value("")


def test_a_recurring_silence_shows_its_next_windows_before_it_is_made(page: Page) -> None:
    page.goto(NEW)
    page.get_by_label("Matchers").fill('source="adf"')
    page.get_by_label("Reason").fill("Weekly maintenance")
    expect(page.get_by_label("Begins at (cron)")).to_be_hidden()
    expect(page.get_by_label("Until")).not_to_have_value("")
    page.get_by_label("Recurring").check()
    expect(page.get_by_label("Until")).to_have_value("")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Begins at (cron)").fill("0 2 * * 6")
    page.get_by_label("Lasts, in minutes").fill("240")
    windows = page.locator("#windows li")
    expect(windows).to_have_count(5)
    expect(windows.last).to_have_text(re.compile(r"^Sat \d{4}-\d\d-\d\d 02:00 to Sat \d{4}-\d\d-\d\d 06:00$"))
    screenshot(page, "silence-form-recurring", full=True)
    page.get_by_role("button", name="Silence").click()
    row = page.locator("tr", has_text="Weekly maintenance")
    expect(row.locator(".window")).to_contain_text(re.compile(r"Sat \d{4}-\d\d-\d\d 02:00 to 06:00"))
    expect(row.locator(".window")).to_contain_text("0 2 * * 6 for 240 min, Europe/Berlin")


def test_what_is_wrong_is_said_beside_the_form(page: Page, complaints: list[str]) -> None:
    page.goto(NEW)
    page.get_by_label("Matchers").fill('dag_id=~"("')
    expect(page.locator("#preview-problem")).to_contain_text("dag_id: this is not a regular expression")
    page.get_by_label("Matchers").fill('dag_id="x"')
    expect(page.locator("#matching-count")).to_have_text("0 unresolved incidents match.")
    page.get_by_label("Time zone").fill("Mars/Base")
    expect(page.locator("#windows-problem")).to_contain_text("'Mars/Base' is not a time zone")
    page.get_by_label("Reason").fill("x")
    page.get_by_role("button", name="Silence").click()
    expect(page.get_by_role("alert")).to_contain_text("time_zone: 'Mars/Base'")
    expect(page.get_by_label("Reason")).to_have_value("x")
    screenshot(page, "silence-form-wrong")
    # The browser notes each 422 by itself.
    complaints[:] = [line for line in complaints if "422" not in line]


def test_hostile_text_in_a_silence_is_text(page: Page, site: Site) -> None:
    silence(site, f'resource="{HOSTILE_TASK.replace(chr(34), chr(92) + chr(34))}"', reason=HOSTILE_MESSAGE)
    page.goto(f"{IN_AIRFLOW}{SILENCES}")
    frame = page.frame_locator("iframe")
    row = frame.locator("tr", has_text="javascript:alert")
    expect(row.locator("td.reason")).to_contain_text(HOSTILE_MESSAGE)
    expect(row.locator(".chip")).to_contain_text("<script>alert(1)</script>")
    page.goto(NEW)
    page.get_by_label("Matchers").fill('dag_id=~".*quoted.*"')
    expect(page.locator("#matching")).to_contain_text("<script>")
    assert page.locator("main :is(img, svg, b, script)").count() == 0
    assert page.evaluate("window.hacked") is None


# --- who may -----------------------------------------------------------------------------------------------


def test_who_may_trigger_nothing_sees_no_buttons_and_is_refused(
    open_as: Callable[..., Page], site: Site, tokens: dict[str, str]
) -> None:
    number = site.ids[f"{PLAIN}/{PLAIN_TASK}"]
    made = silence(site, 'source="adf"', reason="for all to read")
    page = open_as(VIEWER)
    for path in (f"{LIST}/{number}", SILENCES, f"{SILENCES}/{made}", NEW):
        page.goto(path)
        expect(page.locator("main")).to_be_visible()
        # Whoever may read an analysis may say whether it helps.
        acting = page.locator(
            ":is(button, .button, [data-api], details.inline):not(.feedback, .feedback *, .dry-run-link *)"
        )
        assert acting.count() == 0, path
    page.goto(SILENCES)
    expect(page.locator("td.reason")).to_contain_text(["for all to read"])
    screenshot(page, "silences-of-a-viewer")
    with httpx.Client(base_url=site.url, headers={"Authorization": f"Bearer {tokens[VIEWER]}"}) as viewer:
        answers = [
            viewer.post(f"{API}/incidents/{number}/acknowledge", json={}),
            viewer.post(f"{API}/incidents/{number}/resolve", json={"reason": "x"}),
            viewer.post(
                f"{API}/silences", json={"matchers": ["a=b"], "reason": "x", "ends_at": "2098-01-01T00:00Z"}
            ),
            viewer.delete(f"{API}/silences/{made}"),
        ]
        assert {(a.status_code, a.json()["error"]["code"]) for a in answers} == {(403, "not_allowed")}
        assert viewer.get(f"{API}/silences/{made}").json()["state"] == "active"
    assert status_of(site, number) == "open"


FORM = """
([url, type]) => {
  const form = document.createElement("form");
  Object.assign(form, {action: url, method: "post", enctype: type});
  const field = document.createElement("input");
  Object.assign(field, {name: '{"reason":"x', value: '"}'});
  form.append(field);
  document.body.append(form);
  form.submit();
}
"""
FETCH = """
([url, type]) => fetch(url, {method: "POST", mode: "no-cors", credentials: "include", body: "{}",
  headers: {"Content-Type": type}}).then(() => "sent", (error) => `blocked: ${error}`)
"""


class EvilSite(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<h1>You have won</h1>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def evil_port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), EvilSite) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_page_of_another_site_cannot_act_with_the_session_of_its_visitor(
    open_as: Callable[..., Page],
    site: Site,
    incident: Callable[..., tuple[str, int]],
    complaints: list[str],
    evil_port: int,
    host: str,
) -> None:
    """From another site no cookie is sent; from another port of the same site it is, and the API refuses."""
    _, number = incident()
    target = f"{site.url}{API}/incidents/{number}/resolve"
    evil = f"http://{host}:{evil_port}/"
    page = open_as()
    answers: list[int] = []
    page.on("response", lambda answer: answers.append(answer.status) if answer.url == target else None)
    for content_type in ("text/plain", "application/json", "application/x-www-form-urlencoded"):
        page.goto(evil)
        page.evaluate(FETCH, [target, content_type])
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        page.goto(evil)
        with page.expect_navigation(url=target):
            page.evaluate(FORM, [target, content_type])
    assert set(answers) <= ({401, 415} if host == "127.0.0.1" else {415})
    assert len(answers) >= 4
    assert status_of(site, number) == "open"
    complaints[:] = [line for line in complaints if target not in line and evil not in line]


# --- failures of other sources, and how it looks -----------------------------------------------------------


def test_what_failed_elsewhere_leads_there_and_shows_its_labels(page: Page, site: Site) -> None:
    url = "https://portal.example.com/run?id=1&x='\"><b>"
    number = report_outside(
        site, f"factory-{time.time_ns()}/copy_orders", HOSTILE_MESSAGE, url=url, run="run-7",
        labels={"pipeline": "copy <b>orders</b>", "cluster_id": "0612-c1"},
    )  # fmt: skip
    page.goto(f"{LIST}/{number}")
    links = page.locator("a[data-outside]")
    expect(links).to_have_count(2)
    assert links.first.get_attribute("href") == url
    assert page.locator("a[data-airflow][href*='/dags/None'], a[data-airflow][href*='/dags//']").count() == 0
    expect(page.get_by_role("row", name="pipeline copy <b>orders</b>")).to_be_visible()
    assert page.locator("main :is(img, svg, b, script)").count() == 0
    screenshot(page, "incident-elsewhere", full=True)
    page.goto(f"{IN_AIRFLOW}{LIST}/{number}")
    page.context.route("https://portal.example.com/**", lambda route: route.fulfill(body="the portal"))
    with page.context.expect_page() as opened:
        page.frame_locator("iframe").locator("a[data-outside]").first.click()
    assert opened.value.url.startswith("https://portal.example.com/run")
    assert opened.value.evaluate("window.opener") is None
    site.post(f"{API}/incidents/{number}/resolve", {"reason": "the test is over"})


def test_a_storm_shows_what_is_attached_to_it(
    page: Page, site: Site, incident: Callable[..., tuple[str, int]]
) -> None:
    prefix = f"storm_{time.time_ns()}"
    made = [incident(f"the same {prefix} in all", resource=f"{prefix}_{n}/load") for n in range(30)]
    storms = site.get(f"{API}/incidents", kind="storm", status="active")["incidents"]
    storm = next(s for s in storms if any(prefix in name for name, _ in made))
    attached = site.get(f"{API}/incidents", parent=storm["id"])["total"]
    assert attached > 20
    page.goto(f"{LIST}/{storm['id']}")
    expect(page.locator("h1")).to_contain_text("Storm")
    expect(page.locator("#attached")).to_have_text(f"Attached incidents {attached}")
    expect(page.locator("[aria-labelledby=attached] li")).to_have_count(20)
    screenshot(page, "incident-storm", full=True)
    page.get_by_role("link", name=f"All {attached}").click()
    expect(page.locator("td.id")).to_have_count(attached)
    expect(page.locator(".only")).to_contain_text(f"Only those attached to RCA-{storm['id']}")
    screenshot(page, "list-attached")
    page.locator("td.id a").first.click()
    page.get_by_role("status").get_by_role("link", name=f"RCA-{storm['id']}").click()
    expect(page.locator("#attached")).to_be_visible()
    site.post(f"{API}/incidents/{storm['id']}/resolve", {"reason": "the test is over"})


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_of_silences_stand_out_and_fit(
    open_as: Callable[..., Page], site: Site, theme: str, incident: Callable[..., tuple[str, int]]
) -> None:
    silence(
        site, 'source="airflow"', 'dag_id=~"(orders|ledger)_' + "very_" * 30 + '.*"', reason="Long. " * 60
    )
    silence(site, 'source="adf"', recurrence="0 2 * * 6", duration_minutes=240, time_zone="Europe/Berlin")
    silence(site, 'code="X"', starts_at="2097-01-01T00:00:00Z")
    over = silence(site, 'code=~"Y.*"', reason="over")
    site.http.delete(f"{API}/silences/{over}")
    name = f"quiet_{theme}_{time.time_ns()}/step"
    silence(site, f'resource="{name}"')
    _, kept = incident(resource=name)
    for width in (1400, 800):
        page = open_as(color_scheme=theme, viewport={"width": width, "height": 900})
        for what, path in (("silences", SILENCES), ("silence-form", NEW), ("suppressed", f"{LIST}/{kept}")):
            page.goto(path)
            if what == "silence-form":
                page.get_by_label("Matchers").fill('source="airflow"')
                expect(page.locator("#matching li").first).to_be_visible()
                page.get_by_text("What a matcher may say").click()
            assert page.evaluate(TOO_FAINT) == [], what
            assert page.evaluate(OVERFLOW) == 0, what
            screenshot(page, f"{what}-{theme}-{width}", full=True)
    page.goto(f"{IN_AIRFLOW}{SILENCES}")
    table = page.frame_locator("iframe").locator(".table").first
    expect(table).to_be_visible()
    assert table.evaluate("table => table.scrollWidth - table.clientWidth") == 0
    screenshot(page, f"silences-in-airflow-{theme}-800")


def test_the_list_leads_to_the_silences(page: Page) -> None:
    page.goto(IN_AIRFLOW)
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Silences").click()
    expect(frame.locator("h1")).to_have_text("Silences")
    frame.get_by_role("link", name="New silence").click()
    expect(frame.locator("h1")).to_have_text("New silence")
    assert frame.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") == LIGHT
