"""The engine's loop: receive everything that waits, run one batch, answer, again.

One thread. While the device works, ZeroMQ's own thread takes in what arrives; that is the queue that the next batch is
made of. A failure inside a batch answers every request in it, and the loop lives on.
"""

from __future__ import annotations

import signal
import socket
import time
from dataclasses import dataclass
from types import FrameType

import msgspec
import numpy as np
import numpy.typing as npt
import zmq

from service import logs, metrics, wire
from service.engine.batcher import Batch, Batcher, QueueFullError, Work
from service.engine.runtime import TENSORFLOW_VERSION, Predictions, Runtime
from service.engine.shelf import Served, Shelf
from service.settings import Settings

log = logs.get(__name__)


@dataclass(slots=True)
class Request:
    """A worker's message while its pictures wait and run: where the answer goes, and the numbers in and out."""

    peer: bytes
    id: int
    images: npt.NDArray[np.uint8]
    """(N, H, W, C)"""
    probabilities: npt.NDArray[np.float32] | None = None
    """(N, K), filled slice by slice when one batch does not hold them all."""
    energy: npt.NDArray[np.float32] | None = None
    done: int = 0


class Server:
    """Owns the socket and the queue; `Shelf` owns the models."""

    def __init__(self, settings: Settings, runtime: Runtime) -> None:
        self._endpoint = settings.endpoint
        self._runtime = runtime
        self._shelf = Shelf(settings, runtime)
        self._batcher: Batcher[Request] = Batcher(settings.max_batch_size, settings.queue_limit)
        self._stopping = False
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 1000)
        # A signal only sets a flag; this pair makes it end a wait.
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_write.setblocking(False)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._wake_read.fileno(), zmq.POLLIN)

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; what had arrived by then is answered first. Blocks."""
        signal.set_wakeup_fd(self._wake_write.fileno())
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signal_number, self._stop)
        self._socket.bind(self._endpoint)
        log.info(
            "engine_listening",
            endpoint=self._endpoint,
            device=self._runtime.device.name,
            threads=self._runtime.threads,
            tensorflow=TENSORFLOW_VERSION,
        )
        last_look = False
        while not (last_look and not self._batcher.waiting_pictures):
            busy = self._batcher.waiting_pictures or self._shelf.loading or self._stopping
            self._poller.poll(0 if busy else None)
            if not last_look:
                # What came while the device was busy is seen only now, so one look is taken after the signal too.
                last_look = self._stopping
                self._receive()
            self._drop_expired()
            batch = self._batcher.next_batch(time.monotonic())
            metrics.QUEUE_PICTURES.set(self._batcher.waiting_pictures)
            if batch is not None:
                self._run(batch)
            elif self._shelf.loading:
                self._shelf.load_next()
        self._socket.close()
        self._context.term()
        log.info("engine_stopped")

    def _stop(self, _: int, __: FrameType | None) -> None:
        self._stopping = True

    # --- what arrives

    def _receive(self) -> None:
        while True:
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            peer = frames[0].bytes
            try:
                message = wire.decode_to_engine(frames[1].buffer)
                if isinstance(message, wire.Ping):
                    self._pong(peer, message)
                else:
                    self._admit(peer, message, frames[2].buffer)
            except (msgspec.MsgspecError, IndexError) as error:
                log.error("bad_message", error=str(error), frames=len(frames))

    def _admit(self, peer: bytes, message: wire.Predict, payload: memoryview) -> None:
        key = (message.model, message.version)
        served = self._shelf.get(key)
        if served is None:
            self._refuse(peer, message.id, "unknown_version", f"{message.model}/{message.version} is not loaded")
            return
        shape = served.version.input_shape
        if not payload.nbytes or payload.nbytes % served.picture_bytes:
            self._refuse(peer, message.id, "wrong_shape", f"{payload.nbytes} bytes are no whole number of {shape}")
            return
        images = np.frombuffer(payload, np.uint8).reshape(-1, *shape)
        now = time.monotonic()
        request = Request(peer, message.id, images)
        try:
            self._batcher.add(Work(request, key, len(images), now, now + message.budget_seconds))
        except QueueFullError:
            waiting = self._batcher.waiting_pictures
            self._refuse(peer, message.id, "queue_full", f"{waiting} pictures are waiting already")

    def _drop_expired(self) -> None:
        for work in self._batcher.drop_expired(time.monotonic()):
            metrics.DROPPED_PICTURES.inc(work.pictures)
            self._refuse(work.owner.peer, work.owner.id, "deadline_exceeded", "its deadline passed in the queue")

    # --- what runs

    def _run(self, batch: Batch[Request]) -> None:
        served = self._shelf[batch.key]
        started = time.monotonic()
        try:
            predictions = served.model.predict(self._lay_together(batch, served))
        except Exception:
            # Whatever the runtime throws, those who wait are told, and the next batch has its chance.
            log.exception("batch_failed", model=batch.key[0], version=batch.key[1], pictures=batch.pictures)
            for part in batch.slices:
                self._batcher.cancel(part.work)
                self._refuse(part.work.owner.peer, part.work.owner.id, "internal_error", "inference failed")
            return
        seconds = time.monotonic() - started
        at = 0
        for part in batch.slices:
            count = part.stop - part.start
            self._deliver(part.work, predictions, at, count, seconds)
            at += count
        served.batch_pictures.observe(batch.pictures)
        served.batch_seconds.observe(seconds)

    def _lay_together(self, batch: Batch[Request], served: Served) -> npt.NDArray[np.uint8]:
        """The batch's pictures in one array of a warmed size; no copy when one request fills it exactly."""
        size = self._shelf.padded(batch.pictures)
        first = batch.slices[0]
        if first.stop - first.start == size:
            return first.work.owner.images[first.start : first.stop]
        at = 0
        for part in batch.slices:
            count = part.stop - part.start
            served.buffer[at : at + count] = part.work.owner.images[part.start : part.stop]
            at += count
        return served.buffer[:size]

    def _deliver(self, work: Work[Request], predictions: Predictions, at: int, count: int, seconds: float) -> None:
        """Answer `work` with `count` rows from `at`, or keep them until the rest of its slices have run."""
        request = work.owner
        probabilities = predictions.probabilities[at : at + count]
        energy = predictions.energy[at : at + count]
        if count < work.pictures:
            if request.probabilities is None or request.energy is None:
                request.probabilities = np.empty((work.pictures, probabilities.shape[1]), np.float32)
                request.energy = np.empty(work.pictures, np.float32)
            request.probabilities[request.done : request.done + count] = probabilities
            request.energy[request.done : request.done + count] = energy
            request.done += count
            if request.done < work.pictures:
                return
            probabilities, energy = request.probabilities, request.energy
            seconds = time.monotonic() - work.first_taken_seconds
        queued_seconds = work.first_taken_seconds - work.arrived_seconds
        header = wire.encode(wire.Predicted(request.id, queued_seconds, seconds))
        self._send([request.peer, header, probabilities.data, energy.data])

    # --- what is said

    def _pong(self, peer: bytes, ping: wire.Ping) -> None:
        catalogue = self._shelf.catalogue
        news = None if ping.revision == catalogue.revision else catalogue
        pong = wire.Pong(catalogue.revision, self._shelf.ready, self._batcher.waiting_pictures, news)
        self._send([peer, wire.encode(pong)])

    def _refuse(self, peer: bytes, request_id: int, reason: str, message: str) -> None:
        self._send([peer, wire.encode(wire.Refused(request_id, reason, message))])

    def _send(self, frames: list[bytes | memoryview]) -> None:
        try:
            self._socket.send_multipart(frames, zmq.NOBLOCK, copy=False)
        except zmq.Again:  # a worker that has stopped reading is not waited for: its requests end by their deadline
            log.warning("worker_not_reading")
