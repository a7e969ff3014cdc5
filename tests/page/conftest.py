"""A real Chromium on the page of a real service with the models that ship."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.e2e.service_process import Service, started
from tests.page.examples_index import copied_models
from tests.page.sheet import PATIENCE_MS, PICTURE, Sheet, opened
from tests.processes import ensure_command

QUEUE_LIMIT = 64
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all tests of the page. Its queue is short, so that it can be filled, and a new engine comes at once."""
    settings = {"queue_limit": str(QUEUE_LIMIT), "max_pictures": str(QUEUE_LIMIT), "restart_backoff_seconds": "0.1"}
    models = copied_models(tmp_path_factory.mktemp("page"))
    with started(models, default_model="cnn", **settings) as running:
        running.wait_until_ready()
        yield running
        assert not running.events("internal_error")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Debian's browser is; it is installed if it is not."""
    return ensure_command("chromium", "chromium", "it tests the page")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    # Not for the session: while Playwright runs, no other test can run an event loop in this thread.
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        launched = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """A window of its own on the page, wide enough for two columns."""
    with opened(browser, service, ViewportSize(width=1280, height=900)) as page:
        yield page


@pytest.fixture
def sheet(page: Page) -> Sheet:
    return Sheet(page)


@pytest.fixture
def seen(page: Page, sheet: Sheet) -> Page:
    """With the README's seven on the sheet, and what the model sees of it."""
    page.locator("#choose").set_input_files(PICTURE)
    page.locator("#sees").scroll_into_view_if_needed()
    expect(page.locator("#sees")).to_have_attribute("data-state", "shown")
    sheet.expect_digit("7")
    return page
