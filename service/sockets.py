"""ZeroMQ's sockets at the price of a message: what pyzmq's own ways cost matters where each request sends one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import zmq

# Plain numbers: to combine pyzmq's enumerations costs a microsecond each time.
_EVENTS, _READABLE, _AT_ONCE = int(zmq.EVENTS), int(zmq.POLLIN), int(zmq.NOBLOCK)
_COPIED_BYTES = 65_536
"""Up to here copying a message costs less than keeping track of who still needs it."""


def is_readable(socket: zmq.Socket[Any]) -> bool:
    """Whether a message is there. To be asked before each: to be told so by an exception takes several times as long."""
    events: int = socket.getsockopt(_EVENTS)  # type: ignore[assignment]  # it is a number
    return bool(events & _READABLE)


def send(socket: zmq.Socket[Any], frames: Sequence[bytes | memoryview]) -> None:
    """Send a message without waiting. Large ones are not copied: they must not change afterwards.

    :raise zmq.Again: it cannot be sent now.
    """
    size_bytes = sum([len(frame) if type(frame) is bytes else memoryview(frame).nbytes for frame in frames])
    socket.send_multipart(frames, _AT_ONCE, copy=size_bytes <= _COPIED_BYTES)


def receive(socket: zmq.Socket[bytes]) -> list[bytes]:
    """The message that is there, copied.

    :raise zmq.Again: there is none.
    """
    return socket.recv_multipart(_AT_ONCE)


def receive_views(socket: zmq.Socket[bytes]) -> list[memoryview]:
    """The message that is there, where ZeroMQ has it.

    :raise zmq.Again: there is none.
    """
    return [frame.buffer for frame in socket.recv_multipart(_AT_ONCE, copy=False)]
