"""An engine in a process of its own, and a plain ZeroMQ socket that talks to it as a worker would."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zmq

from service import wire
from service.catalogue import Catalogue
from tests.processes import Family, eventually, is_stopped

FOREVER_SECONDS = 3600.0
Rows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Answer:
    """`probabilities` float32 (N, 10), `energy` float32 (N), as they came."""

    header: wire.Predicted
    probabilities: Rows
    energy: Rows


class Peer:
    """One DEALER socket. What it is sent comes back in any order, so answers are kept by id."""

    def __init__(self, endpoint: str, is_alive: Callable[[], bool]) -> None:
        self._is_alive = is_alive
        self._context = zmq.Context()
        self.socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.socket.setsockopt(zmq.RCVHWM, 0)
        self.socket.connect(endpoint)
        self._ids = itertools.count(1)
        self._answers: dict[int, Answer | wire.Refused] = {}

    def send(
        self,
        model: str,
        version: int,
        images: npt.NDArray[np.uint8] | bytes,
        budget_seconds: float = FOREVER_SECONDS,
    ) -> int:
        """Ask, and return the id to collect the answer by."""
        ident = next(self._ids)
        self.send_frames(wire.encode(wire.Predict(ident, model, version, budget_seconds)), bytes(images))
        return ident

    def send_frames(self, *frames: bytes) -> None:
        self.socket.send_multipart(frames)

    def collect(self, ident: int) -> Answer | wire.Refused:
        while ident not in self._answers:
            message, frames = self._receive()
            if isinstance(message, wire.Predicted):
                energy = np.frombuffer(frames[1], np.float32)
                probabilities = np.frombuffer(frames[0], np.float32).reshape(len(energy), -1)
                self._answers[message.id] = Answer(message, probabilities, energy)
            elif isinstance(message, wire.Refused):
                self._answers[message.id] = message
        return self._answers.pop(ident)

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
        """The engine's next Pong; every earlier one has to have been collected."""
        self.send_frames(wire.encode(wire.Ping(revision)))
        while True:
            message, _ = self._receive()
            if isinstance(message, wire.Pong):
                return message
            assert isinstance(message, wire.Refused), "an answer that nobody has collected"

    def catalogue(self) -> Catalogue:
        found = self.ping().catalogue
        assert found is not None
        return found

    def _receive(self) -> tuple[wire.FromEngine, list[bytes]]:
        # What an engine said before it ended is still there to be read.
        eventually(lambda: self.socket.poll(100) or not self._is_alive())
        assert self.socket.poll(0), "the engine has ended"
        header, *frames = self.socket.recv_multipart()
        return wire.decode_from_engine(header), frames

    def close(self) -> None:
        self.socket.close()
        self._context.term()


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
                yield cls(family, f"ipc://{directory}/engine.sock", run_dir)
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
            with self.connect() as peer:
                return all(v.state != "loading" for v in peer.catalogue().versions)

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

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of its log that tell of `name`."""
        lines = [json.loads(line) for line in self.family.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]
