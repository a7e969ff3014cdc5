"""How large a stranger's picture may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from service.errors import PayloadTooLargeError


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """Bounds on what a picture's header claims, checked before anything is decoded.

    `max_pixels`: width × height. No phone takes 50-megapixel pictures unasked; a decompression bomb claims far more.
    It is the only bound on memory, Pillow's own is not in force: decoding takes up to 15 bytes a pixel (WebP; PNG in RGBA
    8, RGB 4, a JPEG next to nothing), so 750 MB at worst for one picture at the default.
    `max_jpeg_scans`: a progressive JPEG costs a pass over all its pixels for every scan in it. Encoders write about ten;
    a few hundred kilobytes can hold ten thousand.
    """

    max_pixels: int = 50_000_000
    max_jpeg_scans: int = 64

    def check_size(self, width: int, height: int) -> None:
        """Compare a claimed size, in pixels, with `max_pixels`.

        :raise PayloadTooLargeError: it is larger.
        """
        if width * height > self.max_pixels:
            raise PayloadTooLargeError(
                f"The picture has {width}×{height} pixels; at most {self.max_pixels:,} in all are accepted."
            )


DEFAULT_LIMITS: Final = PictureLimits()
