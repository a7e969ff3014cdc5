"""A real engine in small: a thread with a ROUTER socket that speaks `service.wire` and computes with NumPy.

    with TinyEngine(settings.endpoint) as engine: ...    # bound on entry; closed, without a word, on exit
    engine.hold(); engine.release()                      # answers wait, answers go out
    engine.wait_for(2)                                   # blocks until two predictions have been asked for
    engine.mute = True                                   # lives, and lets heartbeats go unanswered
    engine.die()                                         # gone, with whatever it still owed

Every instance has an engine id of its own, so a second one on the same endpoint is an engine that was restarted.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

import msgspec
import numpy as np
import numpy.typing as npt
import zmq

from service import wire
from service.catalogue import Catalogue, Device, ModelVersion

INFERENCE_SECONDS = 100.0
"""What it says inference took. Longer than any test runs, so that what a client takes for queueing, the rest, is 0."""

WAIT_SECONDS = 20.0
"""How long a test waits for what must come; only a test that fails gets there."""

CARD: dict[str, Any] = {
    "labels": [str(digit) for digit in range(10)],
    "input": {"shape": [28, 28, 1], "dtype": "uint8", "preparation": "mnist"},
    "dataset": {"name": "mnist"},
    "architecture": {"parameters": 1234, "macs": 5678},
    "metrics": {"test": {"accuracy": 0.99}},
}
CNN = ModelVersion("cnn", 1, "available", None, CARD)

Answer = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
_numbers = count(1)


def classify(images: npt.NDArray[np.uint8], classes: int = 10) -> Answer:
    """Probabilities (N, classes) and energies (N): every pixel of a picture counts, no two of its classes tie."""
    sums = images.reshape(len(images), -1).astype(np.int64).sum(axis=1, keepdims=True)
    weights = ((sums + 7 * np.arange(classes)) % classes + 1.0) ** 2
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    return probabilities.astype(np.float32), (-sums[:, 0] / 1000).astype(np.float32)


@dataclass(frozen=True)
class Asked:
    """A prediction that was asked for, as it came over the wire."""

    peer: bytes
    header: wire.Predict
    images: npt.NDArray[np.uint8]


class TinyEngine:
    """See the module's text. Its methods may be called from any thread but its own."""

    def __init__(self, endpoint: str, *versions: ModelVersion, ready: bool = True) -> None:
        self.endpoint = endpoint
        self.asked: list[Asked] = []
        self.refusal: tuple[str, str] | None = None
        """Answer with this reason and message."""
        self.distort: Callable[[list[Any]], list[Any]] = list
        """What becomes of an answer's frames (header, probabilities, energies) before they are sent."""
        self.mute = False
        self.ready = ready
        self.pings = 0
        self.catalogues_sent = 0
        self.catalogue = Catalogue(
            revision=f"revision-{next(_numbers)}",
            engine_id=f"engine-{next(_numbers)}",
            engine_pid=os.getpid(),
            started="2024-01-01T00:00:00+00:00",
            tensorflow="0.0",
            device=Device("cpu", "CPU"),
            versions=versions or (CNN,),
        )
        self._held: list[Asked] | None = None
        self._heard = threading.Condition()
        self._actions: SimpleQueue[tuple[Callable[[], None], Future[None]]] = SimpleQueue()
        self._wake_read, self._wake_write = socket.socketpair()
        self._running = False
        self._thread = threading.Thread(target=self._run, name="tiny-engine")

    def __enter__(self) -> Self:
        bound: Future[None] = Future()
        self._actions.put((lambda: None, bound))
        self._wake_write.send(b".")
        self._thread.start()
        bound.result(WAIT_SECONDS)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.die()

    # --- what a test does with it

    def hold(self) -> None:
        """Keep what is asked from now on, and answer nothing."""
        self._do(self._hold)

    def release(self) -> None:
        """Answer all that was held, in order, and go on as usual."""
        self._do(self._release)

    def wait_for(self, messages: int) -> None:
        """Block until so many predictions have been asked for, all in all."""
        self._wait(lambda: len(self.asked) >= messages)

    def wait_for_pings(self, number: int) -> None:
        """Block until so many more heartbeats have been answered."""
        goal = self.pings + number
        self._wait(lambda: self.pings >= goal)

    def serve(self, *versions: ModelVersion, ready: bool = True) -> None:
        """Another catalogue, with a new revision; the workers hear of it with the next heartbeat."""

        def change() -> None:
            self.ready = ready
            revision = f"revision-{next(_numbers)}"
            self.catalogue = msgspec.structs.replace(self.catalogue, revision=revision, versions=versions)

        self._do(change)

    def be_replaced(self) -> None:
        """Become another engine on the same connection, as behind a proxy: a new id, and no memory of what was asked."""

        def replace() -> None:
            names = {"revision": f"revision-{next(_numbers)}", "engine_id": f"engine-{next(_numbers)}"}
            self.catalogue = msgspec.structs.replace(self.catalogue, **names)
            self._held = None

        self._do(replace)

    def die(self) -> None:
        """Close the socket at once; what was asked stays unanswered. Does nothing the second time."""
        if self._thread.is_alive():
            self._do(self._stop)
        self._thread.join(WAIT_SECONDS)
        self._wake_read.close()
        self._wake_write.close()

    def _wait(self, condition: Callable[[], bool]) -> None:
        with self._heard:
            if not self._heard.wait_for(condition, WAIT_SECONDS):
                raise AssertionError(f"never came; so far {len(self.asked)} messages and {self.pings} pings")

    # --- in its thread

    def _do(self, action: Callable[[], None]) -> None:
        done: Future[None] = Future()
        self._actions.put((action, done))
        self._wake_write.send(b".")
        done.result(WAIT_SECONDS)

    def _run(self) -> None:
        with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
            self._router = router
            router.setsockopt(zmq.LINGER, 0)
            router.bind(self.endpoint)
            poller = zmq.Poller()
            poller.register(router, zmq.POLLIN)
            poller.register(self._wake_read.fileno(), zmq.POLLIN)
            self._running = True
            done: list[Future[None]] = []
            while self._running:
                for ready, _ in poller.poll():
                    if ready is router:
                        self._receive(*router.recv_multipart())
                    else:
                        self._wake_read.recv(1)
                        action, future = self._actions.get()
                        action()
                        done.append(future)
                while done and self._running:
                    done.pop().set_result(None)
        # A death is over when the socket is closed, not before.
        for future in done:
            future.set_result(None)

    def _receive(self, peer: bytes, header: bytes, pixels: bytes = b"") -> None:
        message = wire.decode_to_engine(header)
        with self._heard:
            if isinstance(message, wire.Ping):
                self._pong(peer, message)
            else:
                self._admit(peer, message, pixels)
            self._heard.notify_all()

    def _pong(self, peer: bytes, ping: wire.Ping) -> None:
        if self.mute:
            return
        news = None if ping.revision == self.catalogue.revision else self.catalogue
        self._send(peer, [wire.encode(wire.Pong(self.catalogue.revision, self.ready, 0, news))])
        self.pings += 1
        self.catalogues_sent += news is not None

    def _admit(self, peer: bytes, message: wire.Predict, pixels: bytes) -> None:
        available = {(v.name, v.version): v for v in self.catalogue.versions if v.state == "available"}
        version = available.get((message.model, message.version))
        shape = version.input_shape if version else (len(pixels),)
        asked = Asked(peer, message, np.frombuffer(pixels, np.uint8).reshape(-1, *shape))
        self.asked.append(asked)
        if version is None:
            self._send(peer, [wire.encode(wire.Refused(message.id, "unknown_version", "it is not loaded"))])
        elif self._held is None:
            self._answer(asked)
        else:
            self._held.append(asked)

    def _answer(self, asked: Asked) -> None:
        if self.refusal is not None:
            self._send(asked.peer, [wire.encode(wire.Refused(asked.header.id, *self.refusal))])
            return
        probabilities, energy = classify(asked.images)
        header = wire.encode(wire.Predicted(asked.header.id, 0.0, INFERENCE_SECONDS))
        self._send(asked.peer, self.distort([header, probabilities.tobytes(), energy.tobytes()]))

    def _send(self, peer: bytes, frames: list[Any]) -> None:
        if frames:
            self._router.send_multipart([peer, *frames])

    def _hold(self) -> None:
        self._held = []

    def _release(self) -> None:
        held, self._held = self._held or [], None
        for asked in held:
            self._answer(asked)

    def _stop(self) -> None:
        self._running = False
