"""Requests that have surely been accepted and surely not been answered yet."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.e2e.service_process import Service
from tests.processes import PATIENCE_SECONDS


@dataclass(frozen=True)
class Reply:
    """How a request was answered in the end."""

    status: int
    headers: httpx.Headers
    document: dict[str, Any]

    @property
    def digits(self) -> list[int]:
        assert self.status == 200, self.document
        return [prediction["digit"] for prediction in self.document["predictions"]]


@dataclass(frozen=True)
class InFlight:
    """Requests on a connection each; `replies` waits for the answers to all of them."""

    connections: Sequence[http.client.HTTPConnection]

    def replies(self) -> list[Reply]:
        found = []
        for connection in self.connections:
            response = connection.getresponse()
            found.append(Reply(response.status, httpx.Headers(response.getheaders()), json.loads(response.read())))
        return found


@contextlib.contextmanager
def in_flight(service: Service, requests: Sequence[tuple[bytes, str]]) -> Iterator[InFlight]:
    """Send `requests`, each a body and its content type, while the engine is held.

    The service must have one worker. Its event loop reads connections in the order in which something came over them,
    so once it has answered on a connection that is younger than all these, it has read them all, and those that no
    thread has to take apart first are with the engine.
    """
    with contextlib.ExitStack() as stack:
        connections = []
        for body, content_type in requests:
            connection = http.client.HTTPConnection(*service.address, timeout=PATIENCE_SECONDS)
            stack.callback(connection.close)
            connection.request("POST", "/predict", body, {"Content-Type": content_type})
            connections.append(connection)
        with service.fresh() as younger:
            assert younger.get("/healthz").status_code == 200
        yield InFlight(connections)
