"""A real Prometheus on a free port of the loopback, which looks at one service once a second with the rules that ship."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.monitoring.material import RULES, read_yaml
from tests.processes import PATIENCE_SECONDS, eventually

INTERVAL = "1s"
Series = dict[str, Any]


@dataclass(frozen=True)
class Prometheus:
    """One that is ready."""

    client: httpx.Client

    def get(self, path: str, **parameters: Any) -> Any:
        response = self.client.get(f"/api/v1/{path}", params=parameters)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    def query(self, expression: str) -> list[Series]:
        """Every series that the expression has now."""
        found: list[Series] = self.get("query", query=expression)["result"]
        return found

    def values(self, expression: str, since: float, until: float) -> list[float]:
        """Every number that the expression had, second by second, whatever the series; NaN is none."""
        found = self.get("query_range", query=expression, start=since, end=until, step=1)["result"]
        numbers = [float(value) for series in found for _, value in series["values"]]
        return [number for number in numbers if number == number]  # noqa: PLR0124  (NaN is not itself)

    def label_values(self, query: str) -> list[str]:
        """What Grafana makes of `label_values(selector, label)`."""
        parts = re.fullmatch(r"label_values\((.*), (\w+)\)", query)
        assert parts is not None, query
        found: list[str] = self.get(f"label/{parts[2]}/values", **{"match[]": parts[1]})
        return found


@contextlib.contextmanager
def watching(program: str, service: str, directory: Path) -> Iterator[Prometheus]:
    """Start one that scrapes `service`, host and port, and stop it at the end. Its data lie in `directory`."""
    configuration = read_yaml("prometheus.yml")
    configuration["global"] = {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL}
    configuration["rule_files"] = [str(RULES / "*.yml")]
    (scrape,) = configuration["scrape_configs"]
    del scrape["file_sd_configs"]
    scrape["static_configs"] = [{"targets": [service]}]
    (directory / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    command = [
        program,
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        "--web.listen-address=127.0.0.1:0",
    ]
    log = directory / "prometheus.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
    try:
        address = eventually(lambda: _address(process, log))
        with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=PATIENCE_SECONDS) as client:
            eventually(lambda: client.get("/-/ready").status_code == 200)
            yield Prometheus(client)
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    text = log.read_text()
    assert process.poll() is None, text
    found = re.search(r'msg="Listening on".* address=(127\.0\.0\.1:\d+)', text)
    return found[1] if found else ""
