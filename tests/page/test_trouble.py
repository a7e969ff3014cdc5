"""A service that is away or overloaded: the page says so in plain words, and goes on by itself when it is back."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.service_process import Service
from tests.page.conftest import QUEUE_LIMIT
from tests.page.sheet import Sheet
from tests.processes import PATIENCE_SECONDS, eventually

pytestmark = pytest.mark.slow
PATIENCE_MS = 1000 * PATIENCE_SECONDS


@pytest.fixture
def well_again(service: Service) -> Iterator[None]:
    """For the tests after this one."""
    yield
    service.wait_until_ready()


def test_a_lost_connection(sheet: Sheet) -> None:
    context = sheet.page.context
    context.set_offline(True)
    sheet.take_sample("a 3")
    expect(sheet.notice).to_contain_text("cannot be reached")
    expect(sheet.answer).to_have_attribute("data-state", "waiting")
    context.set_offline(False)
    sheet.expect_digit("3")
    expect(sheet.notice).to_be_empty()


@pytest.mark.usefixtures("well_again")
def test_an_engine_that_dies(sheet: Sheet, service: Service) -> None:
    sheet.take_sample("a 3")
    sheet.expect_digit("3")
    os.kill(service.engine_pid, signal.SIGKILL)
    eventually(lambda: not service.is_ready())
    sheet.take_sample("a 6")
    expect(sheet.notice).to_contain_text("lost its engine")
    sheet.expect_digit("6")
    expect(sheet.notice).to_be_empty(timeout=PATIENCE_MS)


def test_an_engine_with_too_much_to_do(sheet: Sheet, service: Service) -> None:
    statuses: list[int] = []
    with service.engine_held():
        # Each fills the queue alone: one of them waits in it, and the other is refused at once.
        crowd = [threading.Thread(target=fill_the_queue, args=(service, statuses)) for _ in range(2)]
        for one in crowd:
            one.start()
        eventually(lambda: statuses == [429])
        sheet.take_sample("a 9")
        expect(sheet.notice).to_contain_text("busy")
    for one in crowd:
        one.join()
    assert statuses == [429, 200]
    sheet.expect_digit("9")
    expect(sheet.notice).to_be_empty(timeout=PATIENCE_MS)


def fill_the_queue(service: Service, statuses: list[int]) -> None:
    headers = {"Content-Type": "application/octet-stream", "X-Request-Timeout-Ms": "60000"}
    with service.fresh() as client:
        statuses.append(client.post("/predict", content=bytes(784 * QUEUE_LIMIT), headers=headers).status_code)
