"""`python -m benchmarks.chaos`, or `make chaos`: does the service keep its word while everything around it changes?

Clients ask without a pause while, one after the other, versions are published, HTTP workers are replaced, engines are
killed and hung, and the service is stopped. Every request is accounted for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.crowd import Crowd, Errand, Tally
from benchmarks.drawn import draw_digit, png
from benchmarks.processes import descendants, start_ticks, survey
from benchmarks.server import ROOT, Server, ServerError, running

PATIENCE_SECONDS = 90.0
DIGITS_SURELY_READ = (0, 3, 7)


@dataclass(frozen=True)
class Phase:
    """What was done, and how the requests of that time ended."""

    name: str
    seconds: float
    tally: Tally
    engine_mib: float
    worker_mib: float


class Chaos:
    """One service under load, and what is done to it."""

    def __init__(self, server: Server, models_dir: Path, model: str, engines: int, console: Console) -> None:
        self._server = server
        self._model_dir = models_dir / model
        self._model = model
        self._engines = engines
        self._console = console
        self._http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=30)
        self._crowd = Crowd(server.port, errands(model), clients=32)
        self.phases: list[Phase] = []

    async def run(self, reloads: int, restarts: int, kills: int, hangs: int) -> None:
        self._crowd.begin()
        await self._phase("nothing", 1, self._nothing)
        await self._phase("a version published and taken over", reloads, self._reload)
        await self._phase("HTTP workers replaced (SIGHUP)", restarts, self._replace_workers)
        await self._phase("an engine killed (SIGKILL)", kills, self._kill_engine)
        await self._phase("an engine hung (SIGSTOP)", hangs, self._hang_engine)
        await self._phase("nothing again", 1, self._nothing)
        await self._http.aclose()
        await self._phase("the service stopped (SIGTERM)", 1, self._stop)

    async def _phase(self, name: str, times: int, do: Callable[[], Awaitable[None]]) -> None:
        if not times:
            return
        self._crowd.turn_over()
        started = time.monotonic()
        for number in range(times):
            self._console.print(f"{name}: {number + 1} of {times}", end="\r")
            await do()
            if number == 4 or (number + 1) % 10 == 0:
                engine_mib, worker_mib = self._memory_mib()
                self._console.print(
                    f"{name}: after {number + 1} engine {engine_mib:.0f} MiB, worker {worker_mib:.0f} MiB"
                )
        await asyncio.sleep(0.5)
        engine_mib, worker_mib = self._memory_mib()
        seconds = time.monotonic() - started
        title = f"{name} × {times}" if times > 1 else name
        self.phases.append(Phase(title, seconds, self._crowd.turn_over(), engine_mib, worker_mib))

    def _memory_mib(self) -> tuple[float, float]:
        sizes: dict[str, list[float]] = {"engine": [0.0], "HTTP worker": [0.0]}
        for process in survey(self._server.pid):
            if process.role in sizes:
                sizes[process.role].append(process.memory.rss_bytes / 2**20)
        return max(sizes["engine"]), max(sizes["HTTP worker"])

    # --- what is done

    async def _nothing(self) -> None:
        await asyncio.sleep(5)

    async def _reload(self) -> None:
        """Publish a copy as the next version, wait until it alone answers, remove its predecessor."""
        versions = sorted(int(path.name) for path in self._model_dir.iterdir() if path.name.isdigit())
        newest = versions[-1]
        publish_copy(self._model_dir / str(newest), newest + 1)
        await self._until(lambda: self._answers_with(newest + 1))
        for version in versions:
            shutil.rmtree(self._model_dir / str(version))
        await self._until(lambda: self._serves_only(newest + 1))

    async def _replace_workers(self) -> None:
        before = self._pids("HTTP worker")
        os.kill(self._server.pid, signal.SIGHUP)

        async def replaced() -> bool:
            now = self._pids("HTTP worker")
            return bool(now) and not now & before

        await self._until(replaced)

    async def _kill_engine(self) -> None:
        await self._strike(signal.SIGKILL)

    async def _hang_engine(self) -> None:
        await self._strike(signal.SIGSTOP)

    async def _strike(self, signal_number: signal.Signals) -> None:
        before = self._pids("engine")
        victim = min(before)
        os.kill(victim, signal_number)

        async def replaced() -> bool:
            if start_ticks(victim) is not None or len(self._pids("engine")) < self._engines:
                return False
            return await self._engines_ready() == self._engines

        await self._until(replaced)

    async def _stop(self) -> None:
        self._crowd.closing = True
        family = {pid: start_ticks(pid) for pid in descendants(self._server.pid)}
        os.kill(self._server.pid, signal.SIGTERM)

        async def gone() -> bool:
            return all(start_ticks(pid) != ticks for pid, ticks in family.items())

        await self._until(gone)
        await self._crowd.leave()

    # --- what is seen

    def _pids(self, role: str) -> set[int]:
        return {process.pid for process in survey(self._server.pid) if process.role == role}

    async def _answers_with(self, version: int) -> bool:
        response = await self._http.post("/predict", content=png(draw_digit(7)), params={"model": self._model})
        return bool(response.status_code == 200 and response.json()["version"] == version)

    async def _serves_only(self, version: int) -> bool:
        response = await self._http.get(f"/models/{self._model}")
        return response.status_code == 200 and [v["version"] for v in response.json()["versions"]] == [version]

    async def _engines_ready(self) -> int:
        response = await self._http.get("/metrics")
        lines = [line for line in response.text.splitlines() if line.startswith("digits_engine_up{")]
        return sum(line.endswith(" 1.0") for line in lines)

    async def _until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                if await condition():
                    return
            except httpx.TransportError:
                pass  # the same that the crowd meets, and counts
            await asyncio.sleep(0.02)
        raise ServerError(f"waited {PATIENCE_SECONDS:.0f} s in vain")


def errands(model: str) -> list[Errand]:
    """Small pictures of digits that any model reads."""
    found = []
    for digit in DIGITS_SURELY_READ:
        body = png(draw_digit(digit))
        head = f"POST /predict?model={model} HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {len(body)}\r\n\r\n"
        found.append(Errand(head.encode() + body, f'"digit":{digit},'.encode()))
    return found


def publish_copy(source: Path, version: int) -> None:
    """`source`, a version's directory, once more as `version` beside it: whole from the first moment on."""
    with tempfile.TemporaryDirectory(prefix=".", dir=source.parent) as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(source, copy)
        card_path = copy / "assets.extra" / "card.json"
        card: dict[str, Any] = json.loads(card_path.read_text())
        card_path.write_text(json.dumps({**card, "version": version}))
        copy.rename(source.parent / str(version))


@contextmanager
def copied_models(models_dir: Path, model: str) -> Iterator[Path]:
    """A models directory of one's own, with the newest version of `model` as 1."""
    versions = [int(path.name) for path in (models_dir / model).iterdir() if path.name.isdigit()]
    with tempfile.TemporaryDirectory(prefix="digits-") as folder:
        (Path(folder) / "models" / model).mkdir(parents=True)
        shutil.copytree(models_dir / model / str(max(versions)), Path(folder) / "models" / model / str(max(versions)))
        yield Path(folder)


def table(phases: list[Phase]) -> Table:
    """One row a phase."""
    found = Table(
        "what happened", "s", "sent", "200", "503", "failed", "p50 ms", "p99 ms", "max ms", "engine MiB", "worker MiB"
    )
    for phase in phases:
        times = sorted(phase.tally.milliseconds) or [float("nan")]
        failed = {end: n for end, n in phase.tally.ends.items() if end not in ("200", "503")}
        found.add_row(
            phase.name,
            f"{phase.seconds:.0f}",
            str(phase.tally.sent),
            str(phase.tally.ends["200"]),
            str(phase.tally.ends["503"]),
            "0" if not failed else " ".join(f"{n} {end}" for end, n in sorted(failed.items())),
            f"{statistics.median(times):.1f}",
            f"{times[int(len(times) * 0.99)]:.1f}",
            f"{times[-1]:.0f}",
            f"{phase.engine_mib:.0f}",
            f"{phase.worker_mib:.0f}",
        )
    return found


def main() -> int:
    """Exit status 0 if no request failed, 1 if any did, or the service did not come back."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(stderr=True, highlight=False)
    with copied_models(arguments.models_dir, arguments.model) as folder:
        environment = {
            "DIGITS_MODELS_DIR": str(folder / "models"),
            "DIGITS_RUN_DIR": str(folder / "run"),
            "DIGITS_DEFAULT_MODEL": arguments.model,
            "DIGITS_ENGINES": str(arguments.engines),
            "DIGITS_DEVICE": "cpu",
            # One death after the other is what is done here; in earnest a longer pause would be right.
            "DIGITS_RESTART_BACKOFF_LIMIT_SECONDS": "0.5",
            "DIGITS_ACCESS_LOG_PER_SECOND": "0",
        }
        chaos: Chaos | None = None
        try:
            with running(environment) as server:
                chaos = Chaos(server, folder / "models", arguments.model, arguments.engines, console)
                asyncio.run(chaos.run(arguments.reloads, arguments.restarts, arguments.kills, arguments.hangs))
        except ServerError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        finally:
            if chaos is not None:
                Console(highlight=False, width=max(Console().width, 130)).print(table(chaos.phases))
    return 1 if any(phase.tally.failed for phase in chaos.phases) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--engines", type=int, default=1, help="engine processes (1)")
    parser.add_argument("--reloads", type=int, default=50, help="versions published (50)")
    parser.add_argument("--restarts", type=int, default=5, help="rolling restarts of the HTTP workers (5)")
    parser.add_argument("--kills", type=int, default=20, help="engines killed (20)")
    parser.add_argument("--hangs", type=int, default=2, help="engines hung (2)")
    parser.add_argument("--models-dir", type=Path, default=ROOT / "models", help="directory of models (models)")
    parser.add_argument("--model", default="cnn", help="the model that answers (cnn)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
