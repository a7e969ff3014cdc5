"""The forms in which pictures arrive: a request body in, pictures or arrays out. Nothing is decoded here yet.

    image/*, or anything that begins like a picture     one picture
    application/octet-stream                            raw uint8, a whole number of pictures
    application/x-npy, or anything that begins so       an array: (H,W), (H,W,C), (N,H,W), (N,H,W,C) or (N,H·W·C)
    application/json                                    {"images": [base64 or nested numbers, …]}
    multipart/form-data                                 one picture per file
Arrays are what the model sees: white ink on black, 0 to 255. They are checked, not prepared.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import orjson
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import parse_form_data

from service.errors import (
    MalformedRequestError,
    PayloadTooLargeError,
    ServiceError,
    UnsupportedMediaTypeError,
    WrongShapeError,
)

Kind = Literal["picture", "raw", "npy", "json", "multipart"]
Shape = tuple[int, ...]
Array = npt.NDArray[np.uint8]
Item = bytes | Array | ServiceError
"""An encoded picture, an array of the model's input shape, or why this one is neither."""

_PICTURE_BEGINNINGS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*")
_NPY_BEGINNING = b"\x93NUMPY"
_NPY_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_NUMBER_KINDS = "iufb"
_UNTYPED = ("", "application/octet-stream", "application/x-www-form-urlencoded")
ACCEPTED = (
    "image/png (or another picture), application/octet-stream, application/x-npy, application/json, multipart/form-data"
)


def kind_of(content_type: str, body: bytes) -> Kind:
    """Which form a body has. `curl --data-binary` names no type of use, so a body that begins like a picture is one.

    :raise UnsupportedMediaTypeError: none that is accepted.
    :raise MalformedRequestError: the body is empty.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        return "multipart"
    if not body:
        raise MalformedRequestError(f"the body is empty; send {ACCEPTED}", field="body")
    if media_type.startswith("image/"):
        return "picture"
    if media_type == "application/json":
        return "json"
    if media_type == "application/x-npy" or (media_type in _UNTYPED and body.startswith(_NPY_BEGINNING)):
        return "npy"
    if media_type in _UNTYPED:
        if _begins_like_a_picture(body):
            return "picture"
        if media_type == "application/octet-stream":
            return "raw"
    raise UnsupportedMediaTypeError(
        f"content type {media_type or 'none'!r} is not accepted; send {ACCEPTED}", field="body"
    )


def _begins_like_a_picture(body: bytes) -> bool:
    if body.startswith(_PICTURE_BEGINNINGS):
        return True
    if body.startswith(b"RIFF"):
        return body[8:12] == b"WEBP"
    # Two letters are little to go by: a bitmap also states its own length.
    return body.startswith(b"BM") and int.from_bytes(body[2:6], "little") == len(body)


def raw(body: bytes, shape: Shape) -> Array:
    """uint8 (N, *shape) from the bytes as they are; no copy.

    :raise WrongShapeError: the length is no whole number of pictures.
    """
    size = math.prod(shape)
    if len(body) % size:
        raise WrongShapeError(
            f"raw uint8 must be a whole number of {_times(shape)} = {size} bytes; these are {len(body)}", field="body"
        )
    return np.frombuffer(body, np.uint8).reshape(-1, *shape)


def npy(body: bytes, shape: Shape) -> Array:
    """uint8 (N, *shape) from a `.npy` file, of any integer or float dtype whose values are whole, 0 to 255.

    :raise MalformedRequestError: no whole `.npy` file, or one of anything but numbers.
    :raise WrongShapeError: the array is no picture and no stack of pictures.
    """
    file = io.BytesIO(body)
    try:
        # The header is read by itself: `np.load` makes room for whatever it claims before it looks for the data.
        read_header = _NPY_HEADERS[np.lib.format.read_magic(file)]
        dimensions, fortran_order, dtype = read_header(file)
    except Exception as error:  # noqa: BLE001  (NumPy evaluates the header, and fails on a broken one in its own ways)
        raise MalformedRequestError(f"not a .npy array: {type(error).__name__} in its header", field="body") from None
    if dtype.kind not in _NUMBER_KINDS:
        raise MalformedRequestError(f"its elements are {dtype}; expected whole numbers", field="body")
    stated, held = math.prod(dimensions) * dtype.itemsize, len(body) - file.tell()
    if min(dimensions, default=0) < 0 or stated != held:
        raise MalformedRequestError(f"the .npy header states {stated} bytes of data; there are {held}", field="body")
    loaded = np.frombuffer(body, dtype, offset=file.tell())
    return _stack(loaded.reshape(dimensions, order="F" if fortran_order else "C"), shape, "body")


def json(body: bytes, shape: Shape) -> list[Item]:
    """The elements of `{"images": […]}`: base64 of a picture (a data URI too), or nested numbers.

    An element at fault becomes its error, so that the others are answered.

    :raise MalformedRequestError: not JSON, or without `images`.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedRequestError(f"not JSON: {error}", field="body") from None
    images = document.get("images") if isinstance(document, dict) else None
    if not isinstance(images, list) or not images:
        raise MalformedRequestError('expected {"images": [...]} with at least one element', field="images")
    if body.count(b'"') == 2 * len(document):  # no text but the keys
        try:  # all arrays and all well: one conversion for the whole stack
            return list(_stack(np.array(images), shape, "images", single=False))
        except (ValueError, WrongShapeError):
            pass
    return [_element(element, shape, f"images[{index}]") for index, element in enumerate(images)]


def multipart(content_type: str, body: bytes, max_parts: int) -> list[Item]:
    """The files of a form, in the order sent, whatever their fields are called.

    :raise MalformedRequestError: not a multipart body, or one without files.
    """
    environ = {
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": content_type,
        "REQUEST_METHOD": "POST",
    }
    contents: list[io.BytesIO] = []

    def keep(*_: Any, **__: Any) -> io.BytesIO:
        # In memory, where the body is already, and in the order sent: the parser's result is ordered by field.
        contents.append(io.BytesIO())
        return contents[-1]

    try:
        _, form, _ = parse_form_data(environ, keep, silent=False, max_form_parts=max_parts + 16)
    except HTTPException as error:
        if error.code == 413:
            raise PayloadTooLargeError(f"more than {max_parts} parts", field="body") from None
        raise MalformedRequestError(f"not multipart/form-data: {error.description}", field="body") from None
    except ValueError as error:
        raise MalformedRequestError(f"not multipart/form-data: {error}", field="body") from None
    items: list[Item] = [content.getvalue() for content in contents]
    if not items:
        hint = "its parts have no file name; with curl write -F 'file=@picture.png'" if form else "it has no parts"
        raise MalformedRequestError(f"the form holds no file: {hint}", field="body")
    return items


def _element(element: Any, shape: Shape, field: str) -> Item:
    try:
        if isinstance(element, str):
            return _base64(element)
        if isinstance(element, list):
            return _stack(_numbers(element), shape, field, single=True)[0]
        raise MalformedRequestError(f"neither base64 nor an array but {type(element).__name__}")
    except ServiceError as error:
        return error.at(field)


def _numbers(nested: list[Any]) -> npt.NDArray[np.float64]:
    # Objects first: where one element is a text, NumPy would make every element as long as that text.
    try:
        objects = np.array(nested, dtype=object)
    except ValueError:
        raise WrongShapeError("its rows differ in length") from None
    kinds = set(map(type, objects.flat))
    if list in kinds:
        raise WrongShapeError("its rows differ in length")
    if not kinds <= {int, float, bool}:
        raise WrongShapeError("its elements are not all numbers")
    return objects.astype(np.float64)


def _base64(text: str) -> bytes:
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedRequestError("not base64") from None


def _stack(array: npt.NDArray[Any], shape: Shape, field: str, *, single: bool | None = None) -> Array:
    """`array` as uint8 (N, *shape). `single`: it must be one picture (True), a stack (False), either (None)."""
    size = math.prod(shape)
    bare = shape[:-1] if shape[-1] == 1 else shape  # (28, 28) stands for (28, 28, 1)
    one = array.shape in {shape, bare, (size,)}
    many = array.ndim > 0 and array.shape[1:] in {shape, bare, (size,)}
    if not (one and single is not False) and not (many and single is not True):
        raise WrongShapeError(
            f"shape {_times(array.shape)} is no picture; expected {_times(shape)}, {_times(bare)} or {size} numbers",
            field=field,
        )
    if array.size == 0:
        raise WrongShapeError("no pictures in it", field=field)
    if array.dtype != np.uint8:
        array = _as_bytes(array, field)
    return np.ascontiguousarray(array).reshape(-1, *shape)


def _as_bytes(array: npt.NDArray[Any], field: str) -> Array:
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 255):  # also false for NaN
        raise WrongShapeError(f"values must lie between 0 and 255; these go from {low:g} to {high:g}", field=field)
    converted = array.astype(np.uint8)
    if array.dtype.kind == "f" and not np.array_equal(converted, array):
        hint = "; scale 0–1 up by 255" if high <= 1 else ""
        raise WrongShapeError(f"values must be whole numbers from 0 to 255{hint}", field=field)
    return converted


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) if shape else "of a single number"
