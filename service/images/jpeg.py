"""What a JPEG claims: its size, and how many passes over the picture it asks for. By ITU-T T.81, annex B."""

from __future__ import annotations

import re
from struct import unpack_from
from typing import Final, NamedTuple

# SOF0 to SOF15, without DHT, JPG and DAC which lie between them.
_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_LONE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD9)})  # TEM, RST0 to RST7, SOI: no length follows
_END_OF_IMAGE: Final = 0xD9
_START_OF_SCAN: Final = 0xDA
# Within a scan's data 0xFF is followed by 0 or a restart marker; anything else ends the scan.
_NEXT_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


class Frame(NamedTuple):
    """The frame header, which begins at byte `position`."""

    width: int
    height: int
    components: int
    progressive: bool
    position: int


def frame_of(data: bytes) -> Frame | None:
    """The first frame header, found by hopping from segment to segment; None where the segments do not lead to one."""
    position, last = 2, len(data) - 10
    while position <= last:
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker in _FRAME_MARKERS:
            height, width, components = unpack_from(">HHB", data, position + 5)
            return Frame(width, height, components, marker in _PROGRESSIVE, position)
        if marker in {_START_OF_SCAN, _END_OF_IMAGE}:
            return None
        position += _segment_bytes(data, position)
    return None


def has_more_scans_than(limit: int, data: bytes) -> bool:
    """Whether decoding asks for more than `limit` passes over the picture. Reads the scans' data only if that can be.

    A frame that is not progressive, and whose first scan holds all its components, is decoded in that one scan.
    """
    frame = frame_of(data)
    if frame is None:
        return False
    scans, position, last = 0, frame.position, len(data) - 5
    while position <= last and data[position] == 0xFF and data[position + 1] != _END_OF_IMAGE:
        if data[position + 1] != _START_OF_SCAN:
            position += _segment_bytes(data, position)
            continue
        scans += 1
        if scans > limit:
            return True
        if scans == 1 and not frame.progressive and data[position + 4] == frame.components:
            return False
        found = _NEXT_MARKER.search(data, position + _segment_bytes(data, position))
        if found is None:
            return False
        position = found.start()
    return False


def _segment_bytes(data: bytes, position: int) -> int:
    """How far it is from this marker to the next: 1 for a fill byte, 2 for a marker alone, or by its length."""
    marker = data[position + 1]
    if marker == 0xFF:
        return 1
    if marker in _LONE_MARKERS:
        return 2
    length: int = unpack_from(">H", data, position + 2)[0]
    return 2 + length
