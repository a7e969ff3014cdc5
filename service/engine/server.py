"""The engine's loop: receive everything that waits, run one batch, answer, again.

While the device works, the kernel takes in what arrives; that is the queue that the next batch is made of.
Versions come ready to serve from the watcher's thread, and the loop only puts them in place. A failure inside a batch
answers every request in it, and the loop lives on; all but running out of memory, which ends the process.
"""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Sequence
from types import FrameType

import msgspec
import numpy as np

from service import logs, metrics, wire
from service.engine import memory, news, signatures
from service.engine.batcher import Batcher, QueueFullError, Work
from service.engine.execution import Executor, Request
from service.engine.gauges import Gauges
from service.engine.holds import Holds
from service.engine.keeper import Keeper
from service.engine.loader import Loader, Served
from service.engine.offers import Defaults
from service.engine.peers import Peers
from service.engine.runs import Call, Runs
from service.engine.runtime import TENSORFLOW_VERSION, Runtime
from service.engine.shelf import Shelf
from service.engine.sizes import chosen
from service.engine.watcher import Watcher
from service.settings import Settings
from service.transport import Frame, Hub

log = logs.get(__name__)

LEAVING_POLL_MS = 50
"""How often an idle loop sees whether a version that is on its way out may go."""
INTAKE_SECONDS = 0.005
"""How long it goes on reading what comes bit by bit while a batch may wait."""
LINGER_SECONDS = 1.0
"""How long the last answers may take on their way out."""


class Server:
    """Owns the socket and the queues; `Shelf` owns the models, `Watcher` brings and closes them."""

    def __init__(self, settings: Settings, runtime: Runtime) -> None:
        """:raise BatchSizesError: the batch sizes asked for do not fit."""
        self._endpoint = settings.endpoint
        self._runtime = runtime
        self._max_batch_size = settings.max_batch_size
        sizes = chosen(settings.batch_sizes, settings.max_batch_size)
        self._shelf: Shelf[Served] = Shelf(
            settings.default_model, TENSORFLOW_VERSION, runtime.device, settings.engine_heartbeat_seconds
        )
        self._batcher: Batcher[Served, Request] = Batcher(settings.max_batch_size, settings.queue_limit)
        metrics.QUEUE_LIMIT_PICTURES.set(settings.queue_limit)
        self._runs: Runs[Served] = Runs(settings.run_limit)
        self._executor = Executor(self._batcher, self._send, self._refuse)
        self._peers = Peers(settings.engine_timeout_seconds)
        self._news: deque[news.News[Served]] = deque()
        self._keeper: Keeper[Served] = Keeper(
            settings.models_dir,
            Defaults(settings.version_policy, settings.canary_share, settings.shadow_share),
            settings.default_model,
            Loader(runtime, settings.max_batch_size, sizes).load,
            self._tell,
            Holds(settings.run_path / f"unloaded-{settings.engine_index}.json"),
        )
        self._watcher = Watcher(
            self._keeper, settings.models_poll_seconds, self._tell, Gauges(runtime.device.kind).measure
        )
        self._stopping = False
        self._shown_waiting = -1
        self._hub = Hub()

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; what had arrived by then is answered first. Blocks.

        :raise OutOfMemoryError: a batch found no memory.
        """
        signal.set_wakeup_fd(self._hub.wake_descriptor, warn_on_full_buffer=False)
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signal_number, self._stop)
        signal.signal(signal.SIGHUP, self._look_again)
        self._keeper.announce()
        self._hear_news()
        self._hub.bind(self._endpoint)
        log.info(
            "engine_listening",
            endpoint=self._endpoint,
            device=self._runtime.device.name,
            threads=self._runtime.threads,
            tensorflow=TENSORFLOW_VERSION,
        )
        memory.freeze()
        self._watcher.start()
        last_look = False
        while not (last_look and not self._batcher.waiting_pictures and not len(self._runs)):
            self._wait()
            if not last_look:
                # What came while the device was busy is seen only now, so one look is taken after the signal too.
                last_look = self._stopping
                self._receive()
            else:
                self._hub.ignore()
            if self._news:
                self._hear_news()
            if self._shelf.leaving:
                self._let_go()
            self._drop_expired()
            batch_waits = bool(self._batcher.waiting_pictures)
            call = self._runs.next_call(batch_waits=batch_waits) if self._runs else None
            if call is not None:
                self._executor.call(call)
            elif (batch := self._batcher.next_batch(time.monotonic())) is not None:
                self._show_waiting()
                self._executor.run(batch)
                self._runs.batch_has_gone()
            else:
                self._show_waiting()
        self._flush()
        signal.set_wakeup_fd(-1)
        self._hub.close(LINGER_SECONDS)
        log.info("engine_stopped")

    def _wait(self) -> None:
        """Until there is something to do."""
        if self._batcher.waiting_pictures or self._runs or self._news or (self._stopping and not self._runs.holds):
            timeout_ms: int | None = 0
        else:
            timeout_ms = LEAVING_POLL_MS if self._shelf.leaving else None
        self._hub.wait(timeout_ms)

    def _stop(self, _: int, __: FrameType | None) -> None:
        self._stopping = True

    def _look_again(self, _: int, __: FrameType | None) -> None:
        self._watcher.look_again()

    def _show_waiting(self) -> None:
        waiting = self._batcher.waiting_pictures
        if waiting != self._shown_waiting:  # a gauge in shared memory costs several microseconds
            self._shown_waiting = waiting
            metrics.QUEUE_PICTURES.set(waiting)

    def _flush(self) -> None:
        for served in self._shelf.items():
            served.tally.flush()

    # --- versions come and go

    def _tell(self, message: news.News[Served]) -> None:
        """Called by the watcher's thread."""
        self._news.append(message)
        self._hub.wake()

    def _hear_news(self) -> None:
        now = time.monotonic()
        before = (self._shelf.catalogue.revision, self._shelf.ready)
        obeyed = []
        while self._news:
            message = self._news.popleft()
            self._shelf.apply(message, now)
            if isinstance(message, news.Obeyed):
                obeyed.append(message)
            elif isinstance(message, news.Opened):
                self._release(message.loaded, message.error)
        if before != (self._shelf.catalogue.revision, self._shelf.ready):
            self._publish(now)
        for order in obeyed:
            self._send(order.peer, [wire.encode(wire.Controlled(order.id, order.error, order.reason))])

    def _let_go(self) -> None:
        now = time.monotonic()
        revision = self._shelf.catalogue.revision
        gone = self._shelf.let_go(lambda s: self._batcher.waits_for(s) or self._runs.waits_for(s), self._peers, now)
        while gone:
            served = gone.pop()
            self._batcher.forget(served)
            served.tally.flush()
            log.info("model_unloaded", model=served.version.name, version=served.version.version)
            self._watcher.close(served)
        if self._shelf.catalogue.revision != revision:
            self._publish(now)

    def _publish(self, now_seconds: float) -> None:
        """Tell every worker at once what has changed."""
        pong = wire.encode(self._pong(""))
        for peer in self._peers.live(now_seconds):
            self._send(peer, [pong])

    # --- what arrives

    def _receive(self) -> None:
        """Take in what is there. Of a message that is longer than the kernel's buffers each part lets in the next: to
        leave them for after the next batch would make whatever is behind, heartbeats too, wait for many.
        """
        until = time.monotonic() + INTAKE_SECONDS
        self._take_in()
        while self._hub.is_amid and time.monotonic() < until:
            self._hub.wait(1)
            self._take_in()

    def _take_in(self) -> None:
        for peer, frames in self._hub.receive():
            try:
                message = wire.decode_to_engine(frames[0])
                if isinstance(message, wire.Predict):
                    self._admit(peer, message, frames[1])
                else:
                    self._obey(peer, message, frames[1:])
            except (msgspec.MsgspecError, IndexError) as error:
                log.error("bad_message", error=str(error), frames=len(frames))

    def _obey(
        self, peer: bytes, message: wire.Run | wire.Cancel | wire.Control | wire.Ping, frames: list[memoryview]
    ) -> None:
        match message:
            case wire.Ping(revision):
                self._flush()
                self._peers.hear(peer, self._shelf.serial(revision), time.monotonic())
                self._send(peer, [wire.encode(self._pong(revision))])
            case wire.Run():
                self._admit_call(peer, message, frames)
            case wire.Cancel(ident):
                self._cancel(peer, ident)
            case wire.Control(ident, action, model):
                self._watcher.obey(peer, ident, action, model)

    def _admit(self, peer: bytes, message: wire.Predict, payload: memoryview) -> None:
        served = self._find(peer, message)
        if served is None:
            return
        shape = served.version.input_shape
        if not payload.nbytes or payload.nbytes % served.picture_bytes:
            self._refuse(peer, message.id, "wrong_shape", f"{payload.nbytes} bytes are no whole number of {shape}")
            return
        images = np.frombuffer(payload, np.uint8).reshape(-1, *shape)
        now = time.monotonic()
        request = Request(peer, message.id, images)
        try:
            self._batcher.add(Work(request, served, len(images), now, now + message.budget_seconds, message.bulk))
        except QueueFullError:
            waiting = self._batcher.waiting_pictures
            self._refuse(peer, message.id, "queue_full", f"{waiting} pictures are waiting already")

    def _admit_call(self, peer: bytes, message: wire.Run, frames: list[memoryview]) -> None:
        served = self._find(peer, message)
        if served is None:
            return
        try:
            signature, outputs = signatures.find(served.version.signatures, message.signature, message.outputs)
            inputs = signatures.inputs(signature, message.tensors, frames, self._max_batch_size)
        except signatures.SignatureError as error:
            self._refuse(peer, message.id, error.reason, str(error))
            return
        now = time.monotonic()
        deadline = now + message.budget_seconds
        rows = signatures.rows(inputs)
        call = Call(peer, message.id, served, message.signature, inputs, outputs, rows, now, deadline)
        try:
            if served.is_open:
                self._runs.add(call)
            elif self._runs.hold(call):
                self._watcher.open(served)
        except QueueFullError:
            self._refuse(peer, message.id, "queue_full", f"{len(self._runs)} calls of signatures are waiting already")

    def _release(self, served: Served, error: str) -> None:
        for call in self._runs.release(served):
            if error:
                self._refuse(call.peer, call.id, "internal_error", error)
            else:
                self._runs.add(call)

    def _find(self, peer: bytes, message: wire.Predict | wire.Run) -> Served | None:
        """The version asked for; None, once it has been refused, when it is not in service."""
        served = self._shelf.get((message.model, message.version))
        if served is None:
            self._refuse(peer, message.id, "unknown_version", f"{message.model}/{message.version} is not loaded")
        return served

    def _cancel(self, peer: bytes, ident: int) -> None:
        call = self._runs.cancel(peer, ident)
        if call is not None:
            metrics.DROPPED_PICTURES.labels("client_gone").inc(call.pictures)
            return
        for work in self._batcher.waiting():
            if work.owner.peer == peer and work.owner.id == ident and not work.taken:
                self._batcher.cancel(work)
                metrics.DROPPED_PICTURES.labels("client_gone").inc(work.pictures)
                return

    def _drop_expired(self) -> None:
        now = time.monotonic()
        late = [(work.owner.peer, work.owner.id, work.pictures) for work in self._batcher.drop_expired(now)]
        if len(self._runs):
            late += [(call.peer, call.id, call.pictures) for call in self._runs.drop_expired(now)]
        for peer, ident, pictures in late:
            metrics.DROPPED_PICTURES.labels("deadline").inc(pictures)
            self._refuse(peer, ident, "deadline_exceeded", "its deadline passed in the queue")

    # --- what is said

    def _pong(self, held_revision: str) -> wire.Pong:
        catalogue = self._shelf.catalogue
        sent = catalogue if held_revision != catalogue.revision else None
        return wire.Pong(catalogue.revision, self._shelf.ready, self._batcher.waiting_pictures, sent)

    def _refuse(self, peer: bytes, request_id: int, reason: str, message: str) -> None:
        self._send(peer, [wire.encode(wire.Refused(request_id, reason, message))])

    def _send(self, peer: bytes, frames: Sequence[Frame]) -> None:
        if not self._hub.send(peer, frames):  # it is not waited for: its requests end by their deadline
            log.warning("worker_not_reading")
