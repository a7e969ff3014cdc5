"""JSON that is mostly arrays of numbers, read without making a Python list of every row.

A thousand pictures as `{"instances": [[[[0],[7],…` are 800,000 lists of one number each: a third of a second for any JSON
library, most of it spent by Python's cycle collector. Here the brackets are counted in the bytes, where their number
and order must be those of a rectangular array, and the numbers are read as one flat list: 30 ms, the same values.
Whatever is not of this form, or not valid, is read the usual way, so this decides nothing but the time it takes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

_NUMBER = b"0123456789.eE+-"
_NO_BRACKETS = bytes.maketrans(b"[]", b"  ")
_RUN = re.compile(rb"\[[\[\]0-9.eE+\-, ]+")
"""From where an array of numbers may begin to where it has ended at the latest. It never has to go back: some send a
million brackets that never close."""
_MAX_RANK = 16
_WORTH_BYTES = 512
"""Of several arrays, shorter ones are read sooner in the usual way."""
_MARK = "\0"
_MARK_TEXT = b"\\u0000"
_MARK_JSON = b'"%b%%d"' % _MARK_TEXT


@dataclass(frozen=True, slots=True)
class Dense:
    """A rectangular array of at least one number: all of them, row-major, and its shape."""

    numbers: list[int | float]
    shape: tuple[int, ...]

    def lists(self) -> list[Any]:
        """The same as nested lists."""
        rows: list[Any] = self.numbers
        for size in reversed(self.shape[1:]):
            rows = [rows[at : at + size] for at in range(0, len(rows), size)]
        return rows


def loads(body: bytes) -> Any:
    """As `orjson.loads`, but arrays of numbers in rows of equal length are `Dense`; most of them, not all.

    :raise orjson.JSONDecodeError: not JSON.
    """
    if _MARK_TEXT in body:
        return orjson.loads(body)
    arrays: list[Dense] = []
    rest = _without_arrays(body, arrays)
    if not arrays:
        return orjson.loads(body)
    try:
        # An array that was taken out of the middle of a text leaves no valid JSON behind: texts have no neighbours.
        document = orjson.loads(rest)
    except orjson.JSONDecodeError:
        return orjson.loads(body)  # that text was no array; or this fails too, and says where
    try:
        return _put(document, arrays)
    except RecursionError:  # orjson goes deeper than Python
        return orjson.loads(body)


def _without_arrays(body: bytes, arrays: list[Dense]) -> bytes:
    """`body` with marks in place of the arrays that were found in it."""

    def take(segment: bytes) -> bytes:
        dense = _read(segment)
        if dense is None:
            return segment
        arrays.append(dense)
        return _MARK_JSON % (len(arrays) - 1)

    start, end = body.find(b"["), body.rfind(b"]") + 1
    if not 0 <= start < end:
        return body
    mark = take(body[start:end])  # the usual case: it is all one array
    if arrays:
        return body[:start] + mark + body[end:]

    def take_run(found: re.Match[bytes]) -> bytes:
        end = found[0].rfind(b"]") + 1
        if end < _WORTH_BYTES:
            return found[0]
        return take(found[0][:end]) + found[0][end:]

    return _RUN.sub(take_run, body)


def _read(segment: bytes) -> Dense | None:
    if b" " in segment:
        segment = segment.replace(b", ", b",")  # as Python writes it; other spaces are for the usual way
    skeleton = segment.translate(None, _NUMBER)
    shape = _shape(skeleton)
    if shape is None:
        return None
    try:
        # Spaces in place of the brackets: `[1]2` has the skeleton of `[1]`, and `1 2` is not valid.
        numbers = orjson.loads(b"[" + segment.translate(_NO_BRACKETS) + b"]")
    except orjson.JSONDecodeError:
        return None
    return Dense(numbers, shape) if numbers else None


def _shape(skeleton: bytes) -> tuple[int, ...] | None:
    """That of an array which has these brackets and commas; None if there is no such array."""
    rank = len(skeleton) - len(skeleton.lstrip(b"["))
    if rank > _MAX_RANK:
        return None
    shape: list[int] = []
    block = b""
    for closing in range(1, rank + 1):
        # From where the first block of this depth begins up to where so many brackets close for the first time.
        end = skeleton.find(b"]" * closing)
        inner_bytes = end - (rank - closing + 1) + closing - 1
        size, rest = divmod(inner_bytes + 1, len(block) + 1)
        if end < 0 or rest or size < 1:
            return None
        block = b"[" + (block + b",") * (size - 1) + block + b"]"
        if not skeleton.startswith(block, rank - closing):
            return None
        shape.append(size)
    return tuple(reversed(shape)) if rank and block == skeleton else None


def _put(document: Any, arrays: list[Dense]) -> Any:
    """`document` with the arrays back in their places."""
    if isinstance(document, str) and document.startswith(_MARK):
        return arrays[int(document[1:])]
    if isinstance(document, dict):
        return {key: _put(value, arrays) for key, value in document.items()}
    if isinstance(document, list):
        return [_put(value, arrays) for value in document]
    return document
