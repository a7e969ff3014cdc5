"""The bytes of a picture file → its pixels, trusting nothing in them.

    bytes → format by its first bytes → what the header claims, against the limits → pixels → upright → over white paper

The formats are PNG, JPEG, GIF, BMP, WebP and TIFF; no other decoder is ever tried, whatever a file calls itself. Colour
profiles are not applied: they move colours by less than the light in a room does. Nothing here is shared between calls,
so that any number of threads may decode at once.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from service.errors import InputError, PayloadTooLargeError, UndecodablePictureError, UnsupportedMediaTypeError
from service.images import png
from service.images.flatten import over_white, to_eight_bits
from service.images.headers import claimed_size, readable_format, unreadable_format
from service.images.jpeg import has_more_scans_than
from service.images.light import WORKING_SIDE_PX
from service.images.limits import DEFAULT_LIMITS, PictureLimits
from service.images.orientation import exif_orientation, upright

# The classes themselves instead of `Image.open`: that one tries every format it knows, looks into JPEGs for more
# pictures, and has a limit of its own, of which it warns.
_READERS: Final[dict[str, Callable[[BytesIO], ImageFile]]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
    "WebP": WebPImageFile,
    "TIFF": TiffImageFile,
}
_WIDE_MODES: Final = ("I", "F")  # I;16, I;16B, I, F: more than 8 bits a sample


class Decoded(NamedTuple):
    """`pixels`: uint8 (H,W) or (H,W,3), which may be reduced; `width` and `height` of the picture as sent, upright."""

    pixels: npt.NDArray[np.uint8]
    width: int
    height: int


def decode(data: bytes | memoryview, limits: PictureLimits = DEFAULT_LIMITS) -> npt.NDArray[np.uint8]:
    """Decode one picture: the first frame of a GIF, the first page of a TIFF. Blocks: heavy ones belong in a thread.

    Grey files (1, 2, 4, 8, 16 and 32 bits) give uint8 (H,W), and so may others without colour; all else gives uint8 (H,W,3) in RGB. EXIF rotation is applied,
    transparency laid over white or, where the alpha alone holds the shape, turned into dark ink on white (H,W). A picture
    much larger than preparation works with comes reduced, by block means; the shorter side keeps at least 240 pixels.
    The array may be read-only.

    :raise UndecodablePictureError: empty, cut short, damaged, or nothing known.
    :raise UnsupportedMediaTypeError: a format that is not accepted.
    :raise PayloadTooLargeError: more pixels (or JPEG scans, or memory) than `limits` allow.
    """
    return decode_sized(data, limits).pixels


def decode_sized(data: bytes | memoryview, limits: PictureLimits = DEFAULT_LIMITS) -> Decoded:
    """As `decode`, with the size that the picture was sent in."""
    if not isinstance(data, bytes):
        data = bytes(data)
    file_format = readable_format(data)
    if file_format is None:
        raise _not_read(data)
    if file_format == "PNG":
        checked = png.check(data, limits)
        pixels = png.decode_fast(data, checked)
        if pixels is not None:
            pixels = over_white(pixels) if pixels.shape[2:] == (4,) else pixels
            return Decoded(pixels, checked.width, checked.height)
    return _decode_with_pillow(data, file_format, limits)


def _not_read(data: bytes) -> InputError:
    if not data:
        return UndecodablePictureError("The picture is empty: it has no bytes.")
    name = unreadable_format(data)
    if name is not None:
        return UnsupportedMediaTypeError(f"{name} is not accepted; send PNG, JPEG, GIF, BMP, WebP or TIFF.")
    return UndecodablePictureError("This is no picture in a known format; send PNG, JPEG, GIF, BMP, WebP or TIFF.")


def _decode_with_pillow(data: bytes, file_format: str, limits: PictureLimits) -> Decoded:
    _check_claims(data, file_format, limits)
    try:
        with _READERS[file_format](BytesIO(data)) as picture:
            width, height = picture.size
            limits.check_size(width, height)
            limits.check_memory(width, height, file_format)
            if file_format == "JPEG":
                picture.draft(None, (WORKING_SIDE_PX, WORKING_SIDE_PX))
            picture.load()
            pixels = _pixels(picture)
            exif = picture.info.get("exif")  # after load: in a PNG it may stand behind the pixels
    except (InputError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PayloadTooLargeError("The picture claims more pixels than are accepted.") from error
    except Exception as error:  # on broken bytes each of Pillow's decoders fails in a way of its own
        if isinstance(error, EOFError) or "truncated" in str(error).lower():
            raise UndecodablePictureError(f"The {file_format} is cut short.") from error
        raise UndecodablePictureError(f"The {file_format} is damaged and cannot be read.") from error
    # A PNG may carry a comment of that name; a TIFF has no such block, and Pillow has turned it already.
    orientation = exif_orientation(exif) if isinstance(exif, bytes) else 1
    if orientation == 1:
        return Decoded(pixels, width, height)
    if orientation >= 5:
        width, height = height, width
    return Decoded(upright(pixels, orientation), width, height)


def _check_claims(data: bytes, file_format: str, limits: PictureLimits) -> None:
    """What Pillow would not refuse, or not before it has allocated."""
    claimed = claimed_size(data, file_format)
    if claimed is not None:
        limits.check_size(*claimed)
        limits.check_memory(*claimed, file_format)
    if file_format == "JPEG" and has_more_scans_than(limits.max_jpeg_scans, data):
        raise PayloadTooLargeError(f"The JPEG has more than {limits.max_jpeg_scans} scans.")
    if file_format == "WebP" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise UndecodablePictureError("The WebP is cut short.")


def _pixels(picture: Image.Image) -> npt.NDArray[np.uint8]:
    """A loaded picture of any mode → uint8 (H,W) or (H,W,3), over white, large ones reduced by a whole factor."""
    if picture.mode.startswith(_WIDE_MODES):
        return to_eight_bits(np.asarray(picture))
    if picture.mode == "LAB":  # Pillow converts it by profile alone; L is the lightness
        picture = picture.getchannel(0)
    mode = "RGBA" if picture.has_transparency_data else "L" if picture.mode in {"1", "L"} else "RGB"
    if picture.mode != mode:
        picture = picture.convert(mode)
    factor = min(picture.size) // WORKING_SIDE_PX
    if factor > 1:  # here rather than in preparation: what follows would hold several copies of every pixel
        picture = picture.reduce(factor)
    pixels = np.asarray(picture)
    return over_white(pixels) if mode == "RGBA" else pixels
