"""What a model that obeys hostile logs wrote, on the real page: nothing of it is more than text."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from rca_plugin.core.analysis import analysis_to_json
from rca_plugin.core.data import data_folder
from rca_plugin.core.rule_files import load_rules
from rca_plugin.worker.failure_case import FailureCase
from rca_plugin.worker.second_opinion import grounded
from tests.injection.hostile import load_hostile
from tests.web.answers import TWISTED
from tests.web.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.airflow, pytest.mark.timeout(240)]

_RULES = load_rules(data_folder())
_ACTIVE = "main :is(img, svg, script, iframe, b, form, input, button, meta, object, embed)"
_LEADS_AWAY = "a[href*='evil'], a[href^='javascript'], a[href^='data'], a[href^='mailto'], a[href='#E99']"


def test_no_obedient_answer_is_more_than_text(page: Page, site: Site) -> None:
    path = f"/rca/api/v1/incidents/{site.ids[TWISTED]}"
    before = site.get(path)["analysis"]
    page.goto(site.page_of(TWISTED))
    ours = page.locator(_ACTIVE).count()
    try:
        for log in load_hostile():
            case = FailureCase(log.incident(_RULES))
            analysis = grounded(case, log.obeyed(""))
            site.as_task("PUT", f"{path}/analysis", analysis_to_json(analysis))
            page.goto(site.page_of(TWISTED))
            beginning = " ".join(analysis.root_cause.text.split())[:12]
            assert page.locator(".cause-text").inner_text().startswith(beginning), log.name
            assert page.locator(_ACTIVE).count() == ours, log.name
            assert page.locator(_LEADS_AWAY).count() == 0, log.name
            assert page.evaluate("window.hacked") is None, log.name
    finally:
        site.as_task("PUT", f"{path}/analysis", before)
