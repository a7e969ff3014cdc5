"""What the benchmark of endpoints asks, and what it says of the times."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from benchmarks.endpoints import LEFT_OUT, Ask, Timing, UnknownEndpointError, asks, measure, table
from benchmarks.server import ServerError
from service.openapi import document


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections = 0
    seen: list[tuple[str, str, bytes]] = []  # noqa: RUF012 - of the class, which the server makes objects of

    def setup(self) -> None:
        Handler.connections += 1
        super().setup()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Handler.seen.append((self.path, self.headers["Content-Type"], body))
        self.send_response(200 if body == b"well" else 400)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def connection() -> Iterator[http.client.HTTPConnection]:
    Handler.connections, Handler.seen = 0, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found = http.client.HTTPConnection("127.0.0.1", server.server_port)
        try:
            yield found
        finally:
            found.close()
            server.shutdown()
            thread.join()


def test_every_endpoint_there_is_can_be_asked() -> None:
    found = dict(asks(document(), "cnn", 3, "abc"))
    paths = {endpoint.partition(" ")[2] for endpoint in found}
    left = set(document()["paths"]) - paths - LEFT_OUT
    assert all("/labels/{label}" in path or "/versions/{version}" in path for path in left)
    assert {
        "/predict",
        "/models/{name}/nearest",
        "/models/{name}/versions/{version}",
        "/v2/models/{name}/infer",
    } <= paths
    assert not [ask.path for ask in found.values() if "{" in ask.path]
    assert found["GET /models/{name}/versions/{version}"].path == "/models/cnn/versions/3"
    assert found["GET /page/{release}/{name}"].path == "/page/abc/js/main.js"
    assert all(ask.body is None for ask in found.values() if ask.method == "GET")


def test_an_endpoint_that_is_not_known_is_no_gap_in_the_table() -> None:
    with pytest.raises(UnknownEndpointError, match="POST /fold"):
        list(asks({"paths": {"/fold": {"post": {}}}}, "cnn", 1, ""))


def test_all_calls_go_over_one_connection(connection: http.client.HTTPConnection) -> None:
    timing = measure(connection, "POST /fold", Ask("POST", "/fold?a=1", b"well", "text/plain"), 4)
    assert len(timing.milliseconds) == 4
    assert Handler.connections == 1
    assert set(Handler.seen) == {("/fold?a=1", "text/plain", b"well")}


def test_a_wrong_answer_is_not_timed(connection: http.client.HTTPConnection) -> None:
    with pytest.raises(ServerError, match="POST /fold was answered 400"):
        measure(connection, "POST /fold", Ask("POST", "/fold", b"ill", "text/plain"), 4)
    assert len(measure(connection, "POST /fold", Ask("POST", "/fold", b"ill", "text/plain", 400), 4).milliseconds) == 4


def test_the_table() -> None:
    timing = Timing("GET /a", "GET /a", [float(number) for number in range(1, 22)])
    assert timing.median == 11.0
    assert timing.p95 == pytest.approx(20.0)
    assert table([timing]).splitlines()[2] == "| `GET /a` | 11.0 | 20.0 |"
