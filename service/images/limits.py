"""How large a stranger's picture may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from service.errors import PayloadTooLargeError

# The most that decoding takes at its peak, in bytes a pixel, as measured over each format's kinds of pixels.
BYTES_PER_PIXEL: Final = {"PNG": 13, "JPEG": 6, "GIF": 9, "BMP": 8, "WebP": 16, "TIFF": 17}


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """Bounds on what a picture's header claims, checked before anything is decoded.

    `max_pixels`: width × height. No phone takes 50-megapixel pictures unasked; a decompression bomb claims far more.
    Pillow's own limit is not in force.
    `max_decoding_bytes`: what decoding may take at its peak, estimated as the pixels times `BYTES_PER_PIXEL`. Only JPEG
    can be decoded at a fraction of its size; a WebP of 50 megapixels would take 800 MB. At the default a WebP may have 18
    megapixels, more than phones take by themselves, and a PNG 23.
    `max_jpeg_scans`: a progressive JPEG costs a pass over all its pixels for every scan in it. Encoders write about ten;
    a few hundred kilobytes can hold ten thousand.
    """

    max_pixels: int = 50_000_000
    max_jpeg_scans: int = 64
    max_decoding_bytes: int = 300_000_000

    def check_size(self, width: int, height: int) -> None:
        """Compare a claimed size, in pixels, with `max_pixels`.

        :raise PayloadTooLargeError: it is larger.
        """
        if width * height > self.max_pixels:
            raise PayloadTooLargeError(
                f"The picture has {width}×{height} pixels; at most {self.max_pixels:,} in all are accepted."
            )

    def check_memory(self, width: int, height: int, file_format: str) -> None:
        """Compare what decoding a picture of that size and format takes with `max_decoding_bytes`.

        :raise PayloadTooLargeError: it is more.
        """
        max_pixels = self.max_decoding_bytes // BYTES_PER_PIXEL[file_format]
        if width * height > max_pixels:
            raise PayloadTooLargeError(
                f"The picture has {width}×{height} pixels; as {file_format}, at most {max_pixels:,} in all are accepted."
            )


DEFAULT_LIMITS: Final = PictureLimits()
