from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.data.python2_pickle import python2_batch
from training.data.cifar import decode_batch, decode_records, encode_records
from training.data.class_names import CIFAR10, CIFAR100, SUPERCLASS_OF, SUPERCLASSES
from training.data.specs import DATASETS, FILES, PREPARATIONS

SHAPE = (2, 3, 3)


@given(st.integers(1, 3), st.integers(1, 4), st.booleans(), st.integers(0, 2**32 - 1))
def test_what_is_encoded_is_decoded(files: int, each: int, with_superclass: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x_train, x_test = (rng.integers(0, 256, (count, *SHAPE), dtype=np.uint8) for count in (files * each, 2))
    y_train, y_test = (rng.integers(0, 10, count).astype(np.uint8) for count in (files * each, 2))
    names = [*(f"data_{number}.bin" for number in range(files)), "test.bin"]
    superclass_of = tuple(range(10, 20)) if with_superclass else None
    encoded = encode_records((x_train, y_train, x_test, y_test), names, superclass_of)
    assert list(encoded) == names
    decoded = decode_records(encoded, names, SHAPE, with_superclass)
    for given_array, found in zip((x_train, y_train, x_test, y_test), decoded, strict=True):
        assert (given_array == found).all()
        assert not found.flags.writeable


def test_a_record() -> None:
    """As the data sets' page says: the label, then the red, the green and the blue plane, row by row."""
    picture = np.array([[[[1, 10, 100], [2, 20, 200]]]], np.uint8)
    labels = np.array([1], np.uint8)
    assert encode_records((picture, labels, picture, labels), ("a", "b"))["b"] == bytes([1, 1, 2, 10, 20, 100, 200])
    with_superclass = encode_records((picture, labels, picture, labels), ("a", "b"), (7, 8))["b"]
    assert with_superclass == bytes([8, 1, 1, 2, 10, 20, 100, 200])


@pytest.mark.parametrize("content", [b"", bytes(18), bytes(20)])
def test_no_whole_record(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"b has \d+ bytes, no whole number of records of 19"):
        decode_records({"a": bytes(19), "b": content}, ("a", "b"), SHAPE, with_superclass=False)


def test_a_part_that_cannot_be_shared() -> None:
    picture, labels = np.zeros((3, *SHAPE), np.uint8), np.zeros(3, np.uint8)
    with pytest.raises(ValueError, match="3 pictures with 3 labels do not fill 2 files"):
        encode_records((picture, labels, picture, labels), ("a", "b", "c"))


def test_a_python_batch_holds_the_records_of_the_binary_file() -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (4, *SHAPE), dtype=np.uint8), np.array([3, 1, 2, 0], np.uint8)
    binary = encode_records((images, labels, images, labels), ("a", "b"))["a"]
    rows = np.frombuffer(binary, np.uint8).reshape(4, -1)[:, 1:]
    found, found_labels = decode_batch(python2_batch(rows, labels.tolist()), "labels", SHAPE)
    assert (found == images).all()
    assert (found_labels == labels).all()


@pytest.mark.parametrize(
    ("data", "labels", "key", "reason"),
    [
        (np.zeros((2, 17), np.uint8), [0, 1], "labels", "no array of 18 bytes a row"),
        (np.zeros((2, 18), np.uint8), [0, 1, 2], "labels", "without 2 `labels`"),
        (np.zeros((2, 18), np.uint8), [0, 256], "labels", "that are no bytes"),
        (np.zeros((2, 18), np.uint8), [0, 1], "fine_labels", "without 2 `labels`"),
    ],
)
def test_a_batch_of_something_else(data: np.ndarray, labels: list[int], key: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        decode_batch(python2_batch(data, labels, key), "labels", SHAPE)


def test_the_classes() -> None:
    assert (len(CIFAR10), len(CIFAR100), len(SUPERCLASSES)) == (10, 100, 20)
    assert len(set(CIFAR100)) == 100
    assert list(SUPERCLASSES) == sorted(SUPERCLASSES)
    assert CIFAR100[:5] == ("apple", "aquarium_fish", "baby", "bear", "beaver")
    assert CIFAR100[-2:] == ("woman", "worm")
    # The first ten of the published table of superclasses.
    assert SUPERCLASS_OF[:10] == (4, 1, 14, 8, 0, 6, 7, 7, 18, 3)
    assert np.bincount(SUPERCLASS_OF).tolist() == [5] * 20


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_every_data_set_is_declared_whole(name: str) -> None:
    spec = DATASETS[name]
    assert spec.name == name
    assert spec.preparation in PREPARATIONS
    assert len(set(spec.labels)) == len(spec.labels)
    assert all(len(digest) == 64 and int(digest, 16) for digest in spec.sha256.values())
    assert spec.sizes is not None
    assert spec.sizes[1] == 10_000
    assert (spec.files == FILES) is (spec.layout == "idx")
    assert len({other.digest for other in DATASETS.values()}) == len(DATASETS)
    if spec.archives is not None:
        assert len(spec.archives.batches) == len(spec.files)
