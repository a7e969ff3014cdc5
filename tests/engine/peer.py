"""An engine in a process of its own, and a connection that talks to it as a worker would."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import signal
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from service import wire
from service.catalogue import Catalogue
from service.transport import Channel, dial
from tests.processes import Family, eventually, is_stopped

FOREVER_SECONDS = 3600.0
Rows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Ran:
    """What a signature answered, by output."""

    header: wire.Ran
    outputs: dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Answer:
    """`probabilities` float32 (N, 10), `energy` float32 (N), as they came."""

    header: wire.Predicted
    probabilities: Rows
    energy: Rows


Reply = Answer | Ran | wire.Refused | wire.Controlled


class Peer:
    """One connection. What it is sent comes back in any order, so answers are kept by id."""

    def __init__(self, endpoint: str, is_alive: Callable[[], bool]) -> None:
        self._is_alive = is_alive
        self._channel = self._connected(endpoint)
        self._come: deque[list[memoryview]] = deque()
        self._ids = itertools.count(1)
        self._answers: dict[int, Reply] = {}
        self.held: Catalogue | None = None
        """The catalogue that came last, asked for or not."""

    def send(
        self,
        model: str,
        version: int,
        images: npt.NDArray[np.uint8] | bytes,
        budget_seconds: float = FOREVER_SECONDS,
        bulk: bool | None = None,
    ) -> int:
        """Ask, and return the id to collect the answer by. As a worker would, it calls more than 64 pictures bulk."""
        ident = next(self._ids)
        payload = bytes(images)
        is_bulk = len(payload) > 64 * 784 if bulk is None else bulk
        self.send_frames(wire.encode(wire.Predict(ident, model, version, budget_seconds, is_bulk)), payload)
        return ident

    def send_run(
        self,
        model: str,
        version: int,
        signature: str,
        inputs: dict[str, npt.NDArray[Any]],
        outputs: tuple[str, ...] = (),
        budget_seconds: float = FOREVER_SECONDS,
    ) -> int:
        """Call a signature, and return the id to collect the answer by."""
        ident = next(self._ids)
        tensors = tuple(wire.Tensor(name, array.dtype.name, array.shape) for name, array in inputs.items())
        header = wire.Run(ident, model, version, signature, tensors, outputs, budget_seconds)
        self.send_frames(wire.encode(header), *(array.tobytes() for array in inputs.values()))
        return ident

    def run(self, model: str, version: int, signature: str, **inputs: npt.NDArray[Any]) -> Ran:
        found = self.collect(self.send_run(model, version, signature, inputs))
        assert isinstance(found, Ran), found
        return found

    def control(self, action: Literal["load", "unload"], model: str) -> wire.Controlled:
        ident = next(self._ids)
        self.send_frames(wire.encode(wire.Control(ident, action, model)))
        found = self.collect(ident)
        assert isinstance(found, wire.Controlled), found
        return found

    def cancel(self, ident: int) -> None:
        self.send_frames(wire.encode(wire.Cancel(ident)))

    def send_frames(self, *frames: bytes) -> None:
        assert self._channel.send(frames)

    def has_come(self) -> bool:
        """Whether there is an answer that nobody has collected; sends what is left to be sent, too."""
        poller = select.poll()
        poller.register(self._channel.fileno(), select.POLLIN | (select.POLLOUT if self._channel.unsent else 0))
        if poller.poll(100):
            self._channel.flush()
            self._come += self._channel.receive()
        return bool(self._come)

    def collect(self, ident: int) -> Reply:
        while ident not in self._answers:
            self._keep(*self._receive())
        return self._answers.pop(ident)

    def _keep(self, message: wire.FromEngine, frames: list[memoryview]) -> None:
        match message:
            case wire.Predicted():
                energy = np.frombuffer(frames[1], np.float32)
                probabilities = np.frombuffer(frames[0], np.float32).reshape(len(energy), -1)
                self._answers[message.id] = Answer(message, probabilities, energy)
            case wire.Ran():
                arrays = {
                    tensor.name: np.frombuffer(frame, tensor.dtype).reshape(tensor.shape)
                    for tensor, frame in zip(message.tensors, frames, strict=True)
                }
                self._answers[message.id] = Ran(message, arrays)
            case wire.Refused() | wire.Controlled():
                self._answers[message.id] = message
            case wire.Pong():
                self.held = message.catalogue or self.held

    def answer(self, ident: int) -> Answer:
        found = self.collect(ident)
        assert isinstance(found, Answer), found
        return found

    def refusal(self, ident: int) -> wire.Refused:
        found = self.collect(ident)
        assert isinstance(found, wire.Refused), found
        return found

    def ask(self, model: str, version: int, images: npt.NDArray[np.uint8] | bytes) -> Answer:
        return self.answer(self.send(model, version, images))

    def ping(self, revision: str = "") -> wire.Pong:
        """The engine's next Pong."""
        self.send_frames(wire.encode(wire.Ping(revision)))
        while True:
            message, frames = self._receive()
            self._keep(message, frames)
            if isinstance(message, wire.Pong):
                return message

    def catalogue(self) -> Catalogue:
        """The newest one; the engine knows afterwards which one this peer held before."""
        self.ping(self.held.revision if self.held else "")
        assert self.held is not None
        return self.held

    def states(self, model: str = "toy") -> dict[int, str]:
        """Of the model's versions, by number, in the newest catalogue."""
        return {v.version: v.state for v in self.catalogue().versions if v.name == model}

    def pushed(self) -> Catalogue:
        """The catalogue that comes next without being asked for; what was answered meanwhile is kept."""
        before = self.held
        while self.held is before:
            self._keep(*self._receive())
        assert self.held is not None
        return self.held

    def _receive(self) -> tuple[wire.FromEngine, list[memoryview]]:
        # What an engine said before it ended is still there to be read.
        eventually(lambda: self.has_come() or not self._is_alive())
        assert self.has_come(), "the engine has ended"
        header, *frames = self._come.popleft()
        return wire.decode_from_engine(header), frames

    def _connected(self, endpoint: str) -> Channel:
        found: list[Channel] = []

        def reached() -> bool:
            assert self._is_alive(), "the engine has ended"
            with contextlib.suppress(OSError):
                found.append(Channel(dial(endpoint)))
            return bool(found)

        eventually(reached)
        return found[0]

    def close(self) -> None:
        self._channel.close()


@dataclass(frozen=True)
class Engine:
    """`python -m service.engine`, running."""

    family: Family
    endpoint: str
    run_dir: Path

    @classmethod
    @contextlib.contextmanager
    def started(cls, models_dir: Path, **settings: str) -> Iterator[Engine]:
        """Start one that loads all versions in `models_dir`; nothing of it is left afterwards.

        `settings`, in small letters and without their prefix, go before the usual ones.
        """
        with tempfile.TemporaryDirectory(prefix="digits-") as directory:  # short: a socket's path has 107 bytes at most
            run_dir = Path(directory)
            (run_dir / "metrics").mkdir()
            wanted = {
                "models_dir": str(models_dir),
                "run_dir": directory,
                "default_model": "toy",
                "version_policy": "all",
                "device": "cpu",
                **settings,
            }
            variables = {f"DIGITS_{name.upper()}": value for name, value in wanted.items()}
            family = Family(["-m", "service.engine"], variables, run_dir / "log")
            try:
                yield cls(family, f"ipc://{directory}/engine-0.sock", run_dir)
            finally:
                family.end()

    @contextlib.contextmanager
    def connect(self) -> Iterator[Peer]:
        peer = Peer(self.endpoint, lambda: self.family.process.poll() is None)
        try:
            yield peer
        finally:
            peer.close()

    def wait_until_loaded(self) -> None:
        """Until every version has been looked at."""

        def loaded() -> bool:
            assert self.family.process.poll() is None, self.family.log.read_text()
            return all(v.state != "loading" for v in peer.catalogue().versions)

        with self.connect() as peer:
            eventually(loaded)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """What is sent meanwhile is found all at once when it runs on."""
        os.kill(self.family.pid, signal.SIGSTOP)
        try:
            eventually(lambda: is_stopped(self.family.pid))
            yield
        finally:
            os.kill(self.family.pid, signal.SIGCONT)

    def metric(self, name: str, **labels: str) -> float:
        """What its process has written of a metric by now; 0 if nothing."""
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self.run_dir / "metrics"))  # type: ignore[no-untyped-call]
        return registry.get_sample_value(name, labels) or 0.0

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of its log that tell of `name`."""
        lines = [json.loads(line) for line in self.family.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]
