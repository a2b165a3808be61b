"""What the analysis says on the page of an incident, and that nothing it quotes is more than text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import screenshot
from tests.web.site import IN_AIRFLOW, REPORTS, TOLD, TOLD_HOSTILE, Site
from tests.web.test_looks import OVERFLOW, TOO_FAINT, frame_of

pytestmark = [pytest.mark.browser, pytest.mark.airflow, pytest.mark.timeout(600)]


def test_it_names_the_change_what_to_do_and_what_not(page: Page, site: Site) -> None:
    page.goto(site.page_of(TOLD))
    panel = page.get_by_role("region", name="Root cause")
    for heading in ("What to do", "Do not", "Likely explanations", "Not known", "Read on"):
        expect(panel.get_by_role("heading", name=heading)).to_be_visible()
    expect(panel.locator("p.prose").first).to_contain_text(
        "The first suspect is what changed: “Connection billing_db"
    )
    first = panel.locator("ol").first.locator("li").first
    expect(first).to_contain_text("Look at the change first")
    cited = first.locator(".cites a").get_attribute("href")
    expect(page.locator(f"details{cited}")).to_contain_text("Connection billing_db was edited by ada")
    expect(panel.locator("code", has_text="getent hosts billing-db.internal")).to_be_visible()
    expect(panel.locator(".avoid li").first).to_contain_text("put IP addresses into connections")
    expect(panel.locator(".avoid")).not_to_contain_text("Do not")
    screenshot(page, "analysis", full=True)


def test_an_explanation_that_nothing_speaks_for_says_so(page: Page, site: Site) -> None:
    analyzed = [incident for incident in site.incidents() if incident["analysis"]]
    bare = next(i for i in analyzed if not all(h["evidence"] for h in i["analysis"]["hypotheses"]))
    page.goto(site.page_of(bare["resource"]))
    expect(page.get_by_text("Nothing collected speaks for it yet.").first).to_be_visible()


def test_a_runbook_opens_outside_and_tells_nobody_where_from(page: Page, site: Site) -> None:
    page.goto(site.page_of(TOLD))
    link = page.get_by_role("link", name="Kubernetes documentation: Debugging DNS Resolution")
    assert (link.get_attribute("href") or "").startswith("https://kubernetes.io/")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(link).to_have_attribute("target", "_blank")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_can_be_read_in_both_themes_and_a_narrow_window(
    open_as: Callable[..., Page], site: Site, theme: str
) -> None:
    page = open_as(color_scheme=theme, viewport={"width": 800, "height": 900})
    page.goto(f"{IN_AIRFLOW}{site.page_of(TOLD)}")
    frame = frame_of(page)
    assert frame.evaluate(OVERFLOW) == 0
    screenshot(page, f"analysis-800-{theme}")
    page.goto(site.page_of(TOLD))
    assert page.evaluate(TOO_FAINT) == []
    screenshot(page, f"analysis-{theme}", full=True)


def test_hostile_evidence_is_quoted_as_text(page: Page, site: Site) -> None:
    page.goto(site.page_of(TOLD_HOSTILE))
    panel = page.get_by_role("region", name="Root cause")
    expect(panel.locator("p.prose").first).to_contain_text("<script>window.top.hacked = 1</script>")
    assert panel.locator(":is(img, svg, script, b)").count() == 0
    assert page.evaluate("window.hacked") is None


def test_an_analysis_from_before_these_lists_is_still_shown(page: Page, site: Site) -> None:
    path = f"/rca/api/v1/incidents/{site.ids[REPORTS[0][0]]}"
    stored = site.get(path)["analysis"]
    older = {name: value for name, value in stored.items() if name not in ("avoid", "not_known")}
    older["runbooks"] = [{"title": "Vendor: Page", "url": "javascript:alert(1)"}]
    site.as_task("PUT", f"{path}/analysis", older)
    page.goto(site.page_of(REPORTS[0][0]))
    panel = page.get_by_role("region", name="Root cause")
    expect(panel.get_by_role("heading", name="What to do")).to_be_visible()
    expect(panel.get_by_role("heading", name="Do not")).to_have_count(0)
    expect(panel.get_by_text("Vendor: Page")).to_be_visible()
    expect(panel.get_by_role("link", name="Vendor: Page")).to_have_count(0)
