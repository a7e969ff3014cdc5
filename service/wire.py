"""What workers and the engine say to each other: one header frame in MessagePack, then frames of raw numbers.

    worker  ── Predict, pixels uint8 (N,H,W,C) ──▶  engine
            ◀─ Predicted, probabilities float32 (N,K), energy float32 (N) ──
            ── Run, one frame per tensor ──▶             any other signature, unbatched, behind waiting predictions
            ◀─ Ran, one frame per tensor ──
            ◀─ Refused ──
            ── Cancel ──▶                                nobody waits for these any more
            ── Control ──▶
            ◀─ Controlled ──
            ── Ping ──▶
            ◀─ Pong ──                                   also without a Ping, when the catalogue has changed

Array-like structs: a header costs about a microsecond each way. A field may be added at the end, with a default.
Times travel as durations, never as instants, so the two ends may be on two machines.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from service.catalogue import Catalogue


class Predict(msgspec.Struct, array_like=True, tag="p", frozen=True):
    """Classify the pictures in the next frame; they fill the model's input shape exactly."""

    id: int
    model: str
    version: int
    budget_seconds: float
    """Later than this the answer is of no use to anyone, and the engine may drop the work."""
    bulk: bool = False
    """Small work goes before it. Not told by its length alone: many small requests may travel as one message."""


class Predicted(msgspec.Struct, array_like=True, tag="P", frozen=True):
    """Two frames follow: probabilities, row-major float32, and energies, float32."""

    id: int
    queue_seconds: float
    inference_seconds: float
    batch_pictures: int = 0
    """In the batch that completed it, others' pictures included; 0: an engine that does not say."""


class Tensor(msgspec.Struct, array_like=True, frozen=True):
    """What the raw numbers in a frame are: C order, this machine's byte order."""

    name: str
    dtype: str
    """NumPy's name of it: `"float32"`."""
    shape: tuple[int, ...]


class Run(msgspec.Struct, array_like=True, tag="r", frozen=True):
    """Call a signature; one frame for each of `tensors` follows."""

    id: int
    model: str
    version: int
    signature: str
    tensors: tuple[Tensor, ...]
    outputs: tuple[str, ...]
    """Which outputs to answer; none: all of them."""
    budget_seconds: float


class Ran(msgspec.Struct, array_like=True, tag="a", frozen=True):
    """One frame for each of `tensors` follows."""

    id: int
    queue_seconds: float
    inference_seconds: float
    tensors: tuple[Tensor, ...]


class Cancel(msgspec.Struct, array_like=True, tag="c", frozen=True):
    """Drop this work if it has not begun. It is answered by nothing."""

    id: int


class Control(msgspec.Struct, array_like=True, tag="x", frozen=True):
    """Do now what the watching of the models directory would do later."""

    id: int
    action: Literal["load", "unload"]
    """`load`: look again, at versions that were refused or unloaded too; `unload`: take all versions out, until told
    to load."""
    model: str


class Controlled(msgspec.Struct, array_like=True, tag="X", frozen=True):
    """Done, and the catalogue that a Pong before this brought shows it; or `error` says why not."""

    id: int
    error: str = ""
    reason: str = ""
    """The `type` of a `service.errors` class, if there is an error."""


class Refused(msgspec.Struct, array_like=True, tag="R", frozen=True):
    """`reason` is the `type` of a `service.errors` class."""

    id: int
    reason: str
    message: str


class Ping(msgspec.Struct, array_like=True, tag="q", frozen=True):
    """A heartbeat; `revision` is the catalogue's that the worker holds, `""` for none."""

    revision: str


class Pong(msgspec.Struct, array_like=True, tag="Q", frozen=True):
    """The engine lives. `catalogue` comes only when the worker's revision is out of date."""

    revision: str
    ready: bool
    waiting_pictures: int
    catalogue: Catalogue | None = None


ToEngine = Predict | Run | Cancel | Control | Ping
FromEngine = Predicted | Ran | Refused | Controlled | Pong
Message = TypeVar("Message")

_encoder = msgspec.msgpack.Encoder()
_to_engine: msgspec.msgpack.Decoder[ToEngine] = msgspec.msgpack.Decoder(ToEngine)
_from_engine: msgspec.msgpack.Decoder[FromEngine] = msgspec.msgpack.Decoder(FromEngine)


def encode(message: ToEngine | FromEngine) -> bytes:
    """One header frame."""
    return _encoder.encode(message)


def decode_to_engine(frame: bytes | memoryview) -> ToEngine:
    """:raise msgspec.MsgspecError: not a header that a worker sends."""
    return _decode(_to_engine, frame)


def decode_from_engine(frame: bytes | memoryview) -> FromEngine:
    """:raise msgspec.MsgspecError: not a header that an engine sends."""
    return _decode(_from_engine, frame)


def _decode(decoder: msgspec.msgpack.Decoder[Message], frame: bytes | memoryview) -> Message:
    try:
        return decoder.decode(frame)
    except (UnicodeDecodeError, RecursionError) as error:  # msgspec lets these two through as they are
        raise msgspec.DecodeError(str(error)) from error
