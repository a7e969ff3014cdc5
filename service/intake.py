"""What every request has to pass before anyone looks at what it asks: its key, its patience, its packing.

Both carriers, the lane and Flask, use these; neither has a rule of its own.
"""

from __future__ import annotations

import math

from service.encodings import is_packed, unpacked
from service.errors import InvalidParameterError, PayloadTooLargeError
from service.settings import Settings

TIMEOUT_HEADER = "X-Request-Timeout-Ms"


class Intake:
    """The limits of one service."""

    def __init__(self, settings: Settings) -> None:
        self._max_body_bytes = settings.max_body_bytes
        self._deadline_seconds = settings.deadline_seconds
        self._deadline_limit_seconds = settings.deadline_limit_seconds

    def budget_seconds(self, timeout_ms: str) -> float:
        """How long a request may take; `timeout_ms` is its header, `""` if it has none.

        :raise InvalidParameterError: it is no positive number.
        """
        if not timeout_ms:
            return self._deadline_seconds
        try:
            wanted_seconds = float(timeout_ms) / 1000
        except ValueError:
            wanted_seconds = math.nan
        if not wanted_seconds > 0:  # also true for NaN
            raise InvalidParameterError(
                f"must be a positive number of milliseconds, not {timeout_ms[:40]!r}", field=TIMEOUT_HEADER
            )
        return min(wanted_seconds, self._deadline_limit_seconds)

    def is_too_large(self, stated_length: str) -> bool:
        """Whether a body of the length that its header states need not be read at all."""
        return stated_length.isdigit() and int(stated_length) > self._max_body_bytes

    def too_large(self) -> PayloadTooLargeError:
        """The error that says so."""
        return PayloadTooLargeError(f"the body has more than {self._max_body_bytes} bytes", field="body")

    def unpacked(self, body: bytes, content_encoding: str) -> bytes:
        """The body as its content type describes it.

        :raise PayloadTooLargeError: unpacked it has too many bytes.
        :raise MalformedRequestError: it is not packed as it says.
        :raise UnsupportedMediaTypeError: packed in an unknown way.
        """
        if not is_packed(content_encoding):
            return body
        return unpacked(body, content_encoding, self._max_body_bytes)
