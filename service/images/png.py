"""PNG, the format most pictures come in: checked chunk by chunk, and decoded by OpenCV where that is far faster.

For a 28×28 picture Pillow spends six times as long as OpenCV, nearly all of it in Python around the decoder; from some
hundred pixels a side the two cost the same. So OpenCV is asked for small pictures alone, unless one sum undoes their filter;
larger ones of up to 2 MB go a way of their own (`png_planes.py`). All these are plain: 8 bits a sample, grey, RGB or RGBA, no chunk that could change a pixel.
In those all three see the same pixels.

OpenCV gets only what has been verified to the last byte, because its libpng writes to stderr about what it dislikes and
nothing turns that off: the chunks' lengths and checksums, the size of the inflated data, every row's filter. Intel's ISA-L
inflates for that, four times as fast as zlib.
"""

from __future__ import annotations

import zlib
from struct import Struct
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from isal import isal_zlib

from service.errors import UndecodablePictureError
from service.images.light import WORKING_SIDE_PX
from service.images.limits import PictureLimits
from service.images.png_planes import pixels_of, summed_grey

# Bytes of inflated data above which OpenCV no longer pays for colour: 64×64 RGBA.
FAST_RAW_BYTES: Final = 16_640
# Inflating it all at once is no burden: 700×700 RGBA.
_RAW_BYTES_MAX: Final = 2_000_000

_CHUNK: Final = Struct(">I4s")
_CHECKSUM: Final = Struct(">I")
_HEADER: Final = Struct(">IIBBBBB")
_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type: samples per pixel
_FAST_COLOURS: Final = frozenset({0, 2, 6})  # grey, RGB, RGBA
_LAST_FILTER: Final = 4
# No deflate stream inflates to more than this many bytes per byte (zlib's "technical details").
_DEFLATE_RATIO_MAX: Final = 1032
# Chunks that change no pixel. gAMA, cHRM and sRGB tell a screen how to show them; neither library applies them.
_INERT: Final = frozenset(
    {b"IHDR", b"IDAT", b"IEND", b"PLTE", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"sBIT", b"bKGD", b"tEXt", b"tIME"}
)


class Png(NamedTuple):
    """A PNG whose chunks are whole. `pixel_data`: its IDAT chunks, joined. `plain`: both libraries see the same."""

    width: int
    height: int
    samples: int
    plain: bool
    pixel_data: bytes


def check(data: bytes, limits: PictureLimits) -> Png:
    """Walk over a PNG's chunks, inflating nothing.

    :raise PayloadTooLargeError: the header claims more pixels than `limits` allow.
    :raise UndecodablePictureError: cut short, damaged, or claiming more pixels than its bytes can hold.
    """
    size = len(data)
    if size < 33:
        raise UndecodablePictureError("The PNG is cut short in its header.")
    length, kind = _CHUNK.unpack_from(data, 8)
    width, height, depth, colour, compression, filtering, interlace = _HEADER.unpack_from(data, 16)
    if kind != b"IHDR" or length != 13 or colour not in _SAMPLES or not width or not height:
        raise UndecodablePictureError("The PNG's header is damaged.")
    limits.check_size(width, height)
    plain = depth == 8 and colour in _FAST_COLOURS and not (compression or filtering or interlace)
    pieces: list[bytes] = []
    position = 8
    while kind != b"IEND":
        if position + 12 > size:
            raise UndecodablePictureError("The PNG is cut short: its end is missing.")
        length, kind = _CHUNK.unpack_from(data, position)
        end = position + 8 + length
        if end + 4 > size:
            raise UndecodablePictureError(
                f"The PNG is cut short: {size} bytes, where at least {end + 4} are announced."
            )
        # A capital first letter marks the chunks without which there is no picture.
        if kind[0] < 0x60 and zlib.crc32(data[position + 4 : end]) != _CHECKSUM.unpack_from(data, end)[0]:
            raise UndecodablePictureError("The PNG is damaged: a checksum does not match.")
        if kind == b"IDAT":
            pieces.append(data[position + 8 : end])
        elif kind not in _INERT:
            plain = False
        position = end + 4
    pixel_data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    samples = _SAMPLES[colour]
    if width * height * samples * depth > 8 * _DEFLATE_RATIO_MAX * len(pixel_data):
        raise UndecodablePictureError(
            f"The PNG is cut short: {len(pixel_data)} bytes of data cannot hold {width}×{height} pixels."
        )
    return Png(width, height, samples, plain, pixel_data)


def decode_fast(data: bytes, png: Png) -> npt.NDArray[np.uint8] | None:
    """The pixels of a plain PNG that `check` found whole: uint8 (H,W), RGB (H,W,3) or RGBA (H,W,4).

    One without colour gives (H,W) if it is not small, whatever its samples: see `pixels_of`. None: not plain, so large that
    it should be reduced, the data inside is not what the header says, or colour behind filters that take long. Pillow then
    reads it, or says why not.
    """
    raw_bytes = png.height * (1 + png.width * png.samples)
    if not png.plain or raw_bytes > _RAW_BYTES_MAX or min(png.width, png.height) >= 2 * WORKING_SIDE_PX:
        return None
    raw = _inflated(png, raw_bytes)
    if raw is None:
        return None
    if raw_bytes > FAST_RAW_BYTES:
        return pixels_of(raw, png.width, png.height, png.samples)
    if png.samples == 1:
        pixels = summed_grey(raw, png.width, png.height)
        if pixels is not None:
            return pixels
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None:
        return None
    if png.samples == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    elif png.samples == 4:
        picture = cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA)
    return picture  # type: ignore[return-value]


def _inflated(png: Png, raw_bytes: int) -> bytes | None:
    """The rows, if they are as many bytes as they should be, each behind the number of a filter that there is."""
    # ISA-L takes five microseconds to set up, in which zlib has done with a small picture.
    inflater = zlib.decompressobj() if raw_bytes <= FAST_RAW_BYTES else isal_zlib.decompressobj()
    try:
        raw = inflater.decompress(png.pixel_data, raw_bytes + 1)
    except (zlib.error, isal_zlib.error):  # type: ignore[misc]  # its stubs take the class for an instance
        return None
    if len(raw) != raw_bytes or not inflater.eof or inflater.unused_data:
        return None
    return raw if max(raw[:: 1 + png.width * png.samples]) <= _LAST_FILTER else None
