"""How the pages look: Airflow's color mode, contrast, narrow windows, and where the keyboard is."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Frame, Page, expect

from tests.web.conftest import screenshot
from tests.web.site import IN_AIRFLOW, LIST, LONG, PLAIN, PLAIN_TASK, Site

pytestmark = [pytest.mark.browser, pytest.mark.airflow, pytest.mark.timeout(600)]

RESOURCE = f"{PLAIN}/{PLAIN_TASK}"
BACKGROUND = "() => getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(22, 29, 45)"

# Every text of the page with less contrast than WCAG 2 asks for (4.5 to 1), as "ratio text".
TOO_FAINT = """
() => {
  const rgb = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb(color).map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return rgb(color)[3] === 0 && element.parentElement ? behind(element.parentElement) : color;
  };
  const ratio = (element) => {
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  const own = (element) => [...element.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join("");
  return [...document.body.querySelectorAll("*")]
    .filter((element) => own(element) && ratio(element) < 4.5)
    .map((element) => `${ratio(element).toFixed(1)} ${own(element).slice(0, 40)}`);
}
"""
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def frame_of(page: Page) -> Frame:
    expect(page.frame_locator("iframe").locator("h1")).to_be_visible()
    [frame] = page.main_frame.child_frames
    return frame


def choose_appearance(page: Page, mode: str) -> None:
    page.get_by_role("button", name="User").click()
    page.get_by_role("menuitem", name="Appearance").hover()
    page.get_by_role("menuitemradio", name=mode).click()


def test_an_open_page_follows_airflows_switch(page: Page) -> None:
    page.goto(IN_AIRFLOW)
    frame = frame_of(page)
    assert frame.evaluate(BACKGROUND) == LIGHT
    choose_appearance(page, "Dark Mode")
    frame.wait_for_function(f"({BACKGROUND})() === '{DARK}'")
    page.keyboard.press("Escape")
    expect(page.locator("html")).to_have_class("dark")
    expect(page.get_by_role("menuitem", name="Logout")).to_be_hidden()
    screenshot(page, "list-dark")
    page.goto("/")
    page.get_by_role("button", name="Browse").click()
    icon = page.get_by_role("menuitem", name="Incidents").locator("img")
    expect(icon).to_have_attribute("src", re.compile(r"/static/icon-dark\.svg$"))
    screenshot(page, "navigation-dark")


def test_the_dark_page_has_the_color_of_airflows_own(page: Page) -> None:
    page.goto(IN_AIRFLOW)
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.reload()
    assert frame_of(page).evaluate(BACKGROUND) == DARK
    airflow = page.evaluate(
        """() => {
          const canvas = document.createElement("canvas").getContext("2d");
          canvas.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--chakra-colors-bg");
          canvas.fillRect(0, 0, 1, 1);
          return `rgb(${[...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).join(", ")})`;
        }"""
    )
    assert airflow == DARK


@pytest.mark.parametrize(
    ("system", "chosen", "expected"),
    [
        ("dark", None, DARK),
        ("dark", "system", DARK),
        ("dark", "light", LIGHT),
        ("light", "system", LIGHT),
        ("light", "dark", DARK),
    ],
)
def test_airflows_choice_goes_before_the_systems(
    open_as: Callable[..., Page], system: str, chosen: str | None, expected: str
) -> None:
    page = open_as(color_scheme=system)
    page.goto(LIST)
    if chosen:
        page.evaluate("theme => localStorage.setItem('theme', theme)", chosen)
        page.reload()
    assert page.evaluate(BACKGROUND) == expected


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_stands_out_from_what_is_behind_it(
    open_as: Callable[..., Page], site: Site, theme: str
) -> None:
    page = open_as(color_scheme=theme)
    for url in (LIST, f"{LIST}?text=nothing+of+the+kind", *(site.page_of(resource) for resource in site.ids)):
        page.goto(url)
        assert page.evaluate(TOO_FAINT) == [], url
    page.goto(site.page_of(RESOURCE))
    screenshot(page, f"incident-{theme}", full=True)


def test_in_a_narrow_window_all_of_the_list_is_there(open_as: Callable[..., Page]) -> None:
    page = open_as(viewport={"width": 800, "height": 900})
    page.goto(IN_AIRFLOW)
    frame = frame_of(page)
    assert frame.evaluate(OVERFLOW) == 0
    table = frame.locator(".table")
    assert table.evaluate("table => table.scrollWidth - table.clientWidth") == 0
    expect(frame.locator("td.when").first).to_be_in_viewport(ratio=1)
    screenshot(page, "list-800")


def test_in_a_narrow_window_all_of_an_incident_is_there(open_as: Callable[..., Page], site: Site) -> None:
    page = open_as(viewport={"width": 800, "height": 900})
    long = next(resource for resource in site.ids if resource.startswith(LONG[:50]))
    for resource in (RESOURCE, long):
        page.goto(f"{IN_AIRFLOW}{site.page_of(resource)}")
        frame = frame_of(page)
        assert frame.evaluate(OVERFLOW) == 0, resource
        failures = frame.locator(".table")
        assert failures.evaluate("table => table.scrollWidth - table.clientWidth") == 0, resource
        screenshot(page, f"incident-800-{'long' if resource is long else 'usual'}")


def test_a_long_name_does_not_fill_the_list(page: Page) -> None:
    page.goto(f"{LIST}?text={LONG[:50]}")
    [row] = page.locator("tbody tr").all()
    box = row.bounding_box()
    assert box
    assert box["height"] < 100


FOCUSED = """
() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  return {name: element.name || element.innerText, outline: `${style.outlineStyle} ${style.outlineWidth}`};
}
"""


def test_the_keyboard_reaches_everything_and_shows_where_it_is(page: Page) -> None:
    page.goto(f"{IN_AIRFLOW}{LIST}?limit=2")
    frame = frame_of(page)
    frame.get_by_label("Search").focus()
    reached = [frame.evaluate(FOCUSED)]
    while reached[-1]["name"] != "Next →":
        page.keyboard.press("Tab")
        reached.append(frame.evaluate(FOCUSED))
        assert len(reached) < 30, reached
    assert {focused["outline"] for focused in reached} == {"solid 2px"}
    names = [focused["name"] for focused in reached]
    assert names[:7] == ["text", "status", "source", "category", "priority", "Search", "Incident"]
    assert sum(name.startswith("RCA-") for name in names) == 2


def test_an_incident_opens_and_shows_its_evidence_by_keyboard(page: Page, site: Site) -> None:
    page.goto(site.page_of(RESOURCE))
    page.locator("#E1 summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#E1 pre")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    screenshot(page, "keyboard-focus")
    assert page.locator("#E1 summary").evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
