"""How the service ends: what it has accepted it answers, and nothing of it stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket

import pytest

from tests.e2e.crowd import FORMS, Crowd
from tests.e2e.in_flight import in_flight
from tests.e2e.requests import RAW, as_base64, encoded
from tests.e2e.service_process import started
from tests.processes import PATIENCE_SECONDS, eventually
from tests.reference import Reference

pytestmark = pytest.mark.slow
SIGNALS = [signal.SIGTERM, signal.SIGINT]


@pytest.mark.parametrize("signal_number", SIGNALS)
def test_told_to_stop_under_load_it_leaves_no_answer_half_given_and_no_process_behind(
    signal_number: signal.Signals, reference: Reference
) -> None:
    with started(reference.models_dir) as service:
        service.wait_until_ready()
        crowd = Crowd.of(service, reference, clients=32)

        def stop() -> None:
            assert service.stop(signal_number) == 0

        asyncio.run(crowd.ask_during(stop))
        assert crowd.statuses()[200] >= 32
        assert set(crowd.statuses()) <= {200, None}  # None: those that were not accepted
        assert set(crowd.faults()) <= {"unanswered", "refused"}
        assert all(outcome.is_right for outcome in crowd.outcomes if outcome.status == 200)
        assert not service.events("engine_died")
        assert service.events("service_stopping")[-1]["signal"] == signal_number.name
        assert service.events("service_stopped")[-1]["status"] == 0
        assert not service.run_dir.exists()


@pytest.mark.parametrize("signal_number", SIGNALS)
def test_told_to_stop_it_answers_all_that_it_had_accepted(signal_number: signal.Signals, reference: Reference) -> None:
    """The requests are with the engine, which is held until nobody listens any more; a second signal changes nothing."""
    images = reference.images
    requests = [(encoded(images[at]), "image/png") for at in range(10)]
    requests += [(json.dumps(as_base64(images[at : at + 1])).encode(), "application/json") for at in range(5)]
    requests += [(images.tobytes(), RAW["Content-Type"])]
    with started(reference.models_dir) as service:
        service.wait_until_ready()
        with service.engine_held() as engine, in_flight(service, requests) as sent:
            service.family.send(signal_number)
            eventually(lambda: not service.is_listening())
            service.family.send(signal_number)
            os.kill(engine, signal.SIGCONT)
            *singles, bulk = sent.replies()
        assert [reply.digits for reply in singles] == [[at] for at in (*range(10), *range(5))]
        assert len(bulk.digits) == len(images)
        assert service.family.exit_status() == 0
        assert not service.family.alive()


def test_told_to_stop_it_says_so_before_it_takes_no_more_and_a_second_signal_ends_the_notice(
    reference: Reference,
) -> None:
    picture = encoded(reference.images[4])
    with started(reference.models_dir, drain_seconds="600", drain_notice_seconds="300") as service:
        service.wait_until_ready()
        service.family.send(signal.SIGTERM)
        eventually(lambda: not service.is_ready())
        assert service.client.post("/predict", content=picture).status_code == 200
        with service.fresh() as client:  # and new connections are taken
            assert client.post("/predict", content=picture).status_code == 200
            assert client.get("/readyz").status_code == 503
        assert service.client.get("/healthz").status_code == 200
        assert service.stop(signal.SIGTERM) == 0
        assert not service.is_listening()
        assert service.events("service_stopped")[-1]["status"] == 0
        assert not service.run_dir.exists()


def test_interrupted_it_gives_no_notice(reference: Reference) -> None:
    with started(reference.models_dir, drain_seconds="600", drain_notice_seconds="300") as service:
        service.wait_until_ready()
        assert service.stop(signal.SIGINT) == 0


def test_told_to_stop_an_idle_connection_is_not_closed_under_a_request(reference: Reference) -> None:
    with started(reference.models_dir) as service:
        service.wait_until_ready()
        idle = http.client.HTTPConnection(*service.address, timeout=PATIENCE_SECONDS)
        with contextlib.closing(idle):
            idle.request("GET", "/healthz")
            before = idle.getresponse()
            before.read()
            assert before.getheader("connection") != "close"
            service.family.send(signal.SIGTERM)
            eventually(lambda: not service.is_listening())
            idle.request("POST", "/predict", encoded(reference.images[6]), {"Content-Type": "image/png"})
            last = idle.getresponse()
            assert json.loads(last.read())["predictions"][0]["digit"] == 6
            assert last.getheader("connection") == "close"
        assert service.family.exit_status() == 0


def test_told_to_stop_it_does_not_wait_for_ever_for_a_client_that_has_stalled(reference: Reference) -> None:
    with started(reference.models_dir, drain_seconds="1") as service:
        request = FORMS["png"](reference.images[0])
        with socket.create_connection(service.address, timeout=PATIENCE_SECONDS) as stalled:
            stalled.sendall(request[:-1])
            assert service.client.get("/healthz").status_code == 200
            assert service.stop() == 0


def test_told_to_stop_while_it_starts_it_stops(reference: Reference) -> None:
    with started(reference.models_dir) as service:
        assert service.stop() == 0


@pytest.mark.parametrize("victim", ["supervisor", "gunicorn's master"])
def test_when_a_parent_is_killed_its_children_end_too(victim: str, reference: Reference) -> None:
    with started(reference.models_dir, workers="2") as service:
        service.wait_until_ready()
        family = set(service.family.alive())
        assert len(family) >= 5  # supervisor, engine, gunicorn's master, two workers
        os.kill(service.family.pid if victim == "supervisor" else service.http_pid, signal.SIGKILL)
        status = service.family.exit_status()
        eventually(lambda: not service.family.alive())
        assert status == (-signal.SIGKILL if victim == "supervisor" else 1)
        assert not service.is_listening()


def test_a_service_that_was_killed_does_not_stand_in_the_way_of_the_next(reference: Reference) -> None:
    with started(reference.models_dir) as first:
        os.kill(first.family.pid, signal.SIGKILL)
        first.family.exit_status()
        with started(reference.models_dir, run_dir=str(first.run_dir)) as second:
            second.wait_until_ready()
            eventually(lambda: not first.family.alive())
            assert second.is_ready()
