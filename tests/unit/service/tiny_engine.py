"""A real engine in small: a thread that speaks `service.wire` and computes with NumPy.

    with TinyEngine(settings.endpoint) as engine: ...    # bound on entry; closed, without a word, on exit
    engine.hold(); engine.release()                      # answers wait, answers go out
    engine.wait_for(2)                                   # blocks until two predictions have been asked for
    engine.mute = True                                   # lives, and lets heartbeats go unanswered
    engine.serve(CNN, OTHER, push=True)                  # another catalogue, and all workers are told at once
    engine.die()                                         # gone, with whatever it still owed

`PROBED` has signatures that can be called: `saliency`, `filters` and `serving_default`. What is held stays so until it
is released or cancelled. Every instance has an engine id of its own, so a second one on the same endpoint is an engine
that was restarted.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

import msgspec
import numpy as np
import numpy.typing as npt

from service import wire
from service.catalogue import Catalogue, Device, ModelVersion, Offer
from service.transport import Hub
from tests.unit.service.tiny_model import (
    CARD,
    CNN,
    FUNCTIONS,
    PROBED,
    SIGNATURES,
    Tensors,
    classify,
    filters,
    saliency,
)

INFERENCE_SECONDS = 100.0
"""What it says inference took. Longer than any test runs, so that what a client takes for queueing, the rest, is 0."""

WAIT_SECONDS = 20.0
"""How long a test waits for what must come; only a test that fails gets there."""

SERVES = ("available", "unloading")
"""States in which a version answers."""

__all__ = [
    "CARD",
    "CNN",
    "INFERENCE_SECONDS",
    "PROBED",
    "SIGNATURES",
    "WAIT_SECONDS",
    "TinyEngine",
    "classify",
    "filters",
    "saliency",
]
_numbers = count(1)


class RefusedError(Exception):
    """Its arguments are a reason and a message."""


@dataclass(frozen=True)
class Asked:
    """A prediction that was asked for, as it came over the wire."""

    peer: bytes
    header: wire.Predict
    images: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Called:
    """A signature that was called, as it came over the wire."""

    peer: bytes
    header: wire.Run
    tensors: Tensors


class TinyEngine:
    """See the module's text. Its methods may be called from any thread but its own."""

    def __init__(self, endpoint: str, *versions: ModelVersion, ready: bool = True) -> None:
        self.endpoint = endpoint
        self.asked: list[Asked] = []
        self.called: list[Called] = []
        self.cancelled: list[int] = []
        self.controlled: list[wire.Control] = []
        self.revisions_heard: set[str] = set()
        """Those that pings have brought."""
        self.refusal: tuple[str, str] | None = None
        """Answer with this reason and message, whatever is asked."""
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
        self._held: list[Asked | Called] | None = None
        self._peers: set[bytes] = set()
        self._heard = threading.Condition()
        self._actions: SimpleQueue[tuple[Callable[[], None], Future[None]]] = SimpleQueue()
        self._hub = Hub()
        self._running = False
        self._thread = threading.Thread(target=self._run, name="tiny-engine")

    def __enter__(self) -> Self:
        bound: Future[None] = Future()
        self._actions.put((lambda: None, bound))
        self._hub.wake()
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

    def wait_for_calls(self, number: int) -> None:
        """Block until so many signatures have been called, all in all."""
        self._wait(lambda: len(self.called) >= number)

    def wait_for_cancels(self, number: int) -> None:
        """Block until so many messages have been cancelled, all in all."""
        self._wait(lambda: len(self.cancelled) >= number)

    def wait_for_controls(self, number: int) -> None:
        """Block until so many controls have come, all in all."""
        self._wait(lambda: len(self.controlled) >= number)

    def wait_until_known(self) -> None:
        """Block until a worker has said that it goes by the present catalogue."""
        self._wait(lambda: self.catalogue.revision in self.revisions_heard)

    def serve(
        self,
        *versions: ModelVersion,
        ready: bool = True,
        offers: dict[str, Offer] | None = None,
        push: bool = False,
    ) -> None:
        """Another catalogue, with a new revision; the workers hear of it at once, or with the next heartbeat."""

        def change() -> None:
            self.ready = ready
            self._change(versions, offers)
            if push:
                self._push()

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

    def _wait(self, condition: Callable[[], bool]) -> None:
        with self._heard:
            if not self._heard.wait_for(condition, WAIT_SECONDS):
                raise AssertionError(
                    f"never came; so far {len(self.asked)} messages, {len(self.called)} calls and {self.pings} pings"
                )

    # --- in its thread

    def _do(self, action: Callable[[], None]) -> None:
        done: Future[None] = Future()
        self._actions.put((action, done))
        self._hub.wake()
        done.result(WAIT_SECONDS)

    def _run(self) -> None:
        self._hub.bind(self.endpoint)
        self._running = True
        done: list[Future[None]] = []
        while self._running:
            self._hub.wait(None)
            for peer, frames in self._hub.receive():
                self._receive(peer, *frames)
            while not self._actions.empty():
                action, future = self._actions.get()
                action()
                done.append(future)
            while done and self._running:
                done.pop().set_result(None)
        self._hub.close()
        # A death is over when the socket is closed, not before.
        for future in done:
            future.set_result(None)

    def _receive(self, peer: bytes, header: memoryview, *payload: memoryview) -> None:
        message = wire.decode_to_engine(header)
        self._peers.add(peer)
        with self._heard:
            if isinstance(message, wire.Ping):
                self._pong(peer, message)
            elif isinstance(message, wire.Predict):
                self._predict(peer, message, *payload)
            elif isinstance(message, wire.Run):
                self._call(peer, message, payload)
            elif isinstance(message, wire.Cancel):
                self._cancel(peer, message)
            else:
                self._control(peer, message)
            self._heard.notify_all()

    def _pong(self, peer: bytes, ping: wire.Ping) -> None:
        self.revisions_heard.add(ping.revision)
        if self.mute:
            return
        news = None if ping.revision == self.catalogue.revision else self.catalogue
        self.catalogues_sent += news is not None  # before whoever hears it can ask
        self._send(peer, [wire.encode(wire.Pong(self.catalogue.revision, self.ready, 0, news))])
        self.pings += 1

    def _push(self) -> None:
        for peer in self._peers:
            self.catalogues_sent += 1
            self._send(peer, [wire.encode(wire.Pong(self.catalogue.revision, self.ready, 0, self.catalogue))])

    def _predict(self, peer: bytes, message: wire.Predict, pixels: memoryview) -> None:
        version = self._version(message)
        shape = version.input_shape if version else (len(pixels),)
        asked = Asked(peer, message, np.frombuffer(pixels, np.uint8).reshape(-1, *shape))
        self.asked.append(asked)
        self._admit(asked, version)

    def _call(self, peer: bytes, message: wire.Run, payload: Sequence[memoryview]) -> None:
        tensors = {
            tensor.name: np.frombuffer(frame, tensor.dtype).reshape(tensor.shape)
            for tensor, frame in zip(message.tensors, payload, strict=True)
        }
        called = Called(peer, message, tensors)
        self.called.append(called)
        self._admit(called, self._version(message))

    def _version(self, message: wire.Predict | wire.Run) -> ModelVersion | None:
        key = (message.model, message.version)
        return next((v for v in self.catalogue.versions if (v.name, v.version) == key and v.state in SERVES), None)

    def _admit(self, work: Asked | Called, version: ModelVersion | None) -> None:
        if version is None:
            self._refuse(work, "unknown_version", "it is not loaded")
        elif self._held is None:
            self._answer(work)
        else:
            self._held.append(work)

    def _cancel(self, peer: bytes, message: wire.Cancel) -> None:
        self.cancelled.append(message.id)
        if self._held is not None:
            self._held = [work for work in self._held if (work.peer, work.header.id) != (peer, message.id)]

    def _control(self, peer: bytes, message: wire.Control) -> None:
        """`unload` takes a model's versions out, `load` brings them back; the catalogue goes before the answer."""
        self.controlled.append(message)
        of_it = [v for v in self.catalogue.versions if v.name == message.model]
        reason, error = self.refusal or ("", "")
        if self.refusal is None and not of_it:
            reason, error = "unknown_model", f"there is no model {message.model!r}"
        if not reason:
            unload = message.action == "unload"
            changes: dict[str, Any] = (
                {"state": "failed", "reason": "unloaded"} if unload else {"state": "available", "reason": None}
            )
            self._change(
                tuple(msgspec.structs.replace(v, **changes) if v in of_it else v for v in self.catalogue.versions)
            )
            self._push()
        if not self.mute:
            self._send(peer, [wire.encode(wire.Controlled(message.id, error, reason))])

    def _change(self, versions: tuple[ModelVersion, ...], offers: dict[str, Offer] | None = None) -> None:
        changes: dict[str, Any] = {"revision": f"revision-{next(_numbers)}", "versions": versions}
        if offers is not None:
            changes["offers"] = offers
        self.catalogue = msgspec.structs.replace(self.catalogue, **changes)

    def _answer(self, work: Asked | Called) -> None:
        if self.refusal is not None:
            self._refuse(work, *self.refusal)
        elif isinstance(work, Called):
            try:
                given = self._compute(work)
            except RefusedError as refused:
                self._refuse(work, *refused.args)
                return
            described = tuple(wire.Tensor(name, array.dtype.name, array.shape) for name, array in given.items())
            header = wire.encode(wire.Ran(work.header.id, 0.0, INFERENCE_SECONDS, described))
            self._send(work.peer, self.distort([header, *(array.tobytes() for array in given.values())]))
        else:
            probabilities, energy = classify(work.images)
            header = wire.encode(wire.Predicted(work.header.id, 0.0, INFERENCE_SECONDS))
            self._send(work.peer, self.distort([header, probabilities.tobytes(), energy.tobytes()]))

    def _compute(self, work: Called) -> Tensors:
        version = self._version(work.header)
        signature = version.signatures.get(work.header.signature) if version else None
        if signature is None:
            raise RefusedError("unknown_signature", f"there is no signature {work.header.signature!r}")
        if work.tensors.keys() != signature.inputs.keys():
            raise RefusedError("malformed_request", f"inputs must be {sorted(signature.inputs)}")
        for name, array in work.tensors.items():
            shape = signature.inputs[name].shape or ()
            if len(shape) != array.ndim or any(
                want not in (-1, has) for want, has in zip(shape, array.shape, strict=True)
            ):
                raise RefusedError("wrong_shape", f"{name} must be {shape}, not {array.shape}")
        if not set(work.header.outputs) <= signature.outputs.keys():
            raise RefusedError("malformed_request", f"outputs are {sorted(signature.outputs)}")
        given = FUNCTIONS[work.header.signature](**work.tensors)
        return {name: given[name] for name in work.header.outputs or given}

    def _refuse(self, work: Asked | Called, reason: str, message: str) -> None:
        self._send(work.peer, [wire.encode(wire.Refused(work.header.id, reason, message))])

    def _send(self, peer: bytes, frames: list[Any]) -> None:
        if frames:
            self._hub.send(peer, frames)

    def _hold(self) -> None:
        self._held = []

    def _release(self) -> None:
        held, self._held = self._held or [], None
        for work in held:
            self._answer(work)

    def _stop(self) -> None:
        self._running = False
