"""A user's own arrays: IDX files and npz."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.training.data.conftest import write
from training.data import Reading, load
from training.data.idx import encode_idx
from training.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Images = NDArray[np.uint8]


def pictures(count: int, *shape: int, seed: int = 0) -> Images:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def labels(count: int, classes: int = 3) -> Images:
    return (np.arange(count) % classes).astype(np.uint8)


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def whole(*shape: int) -> dict[str, Images]:
    return {
        "x_train": pictures(18, *shape),
        "y_train": labels(18),
        "x_test": pictures(6, *shape, seed=1),
        "y_test": labels(6),
    }


def fails_with(path: Path, reason: str, reading: Reading | None = None) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        load(str(path), reading=reading)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3)])
def test_npz(tmp_path: Path, shape: tuple[int, ...]) -> None:
    arrays = whole(*shape)
    write(
        tmp_path, {"my data.npz": npz(**arrays, labels=np.array(["ant", "bee", "fly"]), other=np.array([{}], object))}
    )
    dataset = load(str(tmp_path / "my data.npz"))
    assert dataset.source == "npz"
    assert dataset.spec.name == "my-data"
    assert dataset.spec.labels == ("ant", "bee", "fly")
    assert dataset.spec.shape == dataset.x_test.shape[1:] == (*shape, 1)[:3]
    assert dataset.spec.sizes == (18, 6)
    assert dataset.spec.preparation == "none"
    for name, array in arrays.items():
        found = getattr(dataset, name)
        assert found.dtype == np.uint8
        assert not found.flags.writeable
        assert (found.reshape(array.shape) == array).all()
    assert load(str(tmp_path)).spec.digest == dataset.spec.digest


def test_labels_of_other_types(tmp_path: Path) -> None:
    arrays = whole(4, 4)
    write(tmp_path, {"a.npz": npz(**{**arrays, "y_train": arrays["y_train"].astype(np.int64)[:, None]})})
    dataset = load(str(tmp_path / "a.npz"))
    assert dataset.y_train.dtype == np.uint8
    assert (dataset.y_train == arrays["y_train"]).all()
    assert dataset.spec.labels == ("0", "1", "2")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"x_train": None, "y_train": None}, "has no x_train and y_train; it has x_test, y_test"),
        ({"y_test": None}, "has x_test without the other"),
        ({"x_train": np.zeros((18, 5, 7))}, "x_train in a.npz holds float64; pictures are uint8"),
        ({"x_train": pictures(18, 35)}, r"shape \(18, 35\)"),
        ({"x_train": pictures(18, 5, 7, 2)}, r"shape \(18, 5, 7, 2\)"),
        ({"x_train": pictures(17, 5, 7)}, "x_train in a.npz has 17 pictures and 18 labels"),
        ({"x_test": pictures(6, 7, 5)}, "pictures of 5×7×?.*of 7×5"),
        ({"x_train": pictures(18, 5, 600), "x_test": pictures(6, 5, 600)}, "sides are 1 to 512 pixels"),
        ({"y_train": labels(18).astype(float)}, "y_train in a.npz is float64"),
        ({"y_train": labels(18).astype(int) - 1}, "labels from -1 to 1"),
        ({"y_train": labels(18).astype(int) + 254}, "labels from 254 to 256"),
        (
            {"y_train": np.zeros(18, np.uint8), "y_test": np.zeros(6, np.uint8)},
            "2 to 256 classes to tell apart; here it is 1",
        ),
        ({"y_train": labels(18, 2) * 2}, "no picture of the class '1'"),
        ({"y_test": labels(6) + 1}, "has the label 3; with 3 classes 2 is the last"),
        ({"labels": np.array(["a", "b"])}, "has the label 2; with 2 classes 1 is the last"),
        ({"labels": np.array(["a", "b", "a"])}, "given once and not empty; a"),
        ({"labels": np.array(["a", "b", ""])}, "one is empty"),
        ({"labels": np.arange(3)}, "class names are text"),
        ({"labels": np.array(["a", "b", "c", "d"])}, "no picture of the class 'd'"),
        ({"x_train": pictures(0, 5, 7), "y_train": labels(0)}, "x_train in a.npz has no pictures"),
        ({"x_train": np.array([{}], object)}, "cannot be read: Object arrays cannot be loaded"),
    ],
)
def test_arrays_that_make_no_sense(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    arrays = {name: array for name, array in {**whole(5, 7), **changes}.items() if array is not None}
    write(tmp_path, {"a.npz": npz(**arrays)})
    fails_with(tmp_path / "a.npz", reason)


@pytest.mark.parametrize("shape", [b"(99999999, 99999, 4), }", b"(99, 4, 4), }"])
def test_an_npy_header_that_lies(tmp_path: Path, shape: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(npz(**whole(4, 4)))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    content = members["x_train.npy"]
    at = content.index(b"(18, 4, 4), }")
    members["x_train.npy"] = content[:at] + shape + content[at + len(shape) :]
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    fails_with(tmp_path / "a.npz", "a.npz cannot be read")


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_npz_is_refused_or_read(tmp_path: Path, data: st.DataObject) -> None:
    content = npz(**whole(2, 2))
    at = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255))
    damaged = data.draw(st.sampled_from([content[:at], content[:at] + bytes([byte]) + content[at + 1 :]]))
    (tmp_path / "a.npz").write_bytes(damaged)
    with contextlib.suppress(ConfigurationError):
        load(str(tmp_path / "a.npz"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and nothing more", b"no archive at all"])
def test_no_npz(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, {"a.npz": content})
    fails_with(tmp_path / "a.npz", "a.npz cannot be read")


def test_one_array_is_no_archive(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, pictures(2, 4, 4))
    write(tmp_path, {"a.npz": stream.getvalue()})
    fails_with(tmp_path / "a.npz", "one array and not an archive")


IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx(*shape: int) -> dict[str, bytes]:
    return {name: encode_idx(array) for name, array in zip(IDX, whole(*shape).values(), strict=True)}


@pytest.mark.parametrize("shape", [(6, 9), (6, 9, 3)])
def test_idx(tmp_path: Path, shape: tuple[int, ...]) -> None:
    files = idx(*shape)
    dataset = load(str(write(tmp_path / "own", files)))
    assert dataset.source == "idx"
    assert dataset.spec.name == "own"
    assert dataset.spec.labels == ("0", "1", "2")
    assert (dataset.x_test.reshape(6, *shape) == whole(*shape)["x_test"]).all()
    assert list(dataset.spec.sha256.values()) == [hashlib.sha256(content).hexdigest() for content in files.values()]


@pytest.mark.parametrize(
    "names",
    [
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte", "test-images.idx3-ubyte", "test-labels.idx1-ubyte"),
        ("emnist-images", "emnist-labels", "T10K-images", "T10K-labels"),
        ("a_images_idx3_ubyte.gz", "a_labels_idx1_ubyte.gz", "test_images.idx.gz", "test_labels.idx.gz"),
    ],
)
def test_idx_under_other_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    contents = idx(6, 9).values()
    files = {n: gzip.compress(c) if n.endswith(".gz") else c for n, c in zip(names, contents, strict=True)}
    dataset = load(str(write(tmp_path / "own", files)))
    assert dataset.spec.sizes == (18, 6)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({IDX[1]: None}, "has no train-labels beside train-images-idx3-ubyte"),
        ({IDX[2]: None}, "has no t10k-images beside t10k-labels-idx1-ubyte"),
        ({IDX[0]: b"half"}, f"{IDX[0]} cannot be read: not an IDX file"),
        ({IDX[0]: encode_idx(pictures(18, 6, 9))[:-1]}, f"{IDX[0]} cannot be read: an IDX file of shape"),
        ({IDX[0]: encode_idx(labels(18))}, rf"{IDX[0]} has shape \(18,\)"),
        ({IDX[1]: encode_idx(labels(17))}, "18 pictures and 17 labels"),
        ({f"{IDX[0]}.gz": gzip.compress(b"")}, "holds both train-images-idx3-ubyte and train-images-idx3-ubyte.gz"),
        ({"extra-images": b"", "extra-labels": b""}, "holds the parts extra, t10k, train"),
        ({IDX[0]: None, f"{IDX[0]}.gz": gzip.compress(b"x" * 99)[:-9]}, f"{IDX[0]}.gz cannot be read"),
    ],
)
def test_idx_that_makes_no_sense(tmp_path: Path, changes: dict[str, bytes | None], reason: str) -> None:
    files = {name: content for name, content in {**idx(6, 9), **changes}.items() if content is not None}
    fails_with(write(tmp_path, files), reason)


@given(count=st.integers(2, 40), classes=st.integers(2, 5))
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_set_aside(tmp_path: Path, count: int, classes: int) -> None:
    """One in six of each class, at least one, the same ones each time; nothing is lost or in both parts."""
    y = np.repeat(np.arange(classes), count).astype(np.uint8)
    x = np.arange(len(y) * 4, dtype=np.uint8).reshape(-1, 2, 2)
    write(tmp_path, {"a.npz": npz(x_train=x, y_train=y)})
    dataset = load(str(tmp_path / "a.npz"))
    train, test = dataset.counts()
    assert test.tolist() == [max(1, count // 6)] * classes
    assert (train + test).tolist() == [count] * classes
    both = np.concatenate([dataset.x_train, dataset.x_test])
    assert sorted(both.reshape(len(y), -1).tolist()) == sorted(x.reshape(len(y), -1).tolist())
    assert load(str(tmp_path / "a.npz")).spec.sha256 == dataset.spec.sha256


@pytest.mark.parametrize(
    ("file", "name"), [("mnist.npz", "own-mnist"), ("über alles!.npz", "ber-alles"), ("é.npz", "data")]
)
def test_the_name_on_the_card(tmp_path: Path, file: str, name: str) -> None:
    write(tmp_path, {file: npz(**whole(4, 4))})
    assert load(str(tmp_path / file)).spec.name == name


def test_that_something_is_set_aside_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, {"a.npz": npz(x_train=pictures(18, 4, 4), y_train=labels(18))})
    with caplog.at_level("INFO", logger="training"):
        load(str(tmp_path / "a.npz"))
    assert "has no test part: 3 of its pictures are set aside" in caplog.text


def test_a_class_of_one_picture(tmp_path: Path) -> None:
    write(tmp_path, {"a.npz": npz(x_train=pictures(4, 4, 4), y_train=np.array([0, 0, 0, 1], np.uint8))})
    fails_with(tmp_path / "a.npz", "one picture of the class number 1")


def test_what_is_no_data_at_all(tmp_path: Path) -> None:
    fails_with(tmp_path, "holds neither IDX files nor an npz file nor subfolders")
    write(tmp_path, {"readme.txt": b"hello", "a.npz": b"", "b.npz": b""})
    fails_with(tmp_path / "readme.txt", "is no .npz file")
    fails_with(tmp_path, "holds 2 npz files")
    (tmp_path / "pictures").mkdir()
    fails_with(tmp_path, "holds npz files and subfolders")


def test_a_directory_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError("Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    fails_with(tmp_path, "cannot be read: Permission denied")


@pytest.mark.parametrize("name", ["nowhere", "n" * 5000, "~nobody-of-that-name/data", "a\0b"])
def test_no_such_path(name: str) -> None:
    with pytest.raises(ConfigurationError, match="there is: cifar10, .*Nor is there a file or directory"):
        load(name)


def test_how_arrays_are_read_is_not_to_be_chosen(tmp_path: Path) -> None:
    write(tmp_path, {"a.npz": npz(**whole(4, 4))})
    fails_with(tmp_path, "--size 28x28 --grey is for folders of pictures", Reading(size=(28, 28), is_grey=True))
    fails_with(
        tmp_path, "--prepare mnist makes pictures of 28×28×1; those in .* are 4×4×1", Reading(preparation="mnist")
    )
    assert load(str(tmp_path), reading=Reading(preparation="resize")).spec.preparation == "resize"


def test_a_published_data_set_is_taken_as_it_is() -> None:
    with pytest.raises(ConfigurationError, match="mnist is taken as it is published: --grey is for data of your own"):
        load("mnist", reading=Reading(is_grey=True))
