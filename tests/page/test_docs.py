"""`/docs`: the example of every operation runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from tests.e2e.service_process import Service
from tests.page.sheet import opened

pytestmark = pytest.mark.slow
# What TensorFlow Serving has and no model here can do; the description says so too.
REFUSED = re.compile(r":regress$")
UNLOAD = re.compile(r"/unload$")


@pytest.fixture
def docs(browser: Browser, service: Service) -> Iterator[Page]:
    with opened(browser, service, ViewportSize(width=1280, height=900), path="/docs") as page:
        yield page


def outcome(operation: Locator) -> str:
    """Run its example; the line about what came back."""
    operation.locator(":scope > summary").click()
    operation.get_by_role("button", name="Run it").click()
    line = operation.locator(".result .fine")
    expect(line).not_to_be_empty()
    return line.inner_text()


def test_every_example_runs(docs: Page, service: Service) -> None:
    failed = {}
    operations = docs.locator("details.operation")
    assert operations.count() > 30
    for operation in operations.all():
        path = operation.locator("summary code").inner_text()
        if UNLOAD.search(path):
            continue
        line = outcome(operation)
        if line.startswith("2") == bool(REFUSED.search(path)):
            failed[path] = line
    assert not failed
    service.wait_until_ready()


def test_a_model_is_taken_out_of_service_only_on_purpose(docs: Page, service: Service) -> None:
    operation = docs.locator("details.operation", has=docs.get_by_text(UNLOAD)).first
    operation.locator(":scope > summary").click()
    expect(operation.get_by_role("button", name="Run it, and take the model out of service")).to_be_visible()
    assert service.is_ready()


def test_the_examples_answers_are_the_services(docs: Page, service: Service) -> None:
    operation = docs.locator('[id="post-describe"]')
    assert outcome(operation).startswith("200")
    shown = json.loads(operation.locator(".result pre").inner_text().partition("\n…")[0])
    assert shown == service.client.post("/describe", json={"preset": "lenet5"}).json()
