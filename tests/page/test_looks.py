"""How the pages look in both themes and on narrow screens, and that nobody is kept out."""

from __future__ import annotations

from typing import get_args

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.e2e.service_process import Service
from tests.page import axe
from tests.page.sheet import Sheet, Theme, opened

pytestmark = pytest.mark.slow
WIDE = ViewportSize(width=1280, height=900)
NARROW = ViewportSize(width=360, height=740)


@pytest.fixture(scope="module")
def axe_script(tmp_path_factory: pytest.TempPathFactory) -> str:
    return axe.fetch(tmp_path_factory.mktemp("axe"))


def overflow(page: Page) -> list[str]:
    """What makes the page wider than the screen."""
    found: list[str] = page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] :
            [...document.querySelectorAll("body *")]
                .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
                .map((element) => `${element.tagName}.${element.className}#${element.id}`)
                .concat("the page")"""
    )
    return found


@pytest.mark.parametrize("theme", get_args(Theme))
def test_everything_open(browser: Browser, service: Service, axe_script: str, theme: Theme) -> None:
    with opened(browser, service, WIDE, theme=theme) as page:
        Sheet(page).open_all()
        assert not axe.violations(page, axe_script)
        page.set_viewport_size(NARROW)
        assert not overflow(page)
        assert not axe.violations(page, axe_script)


def test_an_empty_sheet(page: Page, axe_script: str) -> None:
    assert not axe.violations(page, axe_script)


@pytest.mark.parametrize("sample", ["a star, which is no digit", "a row of digits, 1954"])
def test_answers_of_other_kinds(sheet: Sheet, axe_script: str, sample: str) -> None:
    sheet.take_sample(sample)
    expect(sheet.page.locator("#took")).not_to_be_empty()
    expect(sheet.page.locator("#row" if "row" in sample else "#sentence")).to_be_visible()
    assert not axe.violations(sheet.page, axe_script)


@pytest.mark.parametrize("theme", get_args(Theme))
def test_the_api(browser: Browser, service: Service, axe_script: str, theme: Theme) -> None:
    with opened(browser, service, WIDE, theme=theme, path="/docs") as page:
        for name in ("post-predict", "get-models-name-layers", "post-v2-models-name-infer"):
            page.locator(f'[id="{name}"] > summary').click()
        page.locator("#post-predict").get_by_role("button", name="Run it").click()
        expect(page.locator("#post-predict .result pre")).to_contain_text('"digit": 7')
        assert not axe.violations(page, axe_script)
        page.set_viewport_size(NARROW)
        assert not overflow(page)


def test_the_switch_goes_round_the_themes_and_is_remembered(page: Page) -> None:
    switch = page.get_by_role("button", name="Theme")
    paper = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    switch.click()
    assert page.evaluate(paper) == light
    switch.click()
    expect(switch).to_have_accessible_name("Theme: dark")
    dark = page.evaluate(paper)
    assert dark != light
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.evaluate(paper) == dark


def test_it_can_be_used_with_the_keyboard_alone(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the sheet")).to_be_focused()
    page.get_by_role("button", name="Sample: a 5").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#digit")).to_have_text("5")
