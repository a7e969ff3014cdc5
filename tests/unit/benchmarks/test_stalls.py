"""The table of small requests beside heavy ones; and that photos which fail are not passed over."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from benchmarks import stalls
from benchmarks.load import LoadResult
from benchmarks.server import ServerError
from benchmarks.stalls import Beside


def result(p99_ms: float) -> LoadResult:
    return LoadResult(8, 1000, 2.0, 1.0, p99_ms, 2 * p99_ms, 0)


def test_ratios_are_taken_within_a_round() -> None:
    alone, beside = Beside("", 0), Beside("/predict", 1)
    found = {
        (8, alone): [(result(10.0), 0), (result(40.0), 0), (result(20.0), 0)],
        (8, beside): [(result(20.0), 5), (result(80.0), 6), (result(60.0), 7)],
    }
    table = stalls._table(found)
    cells = [list(column.cells) for column in table.columns]
    assert [column.header for column in table.columns][4] == "p99 to alone"
    assert cells[4] == ["1.00", "2.00"]  # of 2, 2 and 3; the medians' own ratio would be 3
    assert cells[6] == ["0", "18"]


class Refuses(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield site.server_address[1]
        site.shutdown()
        thread.join()


def test_a_photo_that_is_refused_is_an_error(refusing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.drawn.photo", lambda: b"small")

    def until_one_is_answered() -> None:
        with stalls._photos(refusing, Beside("/predict", 2)) as statuses:
            while not statuses:
                threading.Event().wait(0.01)

    with pytest.raises(ServerError, match="503"):
        until_one_is_answered()
