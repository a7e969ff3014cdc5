"""Time per call of every endpoint in `/openapi.json`: `python -m benchmarks.endpoints`.

Each is asked `--calls` times, one after the other on one connection, after a few calls that do not count. What is timed is
the whole exchange as a client sees it. The requests are made out of the description, with the picture of a digit where a
picture is wanted; an endpoint that this file does not know how to ask fails the run, so that none is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks import machine
from benchmarks.server import ROOT, ServerError, running

_WARM_UP_CALLS = 3
_PICTURE = ROOT / "examples" / "seven.png"
_PIXELS = [[[[0]] * 28] * 28]
_LAYER, _CLASS = "conv1", "7"
# Loading and unloading take the model away that the others ask, and `regress` is always refused.
LEFT_OUT = frozenset({"/v2/repository/models/{name}/load", "/v2/repository/models/{name}/unload"})


class UnknownEndpointError(Exception):
    """The description has an endpoint that nobody has said how to ask."""


@dataclass(frozen=True)
class Ask:
    """One request, `path` without its prefix."""

    method: str
    path: str
    body: bytes | None = None
    content_type: str = ""
    status: int = 200

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Type": self.content_type} if self.content_type else {}


@dataclass(frozen=True)
class Timing:
    """What one endpoint took, in milliseconds."""

    endpoint: str
    asked: str
    milliseconds: list[float] = field(repr=False)

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.milliseconds, n=20, method="inclusive")[-1]


def asks(description: Mapping[str, Any], model: str, version: int, release: str) -> Iterator[tuple[str, Ask]]:
    """What to ask each endpoint of an OpenAPI description, with `METHOD path` as the description has it.

    Those below a version and below a label do the same as those below the model, and are left out.

    :raise UnknownEndpointError: there is one that is not known here.
    """
    for path, operations in description["paths"].items():
        if path in LEFT_OUT or "/labels/{label}" in path:
            continue
        if path.startswith(
            ("/models/{name}/versions/{version}/", "/v1/models/{model}/versions", "/v2/models/{name}/versions")
        ):
            continue
        for method in operations:
            yield f"{method.upper()} {path}", _ask(method.upper(), path, model, version, release)


def _ask(method: str, path: str, model: str, version: int, release: str) -> Ask:
    filled = path
    for part, value in (("name", model), ("model", model), ("version", str(version)), ("layer", _LAYER)):
        filled = filled.replace(f"{{{part}}}", value)
    if path == "/page/{release}/{name}":
        return Ask(method, f"/page/{release}/js/main.js")
    if method == "GET":
        return Ask(method, filled + _QUERIES.get(path, ""))
    if path in _DOCUMENTS:
        return Ask(method, filled, json.dumps(_DOCUMENTS[path]).encode(), "application/json", _STATUSES.get(path, 200))
    if path in _PICTURE_QUERIES:
        return Ask(method, filled + _PICTURE_QUERIES[path], _PICTURE.read_bytes(), "image/png")
    raise UnknownEndpointError(f"{method} {path} is new: say in {Path(__file__).name} how to ask it")


_QUERIES = {"/models/{name}/maximize": f"?class={_CLASS}"}
_PICTURE_QUERIES = {
    "/predict": "",
    "/read": "",
    "/convolve": "?kernel=sobel_vertical&format=png",
    "/pool": "?size=4&floor=true&format=png",
    "/models/{name}/preprocess": "",
    "/models/{name}/activations": f"?layer={_LAYER}",
    "/models/{name}/explain": "",
    "/models/{name}/nearest": "",
    "/models/{name}/dream": f"?class={_CLASS}",
}
_DOCUMENTS: dict[str, Any] = {
    "/describe": {"preset": "lenet5"},
    "/v1/models/{model}:predict": {"instances": _PIXELS},
    "/v1/models/{model}:classify": {"examples": [{"image": _PIXELS[0]}]},
    "/v1/models/{model}:regress": {"examples": [{"image": _PIXELS[0]}]},
    "/v2/models/{name}/infer": {
        "inputs": [{"name": "images", "shape": [1, 28, 28, 1], "datatype": "UINT8", "data": _PIXELS}]
    },
    "/v2/repository/index": {},
}
_STATUSES = {"/v1/models/{model}:regress": 400}


def measure(connection: http.client.HTTPConnection, endpoint: str, ask: Ask, calls: int) -> Timing:
    """Ask `calls` times.

    :raise ServerError: an answer has another status than expected.
    """
    found = []
    for call in range(-_WARM_UP_CALLS, calls):
        started = time.perf_counter()
        connection.request(ask.method, ask.path, ask.body, ask.headers)
        response = connection.getresponse()
        body = response.read()
        seconds = time.perf_counter() - started
        if response.status != ask.status:
            raise ServerError(f"{endpoint} was answered {response.status}: {body[:300]!r}")
        if call >= 0:
            found.append(1000 * seconds)
    return Timing(endpoint, f"{ask.method} {ask.path}", found)


def table(timings: list[Timing]) -> str:
    """As Markdown, in the order of the description."""
    lines = ["| endpoint | median, ms | p95, ms |", "|---|---:|---:|"]
    lines += [f"| `{one.endpoint}` | {one.median:.1f} | {one.p95:.1f} |" for one in timings]
    return "\n".join(lines)


def time_all(host: str, port: int, model: str, calls: int) -> list[Timing]:
    """Ask every endpoint of the service there, on one connection.

    :raise ServerError: it does not answer as described.
    :raise UnknownEndpointError: it has an endpoint that is not known here.
    """
    connection = http.client.HTTPConnection(host, port, timeout=120)
    with contextlib.closing(connection):
        description = _get(connection, "/openapi.json")
        versions = _get(connection, f"/models/{model}")["versions"]
        version = max(one["version"] for one in versions if one["state"] == "available")
        timings = []
        for endpoint, ask in asks(description, model, version, _release(connection)):
            timings.append(measure(connection, endpoint, ask, calls))
            print(f"{timings[-1].median:9.1f} ms  {endpoint}", file=sys.stderr)
        return timings


def _get(connection: http.client.HTTPConnection, path: str) -> dict[str, Any]:
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise ServerError(f"GET {path} was answered {response.status}: {body[:300]!r}")
    return dict(json.loads(body))


def _release(connection: http.client.HTTPConnection) -> str:
    """The stamp in the addresses of the page's scripts."""
    connection.request("GET", "/", headers={"Accept": "text/html"})
    page = connection.getresponse().read().decode()
    return page.partition('src="page/')[2].partition("/")[0]


def main() -> int:
    """Print the table; exit code 1: an endpoint did not answer as it should."""
    arguments = _parser().parse_args()
    try:
        with contextlib.ExitStack() as stack:
            if arguments.url:
                host, port = urlsplit(arguments.url).hostname or "", urlsplit(arguments.url).port or 80
            else:
                settings = {"DIGITS_MODELS_DIR": str(arguments.models_dir), "DIGITS_DEFAULT_MODEL": arguments.model}
                host, port = "127.0.0.1", stack.enter_context(running(settings)).port
            timings = time_all(host, port, arguments.model, arguments.calls)
    except (ServerError, UnknownEndpointError, OSError, http.client.HTTPException) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    about = machine.describe()
    busy = f"{about['processor']}, {about['cores']} cores, load before {about['load before']}"
    print(f"{busy}; {arguments.calls} calls each, one at a time, model {arguments.model}\n\n{table(timings)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.endpoints", description="Time per call of each endpoint."
    )
    parser.add_argument("--url", help="a running service, http://host:port; without it one is started")
    parser.add_argument("--models-dir", type=Path, default=ROOT / "models", help="directory of models (models)")
    parser.add_argument("--model", default="cnn", help="the model that is asked (cnn)")
    parser.add_argument("--calls", type=_calls, default=50, help="how often each endpoint is asked (50)")
    return parser


def _calls(text: str) -> int:
    number = int(text)
    if not 2 <= number <= 10_000:
        raise argparse.ArgumentTypeError("2 to 10000")
    return number


if __name__ == "__main__":
    sys.exit(main())
