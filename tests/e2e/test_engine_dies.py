"""The engine is killed, held, and swamped; HTTP goes on, and every request ends in time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from tests.e2e.crowd import Crowd
from tests.e2e.in_flight import Reply, in_flight
from tests.e2e.requests import RAW, as_base64, encoded, error, rows
from tests.e2e.service_process import Service, hold, started
from tests.processes import eventually, eventually_equal
from tests.reference import Reference

pytestmark = pytest.mark.slow
DEADLINE_SECONDS = 60.0
"""Long enough for an engine to be started anew on a busy machine, so that a retry can succeed."""
PNG, JSON, BULK = "image/png", "application/json", RAW["Content-Type"]


@pytest.fixture(scope="module")
def mortal(reference: Reference) -> Iterator[Service]:
    with started(
        reference.models_dir,
        deadline_seconds=str(DEADLINE_SECONDS),
        restart_backoff_limit_seconds="0.5",
    ) as service:
        yield service


@pytest.fixture(autouse=True)
def _is_well_before_and_after(mortal: Service, reference: Reference) -> Iterator[None]:
    mortal.wait_until_ready()
    yield
    mortal.wait_until_ready()
    assert rows(mortal.client.post("/predict", content=encoded(reference.images[5]))).argmax() == 5
    assert not mortal.events("internal_error")


def retry_after_seconds(headers: httpx.Headers) -> int:
    return int(headers.get("retry-after", "0"))


def test_killed_under_load_every_request_ends_in_time_and_the_service_recovers(
    mortal: Service, reference: Reference
) -> None:
    restarts = mortal.metric("digits_engine_restarts_total")
    killed = mortal.engine_pid
    crowd = Crowd.of(mortal, reference, clients=32)

    def kill() -> None:
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: not mortal.is_ready())
        eventually(mortal.is_ready)
        answered = crowd.statuses()[200]
        eventually(lambda: crowd.statuses()[200] > answered + 100)

    asyncio.run(crowd.ask_during(kill))
    assert not crowd.faults()
    assert set(crowd.statuses()) <= {200, 503}
    for outcome in crowd.outcomes:
        assert outcome.seconds < DEADLINE_SECONDS + 10
        assert outcome.is_right if outcome.status == 200 else int(outcome.retry_after or 0) >= 1
    eventually_equal(lambda: mortal.metric("digits_engine_restarts_total"), restarts + 1)
    assert mortal.engine_pid != killed
    assert mortal.client.get("/models").json()["engine"]["pid"] == mortal.engine_pid
    died = mortal.events("engine_died")[-1]
    assert (died["status"], died["level"]) == (-signal.SIGKILL, "error")


def test_what_was_in_flight_when_it_died_is_answered_by_the_next_one(mortal: Service, reference: Reference) -> None:
    images = reference.images
    requests = [(encoded(images[at]), PNG) for at in range(10)] + [(images.tobytes(), BULK)]
    as_json = [(json.dumps(as_base64(images[at : at + 1])).encode(), JSON) for at in range(3)]
    with mortal.engine_held() as pid, in_flight(mortal, requests + as_json) as sent:
        os.kill(pid, signal.SIGKILL)
        *singles, bulk, one, two, three = sent.replies()
    assert [reply.digits for reply in singles] == [[digit] for digit in range(10)]
    assert bulk.digits == reference.probabilities["toy", 2].argmax(axis=1).tolist()
    for digit, reply in enumerate((one, two, three)):  # a thread may have been too slow to ask in time
        assert (reply.status == 503 and retry_after_seconds(reply.headers) >= 1) or reply.digits == [digit]


def test_one_that_hangs_is_replaced_and_what_it_had_is_answered_by_the_next(reference: Reference) -> None:
    # More of them than there are threads, none of which may wait for the engine, or nobody would hear of its silence.
    document = json.dumps(as_base64(reference.images[3:4])).encode()
    requests = [(encoded(reference.images[at]), PNG) for at in range(3)] + [(document, JSON)] * 20
    with started(
        reference.models_dir,
        deadline_seconds=str(DEADLINE_SECONDS),
        deadline_limit_seconds=str(DEADLINE_SECONDS),
        engine_heartbeat_seconds="0.2",
        engine_timeout_seconds="2",
        restart_backoff_seconds="5",  # in which there is none, for us to look
    ) as service:
        service.wait_until_ready()
        with service.engine_held() as pid, in_flight(service, requests) as sent:
            eventually(lambda: not service.is_ready())
            for response in (
                service.client.get("/readyz"),
                service.client.post("/predict", content=encoded(reference.images[0])),
                service.client.post("/predict", json=as_base64(reference.images[:1])),
            ):
                assert response.status_code == 503
                assert retry_after_seconds(response.headers) >= 1
            assert service.client.get("/models").json()["engine"]["ready"] is False
            assert service.metric("digits_engine_up") == 0
            *singles, last = sent.replies()
        answered = [reply for reply in (*singles, last) if reply.status == 200]
        assert [reply.digits for reply in singles[:3]] == [[0], [1], [2]]
        assert all(reply.digits == [3] for reply in answered[3:])
        # A thread may have been too slow to ask while the engine still counted as ready.
        assert all(reply.status in (200, 503) for reply in (*singles, last))
        service.wait_until_ready()
        assert service.engine_pid != pid
        assert service.metric("digits_engine_restarts_total") == 1
        assert service.events("engine_hung")[-1]["pid"] == pid


def test_hung_under_load_every_request_ends_in_time_and_the_service_recovers(reference: Reference) -> None:
    with started(
        reference.models_dir,
        deadline_seconds="4",
        engine_heartbeat_seconds="0.2",
        engine_timeout_seconds="1.5",
        restart_backoff_limit_seconds="0.5",
    ) as service:
        service.wait_until_ready()
        hung = service.engine_pid
        crowd = Crowd.of(service, reference, clients=32)

        def hang() -> None:
            hold(hung)
            eventually(lambda: not service.is_ready())
            eventually(service.is_ready)
            answered = crowd.statuses()[200]
            eventually(lambda: crowd.statuses()[200] > answered + 100)

        asyncio.run(crowd.ask_during(hang))
        assert not crowd.faults()
        assert set(crowd.statuses()) <= {200, 503}
        assert all(outcome.is_right for outcome in crowd.outcomes if outcome.status == 200)
        assert service.engine_pid != hung


def test_a_full_queue_is_429_with_retry_after_and_what_was_in_it_is_answered(
    mortal: Service, reference: Reference
) -> None:
    bulk = np.resize(reference.images, (16_384, 28, 28, 1)).tobytes()
    with mortal.engine_held(), in_flight(mortal, [(bulk, BULK), (bulk, BULK)]) as sent:
        for response in (
            mortal.client.post("/predict", content=bulk, headers=RAW),
            mortal.client.post("/predict", content=encoded(reference.images[0])),
            mortal.client.post("/predict", json=as_base64(reference.images[:1])),
        ):
            assert response.status_code == 429
            assert error(response)["type"] == "queue_full"
            assert retry_after_seconds(response.headers) >= 1
        os.kill(mortal.engine_pid, signal.SIGCONT)
        assert [len(reply.digits) for reply in sent.replies()] == [16_384, 16_384]


def test_past_the_deadline_it_is_504_and_503_when_the_engine_is_gone_or_hangs(reference: Reference) -> None:
    document = json.dumps(as_base64(reference.images[:1])).encode()
    requests = [(encoded(reference.images[0]), PNG), (document, JSON), (reference.images.tobytes(), BULK)]
    with started(reference.models_dir, deadline_seconds="0.00001") as hasty:
        hasty.wait_until_ready()
        for body, content_type in requests:
            response = hasty.client.post("/predict", content=body, headers={"Content-Type": content_type})
            assert (response.status_code, error(response)["type"]) == (504, "deadline_exceeded")

    with started(reference.models_dir, deadline_seconds="3", restart_backoff_seconds="600") as service:
        service.wait_until_ready()
        with service.engine_held(), in_flight(service, requests) as sent:
            late = sent.replies()
        assert [kind_of(reply) for reply in late] == [(503, "not_ready")] * 3
        eventually(lambda: service.client.post("/predict", content=requests[0][0]).status_code == 200)

        with service.engine_held() as pid, in_flight(service, requests) as sent:
            os.kill(pid, signal.SIGKILL)
            lost = sent.replies()
        assert [kind_of(reply) for reply in lost] == [(503, "not_ready")] * 3
        assert all(retry_after_seconds(reply.headers) >= 1 for reply in (*late, *lost))


def kind_of(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.document["error"]["type"]
