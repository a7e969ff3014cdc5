"""What the first bytes of a file claim: which format it is in, and how large a picture.

bytes → format name → (width, height). Nothing here decodes, allocates or believes: a claim is compared with the limits
before a decoder sees the file.
"""

from __future__ import annotations

from struct import unpack_from
from typing import Final

from service.images.jpeg import frame_of

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

# (offset, magic, format). The formats that are read.
_READ: Final = (
    (0, PNG_SIGNATURE, "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (8, b"WEBP", "WebP"),
    (0, b"II*\x00", "TIFF"),
    (0, b"MM\x00*", "TIFF"),
    (0, b"II+\x00", "TIFF"),
    (0, b"MM\x00+", "TIFF"),
    (0, b"BM", "BMP"),
)

# Formats that are recognised so that the answer can name them, and not read: rarely sent, and each decoder is one more
# way in. HEIC is what an iPhone stores; it converts to JPEG itself when a web page asks for a picture.
_NOT_READ: Final = (
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypheix", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"ftypavif", "AVIF"),
    (4, b"jP  ", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"JXL ", "JPEG XL"),
    (0, b"8BPS", "PSD"),
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"\x00\x00\x02\x00", "CUR"),
    (0, b"%PDF-", "PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"P5", "PGM"),
    (0, b"P6", "PPM"),
    (0, b"\x93NUMPY", "npy"),
    (0, b"PK\x03\x04", "ZIP"),
)

_UTF8_MARK: Final = b"\xef\xbb\xbf"
_GIF_FRAME: Final = 0x2C
_GIF_EXTENSION: Final = 0x21


def readable_format(data: bytes) -> str | None:
    """The name of the accepted format that `data` begins as ("PNG", "JPEG", "GIF", "BMP", "WebP", "TIFF"), or None."""
    return _match(data, _READ)


def unreadable_format(data: bytes) -> str | None:
    """The name of a known format that is not accepted ("HEIC", "PDF", "SVG" …), or None: no idea what this is."""
    found = _match(data, _NOT_READ)
    if found is None and data.removeprefix(_UTF8_MARK).lstrip()[:1] == b"<":
        head = data[:1024].lower()
        return "SVG" if b"<svg" in head else "HTML" if b"<html" in head else "XML" if b"<?xml" in head else None
    return found


def claimed_size(data: bytes, file_format: str) -> tuple[int, int] | None:
    """(width, height) in pixels as the header has it, or None: not claimed in a fixed place, or the header is cut short.

    A TIFF's directory may lie anywhere in the file; its decoder reads it without touching the pixels.
    """
    parser = _PARSERS.get(file_format)
    return parser(data) if parser else None


def _match(data: bytes, table: tuple[tuple[int, bytes, str], ...]) -> str | None:
    for offset, magic, name in table:
        if data.startswith(magic, offset):
            return name
    return None


def _png_size(data: bytes) -> tuple[int, int] | None:
    if len(data) < 24:
        return None
    width, height = unpack_from(">II", data, 16)
    return width, height


def _gif_size(data: bytes) -> tuple[int, int] | None:
    """GIF89a, sections 18 to 25: the screen, or the first frame where that exceeds it, as Pillow has it."""
    if len(data) < 13:
        return None
    width, height, flags = unpack_from("<HHB", data, 6)
    position = 13 + _colour_table_bytes(flags)
    while position < len(data) - 9:
        if data[position] == _GIF_FRAME:
            left, top, across, down = unpack_from("<HHHH", data, position + 1)
            return max(width, left + across), max(height, top + down)
        if data[position] == _GIF_EXTENSION:
            position += 2  # and its label
            while position < len(data) and data[position]:
                position += 1 + data[position]
        position += 1
    return None


def _colour_table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _bmp_size(data: bytes) -> tuple[int, int] | None:
    if len(data) < 26:
        return None
    if unpack_from("<I", data, 14)[0] == 12:  # OS/2's header
        width, height = unpack_from("<HH", data, 18)
        return width, height
    width, height = unpack_from("<ii", data, 18)
    return abs(width), abs(height)  # a negative height means rows from the top


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """RFC 9649, sections 2.4 to 2.7: lossy, lossless, extended."""
    if len(data) < 30:
        return None
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    frame = frame_of(data)
    return (frame.width, frame.height) if frame else None


_PARSERS: Final = {"PNG": _png_size, "GIF": _gif_size, "BMP": _bmp_size, "WebP": _webp_size, "JPEG": _jpeg_size}
