"""Two engines: one of them dies or hangs under load, and no caller sees it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.crowd import Crowd
from tests.e2e.service_process import Service, hold, started
from tests.processes import eventually, eventually_equal
from tests.reference import Reference

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def twins(reference: Reference) -> Iterator[Service]:
    with started(
        reference.models_dir,
        engines="2",
        deadline_seconds="30",
        engine_heartbeat_seconds="0.2",
        engine_timeout_seconds="3",
        restart_backoff_limit_seconds="0.5",
    ) as service:
        service.wait_until_ready()
        yield service
        assert not service.events("internal_error")


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def endpoints_up(service: Service) -> list[float]:
    """In the view of its worker."""
    return [value for (name, _), value in service.metrics().items() if name == "digits_engine_up"]


@pytest.mark.parametrize("harm", [kill, hold])
def test_one_that_goes_is_not_noticed(twins: Service, reference: Reference, harm: Callable[[int], None]) -> None:
    eventually_equal(lambda: endpoints_up(twins), [1.0, 1.0])
    restarts = twins.metric("digits_engine_restarts_total")
    before = set(twins.engine_pids)
    assert len(before) == 2
    victim = min(before)
    crowd = Crowd.of(twins, reference, clients=32)

    def happening() -> None:
        harm(victim)
        eventually(lambda: len(twins.engine_pids) == 2 and victim not in twins.engine_pids)
        eventually_equal(lambda: endpoints_up(twins), [1.0, 1.0])
        answered = crowd.statuses()[200]
        eventually(lambda: crowd.statuses()[200] > answered + 100)

    asyncio.run(crowd.ask_during(happening))
    assert set(crowd.statuses()) == {200}
    assert all(outcome.is_right for outcome in crowd.outcomes)
    assert twins.metric("digits_engine_restarts_total") == restarts + 1
    assert len(before & set(twins.engine_pids)) == 1
