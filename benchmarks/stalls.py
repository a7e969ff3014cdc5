"""Whether heavy pictures hold up small ones: `python -m benchmarks.stalls`. Needs wrk.

Small requests, one 28×28 PNG each, are measured alone and beside clients that post a photo of 12 megapixels again and
again; each round measures every case once, so that what is compared is from the same minute.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import drawn, load, server
from benchmarks.load import LoadError, LoadResult
from benchmarks.rounds import write_payloads
from benchmarks.server import ServerError

_CONNECTIONS = (1, 8, 32)


@dataclass(frozen=True)
class Beside:
    """What happens beside the small requests: `clients` post the photo to `path`."""

    path: str
    clients: int

    def __str__(self) -> str:
        return f"{self.clients} × {self.path}" if self.clients else "alone"


_CASES = (Beside("", 0), Beside("/predict", 1), Beside("/predict", 4), Beside("/models/cnn/preprocess", 2))


def main() -> int:
    """Measure and print. Exit code 1: it failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stalls", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long one load lasts (4)")
    arguments = parser.parse_args()
    found: dict[tuple[int, Beside], list[tuple[LoadResult, int]]] = {}
    try:
        with tempfile.TemporaryDirectory() as folder, server.running({}) as service:
            small, _ = write_payloads(Path(folder))
            load.run(service.port, small, 8, 2)
            for _ in range(arguments.rounds):
                for connections in _CONNECTIONS:
                    for case in _CASES:
                        with _photos(service.port, case) as answered:
                            result = load.run(service.port, small, connections, arguments.seconds)
                        found.setdefault((connections, case), []).append((result, len(answered)))
    except (LoadError, ServerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    Console(width=max(100, Console().width)).print(_table(found))
    return 0


@contextmanager
def _photos(port: int, case: Beside) -> Iterator[list[int]]:
    """Clients that post the photo until the end; the list grows by one status for each answer.

    :raise ServerError: one was not answered 200.
    """
    photo = drawn.photo()
    over = threading.Event()
    statuses: list[int] = []

    def post() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while not over.is_set():
            connection.request("POST", case.path, photo, {"Content-Type": "image/jpeg"})
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        connection.close()

    clients = [threading.Thread(target=post) for _ in range(case.clients)]
    for client in clients:
        client.start()
    try:
        yield statuses
    finally:
        over.set()
        for client in clients:
            client.join()
    if set(statuses) - {200}:
        raise ServerError(f"photos posted to {case.path} were answered {sorted(set(statuses))}")


def _table(found: dict[tuple[int, Beside], list[tuple[LoadResult, int]]]) -> Table:
    table = Table("connections", "beside", "p50 ms", "p99 ms", "p99 to alone", "requests/s", "photos", "failed")
    for (connections, case), results in found.items():
        alone = found[connections, _CASES[0]]
        # Within a round: the machine is faster in some minutes than in others.
        ratios = [mine.p99_ms / theirs.p99_ms for (mine, _), (theirs, _) in zip(results, alone, strict=True)]
        loads = [result for result, _ in results]
        table.add_row(
            str(connections),
            str(case),
            f"{statistics.median(result.p50_ms for result in loads):.2f}",
            f"{statistics.median(result.p99_ms for result in loads):.2f}",
            f"{statistics.median(ratios):.2f}",
            f"{statistics.median(result.requests_per_second for result in loads):,.0f}",
            str(sum(photos for _, photos in results)),
            str(sum(result.errors for result in loads)),
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
