"""Request bodies that come packed: Content-Encoding gzip and deflate (RFC 9110, 8.4.1).

What a packed body unpacks to is unknown until it has been done, and a few KB can stand for GBs. So it is unpacked
piece by piece, and given up as soon as it is more than the service takes.
"""

from __future__ import annotations

import io
import zlib

from service.errors import MalformedRequestError, PayloadTooLargeError, UnsupportedMediaTypeError

ACCEPTED = ("gzip", "deflate", "identity")
LAYERS_LIMIT = 2
"""One may be the caller's, another a proxy's."""
MEMBERS_LIMIT = 4096
"""An empty gzip member has 20 bytes and costs microseconds: a body full of them would keep a core busy for seconds."""

_READ_BYTES = 16 * 1024
_WRITE_BYTES = 64 * 1024
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_ALIASES = {"x-gzip": "gzip"}


def is_packed(content_encoding: str) -> bool:
    """Whether a body with this Content-Encoding (`""`: none) has to go through `unpacked`."""
    return bool(content_encoding) and bool(_layers(content_encoding))


def unpacked(body: bytes, content_encoding: str, max_bytes: int) -> bytes:
    """The body without the codings that its Content-Encoding lists. Blocks: about 3 ms for each MB of the result.

    Whatever the body claims to be, a layer takes `max_bytes` of memory and a little more.

    :raise PayloadTooLargeError: it unpacks to more than `max_bytes`, or one of its layers does.
    :raise MalformedRequestError: cut short, corrupt, or with something behind its end.
    :raise UnsupportedMediaTypeError: another coding, or more than two.
    """
    layers = _layers(content_encoding)
    unknown = [layer for layer in layers if layer not in ACCEPTED]
    if unknown:
        raise UnsupportedMediaTypeError(
            f"Content-Encoding {unknown[0][:40]!r} is not accepted; accepted: {', '.join(ACCEPTED)}", field="body"
        )
    if len(layers) > LAYERS_LIMIT:
        raise UnsupportedMediaTypeError(
            f"{len(layers)} content codings upon each other are not accepted; at most {LAYERS_LIMIT}", field="body"
        )
    for coding in reversed(layers):
        body = _unpack(body, coding, max_bytes)
    return body


def _layers(content_encoding: str) -> list[str]:
    """The codings, in the order in which they were applied; `identity` is none."""
    tokens = (token.strip().lower() for token in content_encoding.split(","))
    return [_ALIASES.get(token, token) for token in tokens if token not in {"", "identity"}]


def _unpack(packed: bytes, coding: str, max_bytes: int) -> bytes:
    out = io.BytesIO()
    window = _GZIP if coding == "gzip" else _deflate_window(packed)
    end = 0
    for _ in range(MEMBERS_LIMIT):
        end = _unpack_member(packed, end, window, coding, out, max_bytes)
        if end == len(packed):
            return out.getvalue()
        if coding != "gzip":
            raise MalformedRequestError(f"{len(packed) - end} bytes follow the end of the {coding} data", field="body")
    raise MalformedRequestError(f"the gzip data have more than {MEMBERS_LIMIT} members", field="body")


def _unpack_member(packed: bytes, start: int, window: int, coding: str, out: io.BytesIO, max_bytes: int) -> int:
    """Unpack the member that begins at `start` to `out`; where it ends."""
    inflater = zlib.decompressobj(window)
    for offset in range(start, len(packed), _READ_BYTES):
        # Small pieces: zlib copies what it has not come to yet at every call.
        piece = packed[offset : offset + _READ_BYTES]
        while True:
            try:
                content = inflater.decompress(piece, _WRITE_BYTES)
            except zlib.error:
                raise MalformedRequestError(_fault(coding, start), field="body") from None
            if out.tell() + len(content) > max_bytes:
                raise PayloadTooLargeError(f"the body unpacks to more than {max_bytes} bytes", field="body")
            out.write(content)
            if inflater.eof:
                return min(offset + _READ_BYTES, len(packed)) - len(inflater.unused_data)
            piece = inflater.unconsumed_tail
            if not piece and len(content) < _WRITE_BYTES:  # a full piece may leave output inside zlib
                break
    raise MalformedRequestError(f"the {coding} data are cut short", field="body")


def _fault(coding: str, start: int) -> str:
    if start:
        return f"what follows byte {start} of the {coding} data is corrupt or no {coding} member"
    return f"the body is corrupt or not {coding} data"


def _deflate_window(packed: bytes) -> int:
    """`deflate` means a zlib stream, but some senders leave its header and checksum out.

    No encoder begins a raw stream like a zlib header: it would be a stored block with non-zero padding.
    """
    has_header = len(packed) > 1 and packed[0] & 0x0F == 8 and (packed[0] << 8 | packed[1]) % 31 == 0
    return _ZLIB if has_header or not packed else _RAW
