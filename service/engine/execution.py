"""Runs batches and calls on the device and answers them. Belongs to the loop, which stands still meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service import logs, metrics, wire
from service.engine.batcher import Batch, Batcher, Work
from service.engine.loader import Served
from service.engine.model import Predictions
from service.engine.runs import Call
from service.engine.runtime import INPUTS_DO_NOT_FIT, OUT_OF_MEMORY
from service.engine.sizes import round_up
from service.transport import Frame

log = logs.get(__name__)


class OutOfMemoryError(Exception):
    """A batch found no memory. Nobody has been answered: the workers ask the next engine."""


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


class Executor:
    """`send` takes the peer and the frames of an answer; `refuse` peer, id, reason and message."""

    def __init__(
        self,
        batcher: Batcher[Served, Request],
        send: Callable[[bytes, Sequence[Frame]], None],
        refuse: Callable[[bytes, int, str, str], None],
    ) -> None:
        self._batcher = batcher
        self._send = send
        self._refuse = refuse

    def run(self, batch: Batch[Served, Request]) -> None:
        """Run a batch and answer what it completes.

        :raise OutOfMemoryError: there was no memory for it; nobody has been answered.
        """
        served = batch.key
        started = time.monotonic()
        try:
            images = self._lay_together(batch)
            predictions = served.model.predict(images)
        except OUT_OF_MEMORY as error:
            name, version = served.version.name, served.version.version
            log.error("out_of_memory", model=name, version=version, pictures=batch.pictures)
            raise OutOfMemoryError from error
        except Exception:
            # Whatever the runtime throws, those who wait are told, and the next batch has its chance.
            name, version = served.version.name, served.version.version
            log.exception("batch_failed", model=name, version=version, pictures=batch.pictures)
            for part in batch.slices:
                self._batcher.cancel(part.work)
                self._refuse(part.work.owner.peer, part.work.owner.id, "internal_error", "inference failed")
            return
        seconds = time.monotonic() - started
        at = 0
        for part in batch.slices:
            count = part.stop - part.start
            self._deliver(part.work, predictions, at, count, seconds, batch.pictures)
            at += count
        served.tally.note(batch.pictures, seconds, len(images))

    def _lay_together(self, batch: Batch[Served, Request]) -> npt.NDArray[np.uint8]:
        """The batch's pictures in one array of a warmed size; no copy when one request fills it exactly."""
        size = round_up(batch.pictures, batch.key.sizes)
        buffer = batch.key.buffer
        first = batch.slices[0]
        if first.stop - first.start == size:
            return first.work.owner.images[first.start : first.stop]
        at = 0
        for part in batch.slices:
            count = part.stop - part.start
            buffer[at : at + count] = part.work.owner.images[part.start : part.stop]
            at += count
        return buffer[:size]

    def _deliver(
        self,
        work: Work[Served, Request],
        predictions: Predictions,
        at: int,
        count: int,
        seconds: float,
        batch_pictures: int,
    ) -> None:
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
        header = wire.encode(wire.Predicted(request.id, queued_seconds, seconds, batch_pictures))
        self._send(request.peer, [header, probabilities.data, energy.data])

    def call(self, call: Call[Served]) -> None:
        """Call a signature and answer."""
        labels = (call.target.version.name, str(call.target.version.version), call.signature)
        started = time.monotonic()
        try:
            answers = call.target.model.run(call.signature, call.inputs, call.outputs)
        except INPUTS_DO_NOT_FIT:
            message = f"{call.signature} cannot use these inputs: their sizes or values do not go together"
            self._refuse(call.peer, call.id, "wrong_shape", message)
            return
        except Exception:
            # A call that asks too much, of memory too, is its caller's trouble alone.
            log.exception("run_failed", model=labels[0], version=labels[1], signature=call.signature)
            self._refuse(call.peer, call.id, "internal_error", "inference failed")
            return
        seconds = time.monotonic() - started
        tensors = tuple(
            wire.Tensor(name, answer.dtype.name, answer.shape)
            for name, answer in zip(call.outputs, answers, strict=True)
        )
        header = wire.encode(wire.Ran(call.id, started - call.arrived_seconds, seconds, tensors))
        self._send(call.peer, [header, *(answer.tobytes() for answer in answers)])
        metrics.RUNS.labels(*labels).inc()
        metrics.RUN_SECONDS.labels(*labels).observe(seconds)
