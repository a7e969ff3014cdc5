"""A folder of pictures with one subfolder per class. The pictures are real files, written by Pillow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from training.data import Reading, load
from training.data.own.folder import natural_order
from training.data.own.pictures import read_header, read_pixels
from training.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from training.data import Dataset


def save(path: Path, colour: int | tuple[int, ...], mode: str = "L", size: tuple[int, int] = (6, 4)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Classes 2, 10 and apple, of six grey pictures 4 high and 6 wide each; a picture's grey tells which it is."""
    for label, name in enumerate(("2", "10", "apple")):
        for number in range(6):
            save(tmp_path / "mine" / name / f"p{number + 6}.png", 100 * label + number)
    return tmp_path / "mine"


def greys(dataset: Dataset) -> list[int]:
    return sorted(np.concatenate([dataset.x_train[:, 0, 0, 0], dataset.x_test[:, 0, 0, 0]]).tolist())


def fails_with(path: Path, reason: str, reading: Reading | None = None) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        load(str(path), reading=reading)


def test_a_folder(folder: Path) -> None:
    dataset = load(str(folder))
    assert dataset.source == "folder"
    assert dataset.spec.name == "mine"
    assert dataset.spec.labels == ("2", "10", "apple")
    assert dataset.spec.shape == (4, 6, 1)
    assert dataset.spec.preparation == "resize"
    assert greys(dataset) == [*range(6), *range(100, 106), *range(200, 206)]
    assert (dataset.x_train[:, 0, 0, 0] // 100 == dataset.y_train).all()
    # p10 and p11 come after p9: numbers in names count as numbers.
    assert dataset.x_train[dataset.y_train == 0, 0, 0, 0].tolist() == sorted(
        dataset.x_train[dataset.y_train == 0, 0, 0, 0]
    )
    assert load(str(folder)).spec.sha256 == dataset.spec.sha256


def test_what_is_no_picture_or_hidden_is_left_alone(folder: Path) -> None:
    before = load(str(folder)).spec.sha256
    (folder / "2" / "Thumbs.db").write_bytes(b"")
    (folder / "2" / "._p6.png").write_bytes(b"")
    (folder / "notes.txt").write_text("hello")
    (folder / ".git").mkdir()
    (folder / "__MACOSX").mkdir()
    assert load(str(folder)).spec.sha256 == before


def test_parts_of_their_own(folder: Path) -> None:
    (folder.parent / "parts").mkdir()
    folder.rename(folder.parent / "parts" / "train")
    save(folder.parent / "parts" / "test" / "10" / "a.png", 110)
    dataset = load(str(folder.parent / "parts"))
    assert dataset.spec.labels == ("2", "10", "apple")
    assert (len(dataset.y_train), dataset.y_test.tolist()) == (18, [1])
    save(folder.parent / "parts" / "test" / "pear" / "a.png", 110)
    fails_with(folder.parent / "parts", "has the class 'pear', which .*train has not")
    save(folder.parent / "parts" / "dev" / "10" / "a.png", 110)
    fails_with(folder.parent / "parts", "has train, and beside it dev")


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for name in ("train", "ship"):
        for number in range(3):
            save(tmp_path / name / f"{number}.png", number)
    assert load(str(tmp_path)).spec.labels == ("ship", "train")


def test_colour_as_soon_as_one_has_it(folder: Path) -> None:
    save(folder / "2" / "p6.png", (10, 20, 30), "RGB")
    assert load(str(folder)).x_train.shape[1:] == (4, 6, 3)
    dataset = load(str(folder), reading=Reading(is_grey=True))
    assert dataset.x_train.shape[1:] == (4, 6, 1)
    assert dataset.spec.shape == (4, 6, 1)


def test_sizes_that_differ(folder: Path) -> None:
    odd = save(folder / "apple" / "p99.png", 7, size=(12, 8))
    fails_with(folder, rf"p6.png is 4×6 \(height × width\), {odd} is 8×12. Bring them to one by --size")
    dataset = load(str(folder), reading=Reading(size=(2, 3)))
    assert dataset.spec.shape == (2, 3, 1)
    assert dataset.options == ("--size", "2x3")
    assert 7 in greys(dataset)


def test_pictures_too_large_to_train_on(tmp_path: Path) -> None:
    for name in "ab":
        for number in range(2):
            save(tmp_path / name / f"{number}.png", 1, size=(600, 10))
    fails_with(tmp_path, "10×600, too large to train on")
    assert load(str(tmp_path), reading=Reading(size=(28, 28), preparation="mnist")).spec.preparation == "mnist"


def test_an_empty_class(folder: Path) -> None:
    (folder / "pear").mkdir()
    fails_with(folder, "The class 'pear' is empty: .*pear has no picture")


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n and nothing more"])
def test_an_unreadable_picture(folder: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    bad = folder / "10" / "p7.png"
    bad.write_bytes(content)
    fails_with(folder, f"{bad} .*Take it out, or leave out all such pictures by --skip-unreadable")
    dataset = load(str(folder), reading=Reading(skip_unreadable=True))
    assert greys(dataset) == [*range(6), 100, *range(102, 106), *range(200, 206)]
    assert f"left out: {bad}" in caplog.text


def test_a_picture_cut_short(folder: Path) -> None:
    """Its header is in order; only its pixels are not."""
    whole = save(folder / "10" / "p7.png", 5, size=(6, 4)).read_bytes()
    noise = np.random.default_rng(0).integers(0, 256, (4, 6), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "10" / "p7.png")
    content = (folder / "10" / "p7.png").read_bytes()
    assert len(content) > len(whole)
    (folder / "10" / "p7.png").write_bytes(content[: content.index(b"IDAT") + 8])
    fails_with(folder, "p7.png cannot be read")
    assert len(greys(load(str(folder), reading=Reading(skip_unreadable=True)))) == 17


def test_a_class_of_one_picture(folder: Path) -> None:
    save(folder / "pear" / "a.png", 3)
    fails_with(folder, "one picture of the class 'pear'; without a test part it takes two")


def test_nothing_readable(tmp_path: Path) -> None:
    for name in "ab":
        save(tmp_path / name / "0.png", 1).write_bytes(b"")
    fails_with(tmp_path, "no picture that can be read", Reading(skip_unreadable=True))


def test_a_class_of_nothing_but_unreadable_pictures(folder: Path) -> None:
    for path in (folder / "10").iterdir():
        path.write_bytes(b"")
    fails_with(folder, "no picture of the class '10'", Reading(skip_unreadable=True))


def test_resizing_is_by_area(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    pixels = np.random.default_rng(0).integers(0, 256, (8, 12), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    means = pixels.reshape(4, 2, 4, 3).mean(axis=(1, 3))
    assert np.abs(read_pixels(path, True, (4, 4))[..., 0] - means).max() < 1  # rounded after each axis


def test_a_picture_on_its_side_is_put_upright(tmp_path: Path) -> None:
    path, exif = tmp_path / "a.png", Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    Image.fromarray(pixels).save(path, exif=exif)
    assert read_header(path)[:2] == (3, 2)
    assert (read_pixels(path, True, None)[..., 0] == np.rot90(pixels, -1)).all()


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", (10, 20, 30, 0), "RGBA")
    assert (read_pixels(path, False, None) == 255).all()


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (0x1234, 0x12), (65_535, 255)])
def test_sixteen_bits(tmp_path: Path, value: int, expected: int) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.full((3, 4), value, np.uint16)).save(path)
    assert read_header(path).is_grey
    assert (read_pixels(path, True, None) == expected).all()


def test_floating_point_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(np.zeros((3, 4), np.float32)).save(path)
    with pytest.raises(ConfigurationError, match="a.tif cannot be read: its pixels are floating-point numbers"):
        read_pixels(path, True, None)


def test_a_picture_that_claims_to_be_huge(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", 0)
    content = bytearray(path.read_bytes())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="a.png"):
        read_header(path)


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_numbers_in_names_count_as_numbers(numbers: list[int]) -> None:
    names = sorted((f"class {number}" for number in numbers), key=natural_order)
    assert names == [f"class {number}" for number in sorted(numbers)]


@given(st.lists(st.text(st.characters() | st.sampled_from("07²٣"), max_size=6)))
def test_any_names_have_an_order(names: list[str]) -> None:
    assert sorted(sorted(names), key=natural_order) == sorted(sorted(names, reverse=True), key=natural_order)


@pytest.mark.parametrize(
    ("values", "reason"), [({"size": (0, 28)}, "1 to 512 pixels, not 0x28"), ({"preparation": "x"}, "--prepare takes")]
)
def test_a_reading_that_makes_no_sense(values: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        Reading(**values)  # type: ignore[arg-type]


def test_a_reading_as_arguments() -> None:
    assert Reading().arguments() == ()
    reading = Reading((28, 30), is_grey=True, skip_unreadable=True, preparation="none")
    assert reading.arguments() == ("--size", "28x30", "--grey", "--skip-unreadable", "--prepare", "none")
