"""HTTP/1.1 as the workers speak it: uvicorn's connection, with requests of the inference lane taken off it at once.

    uvicorn's socket ── bytes ──▶ Connection ── Exchange ──▶ Lane         a POST to an inference endpoint
                                      └─────── ASGI ────────▶ Flask       everything else, as uvicorn does it

httptools, and thus Node's llhttp, reads both. What the lane is spared is ASGI: a scope, an event, two timers and two
writes to the socket per request.
"""

from service.http1.connection import Connection, connections_to
from service.http1.exchange import Exchange

__all__ = ["Connection", "Exchange", "connections_to"]
