"""The forms of a request's body, one by one; nothing here knows HTTP or decodes a picture."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import forms
from service.errors import (
    MalformedRequestError,
    PayloadTooLargeError,
    ServiceError,
    UnsupportedMediaTypeError,
    WrongShapeError,
)
from tests.unit.service import bodies
from tests.unit.service.running import pictures

MNIST = (28, 28, 1)
COLOUR = (4, 5, 3)


def refused(item: forms.Item, error: type[ServiceError], field: str) -> bool:
    return type(item) is error and item.field == field


# --- which form it is

JPEG = b"\xff\xd8\xff\xe0 and so on"
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 "
BMP = b"BM" + (20).to_bytes(4, "little") + bytes(14)
PNG = bodies.png(bodies.digit())
NPY = bodies.npy(pictures(1))
CURL = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "body", "kind"),
    [
        ("image/png", PNG, "picture"),
        ("IMAGE/PNG; q=1", PNG, "picture"),
        ("image/whatever", b"?", "picture"),  # what it really is, the decoder says
        ("application/json", b"{}", "json"),
        ("Application/JSON; charset=utf-8", b"{}", "json"),
        ("multipart/form-data; boundary=x", b"", "multipart"),
        ("application/octet-stream", bytes(784), "raw"),
        ("application/octet-stream", b"BM" + bytes(782), "raw"),
        ("application/octet-stream", b"RIFF" + bytes(780), "raw"),
        ("application/x-npy", b"?", "npy"),
        *(
            (untyped, body, kind)
            for untyped in ("", CURL, "application/octet-stream")
            for body, kind in [(PNG, "picture"), (JPEG, "picture"), (WEBP, "picture"), (BMP, "picture"), (NPY, "npy")]
        ),
        *(("", start + b"...", "picture") for start in (b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*")),
    ],
)
def test_kinds(content_type: str, body: bytes, kind: str) -> None:
    assert forms.kind_of(content_type, body) == kind


@pytest.mark.parametrize("content_type", ["text/plain", "text/plain; charset=utf-8", "", CURL, "application/pdf", ";"])
def test_other_kinds_are_refused_with_what_is_accepted(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError, match="application/x-npy") as error:
        forms.kind_of(content_type, b"hello")
    assert error.value.field == "body"


@pytest.mark.parametrize(
    "content_type", ["", "image/png", "application/json", "application/octet-stream", "text/plain"]
)
def test_an_empty_body(content_type: str) -> None:
    with pytest.raises(MalformedRequestError, match="empty") as error:
        forms.kind_of(content_type, b"")
    assert error.value.field == "body"


# --- raw


@pytest.mark.parametrize("shape", [MNIST, COLOUR])
@pytest.mark.parametrize("number", [1, 2, 100])
def test_raw_is_taken_as_it_is(shape: tuple[int, ...], number: int) -> None:
    sent = np.random.default_rng(0).integers(0, 256, (number, *shape), np.uint8)
    assert np.array_equal(forms.raw(sent.tobytes(), shape), sent)


@pytest.mark.parametrize("length", [1, 783, 785, 1567])
def test_raw_that_is_no_whole_number_of_pictures(length: int) -> None:
    with pytest.raises(WrongShapeError, match=f"28×28×1 = 784 bytes; these are {length}") as error:
        forms.raw(bytes(length), MNIST)
    assert error.value.field == "body"


# --- npy

ONE, STACK = pictures(1)[0], pictures(5)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (ONE, [ONE]),
        (ONE[..., 0], [ONE]),
        (ONE.reshape(784), [ONE]),
        (STACK, STACK),
        (STACK[..., 0], STACK),
        (STACK.reshape(5, 784), STACK),
        (np.asfortranarray(STACK), STACK),
        (STACK[..., 0].T.copy().T, STACK),
        *((STACK.astype(dtype), STACK) for dtype in ("u1", "<u2", ">u2", "i2", "i4", ">i8", "f2", "f4", ">f4", "f8")),
    ],
)
def test_npy(array: npt.NDArray[np.generic], expected: npt.NDArray[np.uint8]) -> None:
    found = forms.npy(bodies.npy(array), MNIST)
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous
    assert np.array_equal(found, expected)


def test_npy_of_truths() -> None:
    assert np.array_equal(forms.npy(bodies.npy(STACK > 127), MNIST), STACK > 127)


def test_npy_of_the_second_format() -> None:
    assert np.array_equal(forms.npy(bodies.npy(STACK, (2, 0)), MNIST), STACK)


def header(text: str) -> bytes:
    """A `.npy` file of the first format with the header `text`, and 784 bytes of data."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(784)


BROKEN_NPY = {
    "nothing": b"\x93NUMPY",
    "cut short": bodies.npy(STACK)[:-1],
    "too long": bodies.npy(STACK) + b"\x00",
    "no header": b"\x93NUMPY\x01\x00\x10\x00",
    "no dictionary": header("[]"),
    "no Python": header("{'descr'"),
    "no keys": header("{}"),
    "no type": header("{'descr': (), 'fortran_order': False, 'shape': (28, 28)}"),
    "a strange type": header("{'descr': 'bird', 'fortran_order': False, 'shape': (28, 28)}"),
    "a strange version": b"\x93NUMPY\x09\x09" + bytes(100),
    "more than there is": header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**15}, 28, 28)}}"),
    "more than can be": header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**30}, 28, 28)}}"),
    "less than nothing": header("{'descr': '|u1', 'fortran_order': False, 'shape': (-28, -28)}"),
    "objects": bodies.npy(np.array([None] * 784, object).reshape(28, 28)),
    "texts": bodies.npy(np.full((28, 28), "7")),
    "no bytes each": bodies.npy(np.zeros((28, 28), "V0")),
    "times": bodies.npy(np.zeros((28, 28), "m8[s]")),
    "complex numbers": bodies.npy(np.zeros((28, 28), complex)),
    "records": bodies.npy(np.zeros((28, 28), [("grey", "u1")])),
    "an archive": b"PK\x03\x04" + bytes(100),
    "noise": b"noise",
}


@pytest.mark.parametrize("fault", BROKEN_NPY)
def test_npy_that_is_none(fault: str) -> None:
    with pytest.raises(MalformedRequestError) as error:
        forms.npy(BROKEN_NPY[fault], MNIST)
    assert error.value.field == "body"


@given(st.binary(max_size=200))
def test_any_header_is_refused_and_nothing_worse(noise: bytes) -> None:
    with pytest.raises(MalformedRequestError):
        forms.npy(b"\x93NUMPY\x01\x00" + noise, MNIST)


dimensions = st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, 12, 60]), max_size=5).map(tuple)


@given(dimensions)
def test_a_shape_is_a_picture_or_a_stack_or_refused(shape: tuple[int, ...]) -> None:
    one = shape in {COLOUR, (60,)}
    many = len(shape) > 0 and shape[0] > 0 and shape[1:] in {COLOUR, (60,)}
    body = bodies.npy(np.zeros(shape, np.uint8))
    if one or many:
        assert forms.npy(body, COLOUR).shape == ((1 if one else shape[0]), *COLOUR)
    else:
        with pytest.raises(WrongShapeError) as error:
            forms.npy(body, COLOUR)
        assert error.value.field == "body"


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((28, 28), -1), "0 and 255; these go from -1 to -1"),
        (np.full((28, 28), 256), "0 and 255; these go from 256 to 256"),
        (np.full((28, 28), np.nan), "between 0 and 255"),
        (np.full((28, 28), np.inf), "between 0 and 255"),
        (np.full((28, 28), 0.5), "scale 0–1 up by 255"),
        (np.full((28, 28), 1.5), "whole numbers from 0 to 255$"),
        (np.full((28, 28), 2**63, np.uint64), "between 0 and 255"),
        (np.zeros((0, 28, 28)), "no pictures"),
        (np.zeros(()), "of a single number"),
    ],
)
def test_values_that_are_no_grey_levels(array: npt.NDArray[np.generic], message: str) -> None:
    with pytest.raises(WrongShapeError, match=message) as error:
        forms.npy(bodies.npy(array), MNIST)
    assert error.value.field == "body"


# --- json


def test_base64_and_data_uris_are_undone() -> None:
    text = base64.b64encode(PNG).decode()
    assert forms.json(bodies.json(text, f"data:image/png;base64,{text}"), MNIST) == [PNG, PNG]


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (784,)])
def test_arrays(shape: tuple[int, ...]) -> None:
    found = forms.json(bodies.json(*(picture.reshape(shape) for picture in STACK)), MNIST)
    assert len(found) == 5
    for item, sent in zip(found, STACK, strict=True):
        assert isinstance(item, np.ndarray)
        assert item.dtype == np.uint8
        assert np.array_equal(item, sent)


def test_whole_floats_are_fine() -> None:
    [found] = forms.json(bodies.json(ONE.astype(float)), MNIST)
    assert np.array_equal(np.asarray(found), ONE)


def test_forms_may_be_mixed_and_each_fault_names_its_element() -> None:
    sent: tuple[object, ...] = (
        PNG,
        ONE,
        "no base64!",
        ONE[:27],
        ONE.reshape(784),
        7,
        None,
        {"b64": "x"},
        ONE.astype(float) / 255,
        [[1, 2], [3]],
        ONE.astype(int) * 2,
        [[*["7"] * 28] for _ in range(28)],
        [],
        True,
    )
    found = forms.json(bodies.json(*sent), MNIST)
    assert found[0] == PNG
    assert np.array_equal(np.asarray(found[1]), ONE)
    assert np.array_equal(np.asarray(found[4]), ONE)
    malformed, shape = MalformedRequestError, WrongShapeError
    faults = {2: malformed, 3: shape, 5: malformed, 6: malformed, 7: malformed, 8: shape, 9: shape, 10: shape}
    faults |= {11: shape, 12: shape, 13: malformed}
    for index, error in faults.items():
        assert refused(found[index], error, f"images[{index}]"), (index, found[index])
    assert len(found) == 14


@pytest.mark.parametrize("first", [ONE, "no base64!", 7])
def test_one_fault_among_arrays_harms_no_other(first: object) -> None:
    found = forms.json(bodies.json(first, ONE, ONE[1:], ONE), MNIST)
    assert np.array_equal(np.asarray(found[1]), ONE)
    assert refused(found[2], WrongShapeError, "images[2]")
    assert np.array_equal(np.asarray(found[3]), ONE)


def test_a_long_text_among_numbers_is_a_fault_and_costs_no_memory() -> None:
    rows = ONE[..., 0].tolist()
    rows[3][4] = "x" * 1_000_000  # NumPy would make a text of a million characters of each of the 784 numbers
    [found] = forms.json(orjson.dumps({"images": [rows]}), MNIST)
    assert refused(found, WrongShapeError, "images[0]")


@pytest.mark.parametrize("more", [{"comment": 'say "7"'}, {"n": 1}])
def test_other_members_do_not_matter(more: dict[str, object]) -> None:
    [found] = forms.json(orjson.dumps({**more, "images": [ONE.tolist()]}), MNIST)
    assert np.array_equal(np.asarray(found), ONE)


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"images": [NaN]}', b"[" * 100_000])
def test_no_json(body: bytes) -> None:
    with pytest.raises(MalformedRequestError, match="not JSON") as error:
        forms.json(body, MNIST)
    assert error.value.field == "body"


@pytest.mark.parametrize(
    "body", [b"[]", b"7", b"null", b"{}", b'{"images": []}', b'{"images": "x"}', b'{"image": [1]}']
)
def test_json_without_images(body: bytes) -> None:
    with pytest.raises(MalformedRequestError, match="at least one element") as error:
        forms.json(body, MNIST)
    assert error.value.field == "images"


nested = st.recursive(
    st.one_of(
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        st.booleans(),
        st.none(),
        st.just("text"),
    ),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(nested, min_size=1, max_size=4))
def test_any_element_is_a_picture_or_a_fault_of_its_own(images: list[object]) -> None:
    import json

    found = forms.json(json.dumps({"images": images}).encode(), MNIST)
    assert len(found) == len(images)
    for index, (item, element) in enumerate(zip(found, images, strict=True)):
        if element == "text":
            assert item == base64.b64decode("text")
        else:
            assert isinstance(item, ServiceError)
            assert item.field == f"images[{index}]"


# --- multipart


def test_files_come_in_the_order_sent_whatever_their_fields() -> None:
    contents = [b"first", b"second", b"third", b"", b"fifth"]
    body = bodies.multipart(*contents, names=["a", "b", "a", "c", "b"])
    assert forms.multipart(bodies.MULTIPART, body, 10) == contents


def test_large_files_stay_whole_and_in_memory() -> None:
    contents = [bytes([n]) * 700_000 for n in range(3)]  # from 500 kB on Werkzeug would write to the disk
    assert forms.multipart(bodies.MULTIPART, bodies.multipart(*contents), 10) == contents


def test_other_fields_do_not_matter() -> None:
    field = f'--{bodies.BOUNDARY}\r\nContent-Disposition: form-data; name="comment"\r\n\r\nhello\r\n'.encode()
    assert forms.multipart(bodies.MULTIPART, field + bodies.multipart(PNG), 10) == [PNG]


def test_a_form_without_files_says_how() -> None:
    field = f'--{bodies.BOUNDARY}\r\nContent-Disposition: form-data; name="file"\r\n\r\nhello\r\n'.encode()
    with pytest.raises(MalformedRequestError, match="no file name; with curl") as error:
        forms.multipart(bodies.MULTIPART, field + bodies.multipart(), 10)
    assert error.value.field == "body"


def test_too_many_parts() -> None:
    assert len(forms.multipart(bodies.MULTIPART, bodies.multipart(*[b"x"] * 4), 4)) == 4
    with pytest.raises(PayloadTooLargeError, match="more than 4 parts") as error:
        forms.multipart(bodies.MULTIPART, bodies.multipart(*[b"x"] * 40), 4)
    assert error.value.field == "body"


WHOLE = bodies.multipart(PNG, PNG)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", WHOLE),
        ("multipart/form-data; boundary=", WHOLE),
        ("multipart/form-data; boundary=é", WHOLE),
        ("multipart/form-data; boundary=another", WHOLE),
        (bodies.MULTIPART, b""),
        (bodies.MULTIPART, b"hello"),
        (bodies.MULTIPART, WHOLE[: len(WHOLE) // 2]),
        (bodies.MULTIPART, WHOLE[:-8]),
        (bodies.MULTIPART, f"--{bodies.BOUNDARY}\r\n\r\nno head\r\n--{bodies.BOUNDARY}--\r\n".encode()),
        (bodies.MULTIPART, bodies.multipart()),
    ],
)
def test_a_body_that_is_no_form(content_type: str, body: bytes) -> None:
    with pytest.raises(MalformedRequestError) as error:
        forms.multipart(content_type, body, 10)
    assert error.value.field == "body"
