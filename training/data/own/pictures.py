"""Picture files to arrays, by Pillow: upright, over white where they are transparent, grey or RGB."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from training.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pbm", ".pnm")
)
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # by content; the more formats, the more can go wrong
_MAX_PIXELS = 100_000_000
_SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_GREY = ("1", "L", "LA", *_SIXTEEN_BIT)


class PictureError(ConfigurationError):
    """A picture that cannot be read; it is named."""


class Header(NamedTuple):
    """What a picture says of itself before its pixels are decoded: sides in pixels, upright, and whether it is grey."""

    height: int
    width: int
    is_grey: bool


def read_header(path: Path) -> Header:
    """Raises `PictureError`."""
    with _opened(path) as picture:
        width, height = picture.size
        if picture.getexif().get(0x0112, 1) >= 5:  # EXIF's Orientation: 5 to 8 lie on their side
            width, height = height, width
        return Header(height, width, picture.mode in _GREY)


def read_pixels(path: Path, is_grey: bool, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """uint8 (H, W, 1) when `is_grey`, else (H, W, 3); of `size` (H, W), by area averaging, where it is given.

    Sixteen-bit pixels lose their lower byte. Of several frames the first is taken. Raises `PictureError`.
    """
    with _opened(path) as picture:
        flat = _over_white(_eight_bit(ImageOps.exif_transpose(picture))).convert("L" if is_grey else "RGB")
        if size is not None and flat.size != (size[1], size[0]):
            flat = flat.resize((size[1], size[0]), Image.Resampling.BOX)
        pixels = np.asarray(flat, np.uint8)
    return pixels[..., None] if pixels.ndim == 2 else pixels


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The picture in a file; whatever goes wrong until it is left is a `PictureError` that names the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged metadata are no reason to trouble anyone
            with Image.open(path, formats=_FORMATS) as picture:
                if picture.width * picture.height > _MAX_PIXELS:
                    raise PictureError(f"{path} has more than {_MAX_PIXELS:,} pixels.")
                yield picture
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError(f"{path} is no picture that can be read ({', '.join(_FORMATS)}).") from None
    except Exception as error:  # a damaged file makes Pillow's decoders raise nearly anything
        raise PictureError(f"{path} cannot be read: {str(error) or type(error).__name__}.") from error


def _eight_bit(picture: Image.Image) -> Image.Image:
    if picture.mode == "F":
        raise ValueError("its pixels are floating-point numbers, of which black and white are not known")
    if picture.mode not in _SIXTEEN_BIT:
        return picture
    return Image.fromarray((np.clip(np.asarray(picture), 0, 65_535) >> 8).astype(np.uint8))


def _over_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture
    colour = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", colour.size, "white"), colour)
