"""Several HTTP workers: one may go, and neither callers nor counters notice more than they must."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import Iterator

import pytest

from tests.e2e.crowd import Crowd
from tests.e2e.requests import encoded, rows
from tests.e2e.service_process import Samples, Service, started, total
from tests.processes import eventually
from tests.reference import Reference

pytestmark = pytest.mark.slow
COUNTED = ("_total", "_count", "_sum", "_bucket")


@pytest.fixture(scope="module")
def pair(reference: Reference) -> Iterator[Service]:
    with started(reference.models_dir, workers="2") as service:
        service.wait_until_ready()
        eventually(lambda: len(service.events("engine_ready")) == 2)  # each has found the engine
        yield service


def assert_no_counter_went_down(readings: list[Samples]) -> None:
    for before, after in itertools.pairwise(readings):
        for (name, labels), value in before.items():
            if name.endswith(COUNTED):
                assert after.get((name, labels), 0) >= value, (name, labels)


def test_when_a_worker_is_killed_under_load_others_answer_counters_stay_and_another_comes(
    pair: Service, reference: Reference
) -> None:
    before = pair.worker_pids
    assert len(before) == 2
    killed = before[0]
    readings: list[Samples] = []
    crowd = Crowd.of(pair, reference, clients=16)

    def counted() -> bool:
        readings.append(fresh_metrics(pair))
        return total(readings[-1], "digits_predictions_total") > 0

    def kill() -> None:
        eventually(counted)
        os.kill(killed, signal.SIGKILL)

        def replaced() -> bool:
            readings.append(fresh_metrics(pair))
            return len(pair.worker_pids) == 2 and killed not in pair.worker_pids

        eventually(replaced)
        eventually(lambda: len(pair.events("engine_ready")) >= 3)
        answered = crowd.statuses()[200]
        eventually(lambda: crowd.statuses()[200] > answered + 100)

    asyncio.run(crowd.ask_during(kill))
    readings.append(fresh_metrics(pair))
    assert len(readings) > 2
    assert_no_counter_went_down(readings)
    # Its connections are gone, at most one request on each; nothing else has happened to anyone.
    assert set(crowd.faults()) <= {"unanswered"}
    assert crowd.faults().total() <= len(crowd.errands)
    assert set(crowd.statuses()) <= {200, None}  # the new one takes no requests before it has heard from the engine
    assert all(outcome.is_right for outcome in crowd.outcomes if outcome.status == 200)
    assert total(readings[-1], "digits_engine_up") == 1
    assert total(readings[-1], "digits_engine_restarts_total") == 0


def test_hung_up_it_changes_its_workers_without_a_failed_request(pair: Service, reference: Reference) -> None:
    """Three times over, under load on connections that are kept: each is told to close, and none is cut or refused."""
    readings = [fresh_metrics(pair)]
    crowd = Crowd.of(pair, reference, clients=16)

    def change() -> None:
        for _ in range(3):
            before = set(pair.worker_pids)
            pair.family.send(signal.SIGHUP)
            eventually(lambda: len(pair.worker_pids) == 2 and not before & set(pair.worker_pids))  # noqa: B023
            answered = crowd.statuses()[200]
            eventually(lambda: crowd.statuses()[200] > answered + 100)  # noqa: B023

    asyncio.run(crowd.ask_during(change))
    readings.append(fresh_metrics(pair))
    assert_no_counter_went_down(readings)
    assert set(crowd.statuses()) == {200}
    assert all(outcome.is_right for outcome in crowd.outcomes)
    assert sum(outcome.told_to_close for outcome in crowd.outcomes) >= len(crowd.errands)
    assert rows(pair.client.post("/predict", content=encoded(reference.images[2]))).argmax() == 2


def fresh_metrics(service: Service) -> Samples:
    """Over a connection of its own, to whichever worker takes it."""
    with service.fresh() as client:
        return service.metrics(client)
