"""The head of an answer, as bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus

Header = tuple[bytes, bytes]
"""Name in lower case, value."""

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_CLOSE = b"connection: close\r\n"
_UNFIT = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Heads:
    """Writes heads. What all of them have in common is put together once, and again when the server changes it."""

    def __init__(self, common: Sequence[Header]) -> None:
        """`common` is on every answer, beside the server's own."""
        self._common = _lines(common)
        self._of: list[Header] | None = None
        self._length = -1
        self._lines = b""
        self._closes = False

    def closes(self, defaults: list[Header]) -> bool:
        """Whether the server's own headers say that the connection ends here."""
        if defaults is not self._of or len(defaults) != self._length:
            # uvicorn makes a new list each second, with the date; who stops it adds to the one that is there.
            self._of, self._length = defaults, len(defaults)
            self._lines = _lines(defaults) + self._common
            self._closes = any(name == b"connection" and value == b"close" for name, value in defaults)
        return self._closes

    def head(
        self,
        status: int,
        defaults: list[Header],
        content_type: str,
        content_length: int,
        more: Sequence[Header],
        *,
        keep_alive: bool,
    ) -> bytes:
        """All that goes before the body.

        :raise ValueError: a header's value holds what would end it.
        """
        closing = b"" if self.closes(defaults) or keep_alive else _CLOSE
        return b"%bcontent-type: %b\r\ncontent-length: %d\r\n%b%b%b\r\n" % (
            _STATUS_LINES[status],
            content_type.encode("latin-1"),
            content_length,
            _lines(more),
            self._lines,
            closing,
        )


def _lines(headers: Sequence[Header]) -> bytes:
    lines = []
    for name, value in headers:
        if _UNFIT.search(value):
            raise ValueError(f"the header {name.decode('latin-1')} has a control character in it: {value!r}")
        lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join(lines)
