"""Tensors held against a signature."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from service.catalogue import Signature, TensorInfo
from service.engine.signatures import SignatureError, find, inputs, rows
from service.wire import Tensor

SALIENCY = Signature(
    {"images": TensorInfo("i:0", "DT_UINT8", (-1, 2, 2, 1)), "classes": TensorInfo("c:0", "DT_INT32", (-1,))},
    {"map": TensorInfo("m:0", "DT_FLOAT", (-1, 2, 2)), "why": TensorInfo("w:0", "DT_STRING", (-1,))},
    "tensorflow/serving/predict",
)
FILTERS = Signature({}, {"kernel": TensorInfo("k:0", "DT_FLOAT", (5, 5))}, "tensorflow/serving/predict")
ANY = Signature({"x": TensorInfo("x:0", "DT_FLOAT", None)}, {}, "")
WORDS = Signature({"x": TensorInfo("x:0", "DT_STRING", (-1,))}, {}, "")
SIGNATURES = {"saliency": SALIENCY, "filters": FILTERS}

Array = npt.NDArray[np.generic]
IMAGES = np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1)
CLASSES = np.array([1, 2, 3], np.int32)


def take(signature: Signature, **arrays: Array) -> dict[str, Array]:
    tensors = [Tensor(name, array.dtype.name, array.shape) for name, array in arrays.items()]
    return inputs(signature, tensors, [memoryview(array.tobytes()) for array in arrays.values()], 100)


def test_inputs_come_in_the_signatures_order_whatever_the_order_they_travel_in() -> None:
    taken = take(SALIENCY, classes=CLASSES, images=IMAGES)
    assert list(taken) == ["images", "classes"]
    np.testing.assert_array_equal(taken["images"], IMAGES)
    np.testing.assert_array_equal(taken["classes"], CLASSES)
    assert rows(taken) == 3


def test_a_signature_may_have_no_inputs() -> None:
    assert take(FILTERS) == {}
    assert rows({}) == 1


@pytest.mark.parametrize("shape", [(), (0,), (3, 1), (1, 2, 3, 4, 5)])
def test_a_signature_may_take_any_shape(shape: tuple[int, ...]) -> None:
    taken = take(ANY, x=np.zeros(shape, np.float32))
    assert taken["x"].shape == shape
    assert rows(taken) == max(1, shape[0] if shape else 1)


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"images": IMAGES},
        {"images": IMAGES, "classes": CLASSES, "more": CLASSES},
        {"images": IMAGES, "class": CLASSES},
    ],
)
def test_inputs_missing_or_too_many(arrays: dict[str, Array]) -> None:
    with pytest.raises(SignatureError, match="one each of classes, images") as caught:
        take(SALIENCY, **arrays)
    assert caught.value.reason == "malformed_request"


@pytest.mark.parametrize(("names", "frames"), [(["x"], 0), (["x"], 2), (["x", "x"], 2), (["x", "x"], 1)])
def test_one_frame_for_each_input(names: list[str], frames: int) -> None:
    with pytest.raises(SignatureError) as caught:
        inputs(ANY, [Tensor(name, "float32", (1,)) for name in names], [memoryview(bytes(4))] * frames, 10)
    assert caught.value.reason == "malformed_request"


@pytest.mark.parametrize(
    "images",
    [
        IMAGES.astype(np.int8),
        IMAGES.astype(np.float32),
        IMAGES[..., 0],
        IMAGES.reshape(3, 1, 4, 1),
        np.zeros((0, 2, 3, 1), np.uint8),
        np.zeros((101, 2, 2, 1), np.uint8),
    ],
)
def test_another_dtype_or_shape(images: Array) -> None:
    with pytest.raises(SignatureError, match="images") as caught:
        take(SALIENCY, images=images, classes=CLASSES)
    assert caught.value.reason == "wrong_shape"


@pytest.mark.parametrize(
    ("dtype", "shape", "length"),
    [
        ("float32", (3,), 8),
        ("float32", (3,), 16),
        ("float32", (3,), 11),
        ("float32", (-1,), 12),
        ("float32", (2**62, 4), 16),
    ],
)
def test_bytes_that_do_not_make_the_shape_they_claim(dtype: str, shape: tuple[int, ...], length: int) -> None:
    with pytest.raises(SignatureError) as caught:
        inputs(ANY, [Tensor("x", dtype, shape)], [memoryview(bytes(length))], 2**63)
    assert caught.value.reason == "wrong_shape"


def test_words_do_not_travel() -> None:
    with pytest.raises(SignatureError, match="not DT_STRING") as caught:
        take(WORDS, x=np.zeros(3, np.uint8))
    assert caught.value.reason == "wrong_shape"


@pytest.mark.parametrize("outputs", [(), ("kernel",)])
def test_all_outputs_or_those_asked_for(outputs: tuple[str, ...]) -> None:
    assert find(SIGNATURES, "filters", outputs) == (FILTERS, ("kernel",))


@pytest.mark.parametrize(
    ("name", "outputs", "message"),
    [
        ("grad_cam", (), "no signature 'grad_cam'; there are filters, saliency"),
        ("filters", ("bias",), "filters has no output 'bias'; it has kernel"),
        ("saliency", (), "output 'why' of saliency is DT_STRING"),
    ],
)
def test_what_there_is_not(name: str, outputs: tuple[str, ...], message: str) -> None:
    with pytest.raises(SignatureError, match=message) as caught:
        find(SIGNATURES, name, outputs)
    assert caught.value.reason == "unknown_signature"
