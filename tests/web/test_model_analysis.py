"""What Gemini wrote on the page of an incident, what it was sent, and what people think of it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from demo.local_airflow import ADMIN
from tests.web import answers
from tests.web.answers import AGAIN, DISAGREED, FELL_BACK, SAID, TWISTED
from tests.web.conftest import screenshot
from tests.web.site import IN_AIRFLOW, LIST, PAGES, PLAIN, PLAIN_TASK, READER, VIEWER, Site
from tests.web.test_looks import OVERFLOW, TOO_FAINT, frame_of

pytestmark = [pytest.mark.browser, pytest.mark.airflow, pytest.mark.timeout(240)]

ANALYSES = f"{PAGES}/analyses"
WRITTEN = (
    f"By Gemini ({answers.MODEL}), prompt {answers.PROMPT} · 3,214 tokens in, 512 out · $0.0022 · 4.1 s"
    " · What was sent"
)


def call_of(site: Site, resource: str) -> str:
    """The page of the newest call about an incident."""
    [call] = site.get(f"/rca/api/v1/incidents/{site.ids[resource]}/model-calls")["model_calls"]
    return f"{site.page_of(resource)}/model-calls/{call['id']}"


def test_it_says_who_wrote_it_and_what_was_left_out(page: Page, site: Site) -> None:
    page.goto(site.page_of(SAID))
    panel = page.get_by_role("region", name="Root cause")
    expect(panel.locator(".written-by")).to_contain_text(WRITTEN)
    expect(panel.get_by_text("How to tell: Look at the other amounts")).to_be_visible()
    expect(panel.get_by_text("Which supplier sent the file.")).to_be_visible()
    left_out = panel.get_by_text(answers.LEFT_OUT)
    expect(left_out).to_be_hidden()
    panel.get_by_text("Left out of what Gemini answered: 2").click()
    expect(left_out).to_be_visible()
    screenshot(page, "gemini", full=True)


def test_a_claim_leads_to_the_words_that_it_rests_on(page: Page, site: Site) -> None:
    page.goto(f"{IN_AIRFLOW}{site.page_of(SAID)}")
    frame = page.frame_locator("iframe")
    words = frame.locator("mark")
    expect(words.first).to_be_hidden()
    frame.locator(".cause-text .cites a").click()
    expect(words).to_have_text(["could not convert string"])
    expect(words).to_be_in_viewport()
    screenshot(page, "gemini-evidence")


def test_an_answer_that_was_taken_over_says_from_where(page: Page, site: Site) -> None:
    page.goto(site.page_of(AGAIN))
    written = page.locator(".written-by")
    expect(written).to_contain_text(re.compile(rf"· answered on \d{{4}}-\d\d-\d\d for RCA-{site.ids[SAID]}"))
    expect(written).not_to_contain_text("$")
    written.get_by_role("link", name="What was sent").click()
    expect(page.get_by_role("status")).to_contain_text("This was not sent")


def test_disagreement_and_failure_are_not_hidden(page: Page, site: Site) -> None:
    page.goto(site.page_of(DISAGREED))
    incident = site.get(f"/rca/api/v1/incidents/{site.ids[DISAGREED]}")
    category, severity = incident["category"].replace("_", " "), incident["severity"]
    expect(page.get_by_role("note")).to_have_text(
        f"Gemini takes it for out of memory, High; the rules say {category}, {severity}, and decide."
    )
    screenshot(page, "gemini-disagrees", full=True)
    page.goto(site.page_of(FELL_BACK))
    expect(page.get_by_role("note")).to_have_text(
        f"Gemini was not used: The answer cannot be used: {answers.PROBLEM}"
    )
    expect(page.locator(".written-by")).to_contain_text("By the knowledge base")
    screenshot(page, "gemini-not-used", full=True)
    page.get_by_role("link", name="What Gemini was sent").click()
    expect(page.locator(".badge.failed")).to_be_visible()


def test_what_was_sent_is_there_to_the_letter(page: Page, site: Site) -> None:
    page.goto(site.page_of(TWISTED))
    page.get_by_role("link", name="What was sent").click()
    page.wait_for_url(f"**{call_of(site, TWISTED)}")
    sent, answered = page.get_by_role("region", name="Sent"), page.get_by_role("region", name="Answered")
    assert sent.locator("pre").nth(1).text_content() == f"\n{answers.HOSTILE}"
    assert answered.locator("pre").text_content() == answers.HOSTILE
    sent.get_by_text("The whole request").click()
    expect(sent.locator("details pre")).to_contain_text('"output_tokens": 8192')


def test_nothing_that_a_model_says_is_more_than_text(page: Page, site: Site) -> None:
    for url in (site.page_of(TWISTED), call_of(site, TWISTED), ANALYSES, f"{LIST}?text={TWISTED}"):
        page.goto(url)
        assert page.locator("main :is(img, svg, b, script, iframe)").count() == 0, url
        assert page.locator("a[href*='evil'], a[href^='javascript'], a[href='#E99']").count() == 0, url
        assert page.get_by_text("49", exact=True).count() == 0, url
        assert page.evaluate("window.hacked") is None, url
    page.goto(site.page_of(TWISTED))
    expect(page.locator(".cause-text")).to_contain_text(answers.HOSTILE)
    expect(page.locator("mark").first).to_have_text(answers.SCRIPT)


def test_who_may_read_an_incident_says_whether_its_analysis_helped(
    open_as: Callable[..., Page], site: Site
) -> None:
    page, reason = open_as(VIEWER), f"It was the <b>header</b> {answers.LINK}"
    page.goto(f"{IN_AIRFLOW}{site.page_of(SAID)}")
    frame = page.frame_locator("iframe")
    form = frame.locator("form.feedback")
    form.get_by_label("No", exact=True).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type(reason)
    page.keyboard.press("Enter")
    expect(form.get_by_role("button", name="Change")).to_be_visible()
    expect(form.get_by_label("No", exact=True)).to_be_checked()
    expect(form.get_by_label("Why")).to_have_value(reason)
    expect(frame.locator(".timeline li").last).to_contain_text(f"Feedback given by {VIEWER}")

    page = open_as(ADMIN)
    page.goto(site.page_of(SAID))
    expect(page.get_by_text("0 of 1 other found it helpful.")).to_be_visible()
    expect(page.get_by_label("No", exact=True)).not_to_be_checked()
    page.goto(LIST)
    page.get_by_role("link", name="Analyses").click()
    rated = page.get_by_role("region", name="How helpful").locator("tbody tr", has_text=answers.PROMPT)
    expect(rated).to_contain_text(f"Gemini ({answers.MODEL})")
    expect(rated).to_contain_text(re.compile(r"0%\s+0 to \d\d%"))


def test_the_analyses_show_what_was_spent_and_what_failed(page: Page, site: Site) -> None:
    page.goto(ANALYSES)
    # Four calls were made; the fifth took over an answer.
    spent = 4 * (3214 * 0.3 + 512 * 2.5) / 1e6
    expect(page.get_by_role("region", name="Spent today")).to_contain_text(f"${spent:.4f} of $5.00")
    calls = page.get_by_role("region", name="Newest calls").locator("tbody tr")
    expect(calls).to_have_count(5)
    failed = calls.filter(has_text="failed")
    expect(failed).to_contain_text(answers.PROBLEM)
    expect(failed.get_by_role("link", name=f"RCA-{site.ids[FELL_BACK]}")).to_be_visible()
    screenshot(page, "analyses", full=True)


def test_a_call_about_another_dags_incident_is_not_there(
    open_as: Callable[..., Page], site: Site, complaints: list[str]
) -> None:
    page = open_as(READER)
    page.goto(ANALYSES)
    expect(page.get_by_text("No model was asked about the incidents that you may read.")).to_be_visible()
    theirs = call_of(site, SAID)
    mine = theirs.replace(f"/{site.ids[SAID]}/", f"/{site.ids[f'{PLAIN}/{PLAIN_TASK}']}/")
    for url in (theirs, mine, f"{theirs}{'9' * 30}"):
        answer = page.goto(url)
        assert answer
        assert answer.status == 404, url
        assert answers.ASKED not in page.content()
    complaints[:] = [line for line in complaints if "404" not in line]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_can_be_read_in_both_themes_and_a_narrow_window(
    open_as: Callable[..., Page], site: Site, theme: str
) -> None:
    page = open_as(color_scheme=theme, viewport={"width": 800, "height": 900})
    shown = {"gemini": site.page_of(SAID), "gemini-hostile": site.page_of(TWISTED), "analyses": ANALYSES}
    for name, url in {**shown, "gemini-sent": call_of(site, TWISTED)}.items():
        page.goto(f"{IN_AIRFLOW}{url}")
        frame = frame_of(page)
        assert frame.evaluate(OVERFLOW) == 0, url
        for table in frame.locator(".table").all():
            assert table.evaluate("table => table.scrollWidth - table.clientWidth") == 0, url
        screenshot(page, f"{name}-800-{theme}")
        page.goto(url)
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        assert page.evaluate(TOO_FAINT) == [], url
        screenshot(page, f"{name}-{theme}", full=True)
