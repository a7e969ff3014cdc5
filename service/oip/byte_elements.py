"""BYTES tensors: elements of any length.

binary   for each element its length, 4 bytes little-endian, then the element
JSON     texts; encoded pictures as Base64, for JSON holds no bytes
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from service.errors import MalformedRequestError
from service.tensors import from_base64

_LENGTH_BYTES = 4


def split(blob: memoryview, count: int, field: str) -> list[memoryview]:
    """The `count` elements in `blob`; no copy.

    :raise MalformedRequestError: it holds fewer or more, or ends within one.
    """
    elements: list[memoryview] = []
    at = 0
    while at < len(blob):
        if len(elements) == count:
            raise MalformedRequestError(f"{len(blob) - at} bytes behind its {count} elements", field=field)
        start = at + _LENGTH_BYTES
        if start > len(blob):
            raise MalformedRequestError("ends within a length", field=f"{field}[{len(elements)}]")
        at = start + int.from_bytes(blob[at:start], "little")
        if at > len(blob):
            raise MalformedRequestError(
                f"states {at - start} bytes; {len(blob) - start} are left", field=f"{field}[{len(elements)}]"
            )
        elements.append(blob[start:at])
    if len(elements) != count:
        raise MalformedRequestError(f"holds {len(elements)} elements; its shape is of {count}", field=field)
    return elements


def from_texts(data: object, count: int, field: str) -> list[bytes]:
    """The `count` elements that JSON holds as Base64, in a list or nested lists.

    :raise MalformedRequestError: another number of elements, or one that is no Base64.
    """
    texts = list(_leaves(data))
    if len(texts) != count:
        raise MalformedRequestError(f"holds {len(texts)} elements; its shape is of {count}", field=field)
    elements = []
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise MalformedRequestError("is no text", field=f"{field}[{index}]")
        elements.append(from_base64(text, f"{field}[{index}]"))
    return elements


def _leaves(data: object) -> Iterable[object]:
    if isinstance(data, list):
        for element in data:
            yield from _leaves(element)
    else:
        yield data


def join(texts: Iterable[str]) -> bytes:
    """The binary form of these texts, in UTF-8."""
    encoded = [text.encode() for text in texts]
    return b"".join(struct.pack("<I", len(element)) + element for element in encoded)
