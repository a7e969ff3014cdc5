"""Many clients at once, and clients that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator

import pytest

from tests.e2e.crowd import FORMS, Crowd
from tests.e2e.requests import as_base64, encoded, rows
from tests.e2e.service_process import MODEL, VERSION, Service, total
from tests.processes import PATIENCE_SECONDS, eventually
from tests.reference import Reference

pytestmark = pytest.mark.slow

CLIENTS = 64
LABELS = {"model": MODEL, "version": str(VERSION)}


def test_of_64_clients_each_gets_its_own_answer_and_they_share_batches(service: Service, reference: Reference) -> None:
    before = service.metrics()
    crowd = Crowd.of(service, reference, CLIENTS)
    asyncio.run(crowd.ask(times=10))
    assert crowd.statuses() == {200: CLIENTS * 10}
    assert all(outcome.is_right for outcome in crowd.outcomes)

    def batches() -> tuple[float, float]:
        after = service.metrics()
        names = ("digits_batch_pictures_sum", "digits_batch_pictures_count")
        pictures, calls = (total(after, name, **LABELS) - total(before, name, **LABELS) for name in names)
        return pictures, calls

    eventually(lambda: batches()[0] == CLIENTS * 10)
    pictures, calls = batches()
    assert pictures / calls > 1.5


@contextlib.contextmanager
def connections(service: Service, count: int, sends: bytes) -> Iterator[list[socket.socket]]:
    """So many connections, on each of which `sends` has been sent and nothing more."""
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            found.append(stack.enter_context(socket.create_connection(service.address, timeout=PATIENCE_SECONDS)))
            found[-1].sendall(sends)
        yield found


def status_of(connection: socket.socket) -> int:
    with connection.makefile("rb") as stream:
        return int(stream.readline().split()[1])


def assert_well(service: Service, reference: Reference) -> None:
    """Every way to an answer is open."""
    assert service.client.get("/healthz").status_code == 200
    png = encoded(reference.images[4])
    for response in (
        service.client.post("/predict", content=png),
        service.client.post("/predict", content=png, headers={"Content-Encoding": "identity"}),
        service.client.post("/predict", json=as_base64(reference.images[4:5])),
    ):
        assert rows(response).argmax() == 4


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("stalls", ["in the head", "before the body", "in the body"])
def test_clients_that_stall_hold_up_nobody_and_are_answered_when_they_go_on(
    stalls: str, form: str, service: Service, reference: Reference
) -> None:
    """More of them than there are threads."""
    request = FORMS[form](reference.images[4])
    head = request.index(b"\r\n\r\n") + 4
    at = {"in the head": 20, "before the body": head, "in the body": head + 10}[stalls]
    with connections(service, 40, request[:at]) as stalled:
        for _ in range(3):
            assert_well(service, reference)
        stalled[0].sendall(request[at:])
        assert status_of(stalled[0]) == 200


@pytest.mark.parametrize("part", [0.3, 0.9, 1.0])
@pytest.mark.parametrize("form", FORMS)
def test_clients_that_hang_up_do_no_harm(part: float, form: str, service: Service, reference: Reference) -> None:
    request = FORMS[form](reference.images[4])
    pids = (service.worker_pids, service.engine_pid)
    with connections(service, 40, request[: int(part * len(request))]):
        pass
    for _ in range(10):
        assert_well(service, reference)
    assert (service.worker_pids, service.engine_pid) == pids
    assert not service.events("internal_error")
    assert "Traceback" not in "".join(service.log_lines())


def test_requests_sent_in_one_go_on_one_connection_are_answered_in_their_order(
    service: Service, reference: Reference
) -> None:
    which = [3, 1, 4, 1, 5, 9, 2, 6]
    sent = b"".join(FORMS["png"](reference.images[at]) for at in which)
    with connections(service, 1, sent) as (connection,), connection.makefile("rb") as stream:
        for at in which:
            headers = dict(line.split(b": ") for line in iter(lambda: stream.readline().strip(), b"") if b": " in line)
            document = json.loads(stream.read(int(headers[b"content-length"])))
            assert document["predictions"][0]["digit"] == reference.labels[at]
