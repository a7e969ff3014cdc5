"""How workers and engines reach each other: messages of several frames over one stream socket each.

    engine: Hub(endpoint)           bind, wait(), receive() → (peer, frames), send(peer, frames)
    worker: Channel(dial(endpoint)) receive() → frames, send(frames)

Nothing waits but `Hub.wait`, and there are no threads: a message is written by whoever sends it and read by whoever
waits for it (what that saves beside ZeroMQ is in docs/decisions.md). Messages of one connection keep their order. Nothing
is sent again: what an engine owed when it went is for `service.client` to ask of another.
"""

from service.transport.addresses import dial, dial_error, is_near, listen
from service.transport.channel import Channel
from service.transport.framing import Frame, FramingError
from service.transport.hub import Hub

__all__ = ["Channel", "Frame", "FramingError", "Hub", "dial", "dial_error", "is_near", "listen"]
