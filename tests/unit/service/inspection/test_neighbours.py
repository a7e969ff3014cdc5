"""The search among training examples, and what becomes of an index that is not as it should be."""

from __future__ import annotations

import base64
import hashlib
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.catalogue import ModelVersion, Signature, TensorInfo
from service.errors import InvalidParameterError, NotApplicableError
from service.inspection import neighbours

EXAMPLES, WIDTH = 6, 4
NAMES: list[dict[str, Any]] = [{"digit": 0}, {"digit": 1}]
Arrays = dict[str, NDArray[Any]]


@pytest.fixture
def arrays() -> Arrays:
    rng = np.random.default_rng(1)
    return {
        "directions": rng.normal(size=(EXAMPLES, WIDTH)).astype(np.float16),
        "labels": np.array([0, 1, 0, 1, 0, 1], np.uint8),
        "positions": np.arange(100, 100 + EXAMPLES, dtype=np.int32),
        "strange": np.arange(EXAMPLES) == 2,
        "thumbnails": rng.integers(0, 256, (EXAMPLES, 5, 5, 1), dtype=np.uint8),
        "dataset": np.array("mnist"),
        "split": np.array("train"),
        "layer": np.array("dense1"),
    }


def packed(arrays: Arrays) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=True, **arrays)
    return file.getvalue()


def version_with(content: bytes | None, models_dir: Path, stated: bytes | None = None) -> ModelVersion:
    """`m/1` with the index `content`, whose card states the digest of `stated` or else of `content`."""
    outputs = {"dense1": TensorInfo("dense1:0", "DT_FLOAT", (-1, WIDTH))}
    card: dict[str, Any] = {
        "labels": ["0", "1"],
        "input": {"shape": [5, 5, 1]},
        "architecture": {
            "layers": [{"name": "dense1", "output_shape": [WIDTH]}, {"name": "logits", "output_shape": [2]}]
        },
    }
    if content is not None:
        path = models_dir / "m" / "1" / "assets.extra" / "neighbours.npz"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        card["files"] = {
            "assets.extra/neighbours.npz": {"sha256": hashlib.sha256(stated or content).hexdigest(), "bytes": 1}
        }
    return ModelVersion("m", 1, "available", None, card, {"activations": Signature({}, outputs, "")})


@pytest.fixture
def index(arrays: Arrays, tmp_path: Path) -> neighbours.Index:
    return neighbours.index_of(tmp_path, version_with(packed(arrays), tmp_path))


def test_the_nearest_are_those_at_the_smallest_angle(index: neighbours.Index, arrays: Arrays) -> None:
    embeddings = np.random.default_rng(2).normal(size=(3, WIDTH)).astype(np.float32)
    found = neighbours.nearest(index, embeddings, 4)
    for row, embedding in enumerate(embeddings.astype(np.float64)):
        distances = [
            1 - embedding @ other / np.linalg.norm(embedding) / np.linalg.norm(other)
            for other in arrays["directions"].astype(np.float64)
        ]
        assert found.examples[row].tolist() == np.argsort(distances)[:4].tolist()
        assert np.allclose(found.distances[row], np.sort(distances)[:4], atol=1e-5)


def test_the_length_of_an_embedding_plays_no_part(index: neighbours.Index, arrays: Arrays) -> None:
    own = arrays["directions"].astype(np.float32)
    found = neighbours.nearest(index, 1000.0 * own, 1)
    assert found.examples[:, 0].tolist() == list(range(EXAMPLES))
    assert np.allclose(found.distances, 0.0, atol=1e-6)
    assert (found.distances >= 0).all()


def test_an_embedding_of_nothing_but_zeros(index: neighbours.Index) -> None:
    found = neighbours.nearest(index, np.zeros((1, WIDTH), np.float32), 2)
    assert found.distances.tolist() == [[1.0, 1.0]]


def test_more_than_there_are(index: neighbours.Index) -> None:
    assert neighbours.nearest(index, np.ones((2, WIDTH), np.float32), 50).examples.shape == (2, EXAMPLES)


def test_what_is_told_of_a_neighbour(index: neighbours.Index, arrays: Arrays) -> None:
    found = neighbours.nearest(index, arrays["directions"][2:3].astype(np.float32), 1)
    expected = {
        "digit": 0,
        "distance": 0.0,
        "position": 102,
        "source": "mnist train[102]",
        "strange": True,
    }
    assert neighbours.told(index, found, 0, NAMES, None) == [expected]
    (as_array,) = neighbours.told(index, found, 0, NAMES, "array")
    assert as_array == {**expected, "thumbnail": arrays["thumbnails"][2].tolist()}
    (as_png,) = neighbours.told(index, found, 0, NAMES, "png")
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(as_png["thumbnail"]))))
    assert (picture == arrays["thumbnails"][2, ..., 0]).all()


def test_the_strip_begins_with_the_picture_posted(index: neighbours.Index, arrays: Arrays) -> None:
    pictures = np.full((2, 5, 5, 1), 77, np.uint8)
    found = neighbours.nearest(index, arrays["directions"][:2].astype(np.float32), 3)
    sheet = np.asarray(Image.open(io.BytesIO(neighbours.sheet(index, found, pictures, ["0", "1"]))))
    tile_px = sheet.shape[1] // 4
    assert sheet.shape[0] > sheet.shape[1] / 2  # two rows of four
    for row in range(2):
        top = row * sheet.shape[0] // 2 + 50
        assert sheet[top, 50].tolist() == [77] * 3
        nearest = arrays["thumbnails"][found.examples[row, 0], ..., 0]
        assert sheet[top, tile_px + 50, 0] in nearest
        assert sheet[top, tile_px + 50].tolist() != [77] * 3


def test_forms_of_thumbnails() -> None:
    assert neighbours.thumbnails(None) is None
    assert neighbours.thumbnails("png") == "png"
    with pytest.raises(InvalidParameterError, match="png, array"):
        neighbours.thumbnails("gif")


def test_a_version_without_an_index_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotApplicableError, match="m/1 came without an index"):
        neighbours.index_of(tmp_path, version_with(None, tmp_path))


def test_an_index_that_has_gone(arrays: Arrays, tmp_path: Path) -> None:
    version = version_with(packed(arrays), tmp_path)
    (tmp_path / "m" / "1" / "assets.extra" / "neighbours.npz").unlink()
    with pytest.raises(NotApplicableError, match="No such file"):
        neighbours.index_of(tmp_path, version)


def test_an_index_that_was_changed(arrays: Arrays, tmp_path: Path) -> None:
    content = packed(arrays)
    with pytest.raises(NotApplicableError, match="SHA-256"):
        neighbours.index_of(tmp_path, version_with(content[:-1] + b"x", tmp_path, stated=content))


def test_an_index_of_any_length_is_not_read(arrays: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed(arrays)
    monkeypatch.setattr(neighbours, "_MAX_BYTES", len(content) - 1)
    with pytest.raises(NotApplicableError, match="more than"):
        neighbours.index_of(tmp_path, version_with(content, tmp_path))


WRONG: dict[str, Arrays] = {
    "other-layer": {"layer": np.array("dense9")},
    "narrow": {"directions": np.ones((EXAMPLES, WIDTH - 1), np.float16)},
    "flat": {"directions": np.ones(EXAMPLES, np.float16)},
    "integers": {"directions": np.ones((EXAMPLES, WIDTH), np.int64)},
    "unknown-class": {"labels": np.array([0, 1, 2, 0, 0, 0], np.uint8)},
    "negative-class": {"labels": np.array([0, 1, -1, 0, 0, 0], np.int8)},
    "fewer": {"positions": np.arange(EXAMPLES - 1, dtype=np.int32)},
    "none": {
        "directions": np.ones((0, WIDTH), np.float16),
        "labels": np.ones(0, np.uint8),
        "positions": np.ones(0, np.int32),
        "strange": np.ones(0, np.bool_),
        "thumbnails": np.ones((0, 5, 5, 1), np.uint8),
    },
    "other-pictures": {"thumbnails": np.zeros((EXAMPLES, 5, 6, 1), np.uint8)},
    "deep-pictures": {"thumbnails": np.zeros((EXAMPLES, 5, 5, 1), np.uint16)},
    "objects": {"strange": np.array([None] * EXAMPLES, object)},
}


@pytest.mark.parametrize("fault", WRONG)
def test_an_index_of_something_else(fault: str, arrays: Arrays, tmp_path: Path) -> None:
    with pytest.raises(NotApplicableError, match=r"neighbours\.npz of m/1 cannot be used"):
        neighbours.index_of(tmp_path, version_with(packed({**arrays, **WRONG[fault]}), tmp_path))


def test_an_index_without_one_of_its_arrays(arrays: Arrays, tmp_path: Path) -> None:
    del arrays["positions"]
    with pytest.raises(NotApplicableError, match="positions"):
        neighbours.index_of(tmp_path, version_with(packed(arrays), tmp_path))


class Harm:
    """What a pickle could do."""

    done = False

    def __reduce__(self) -> tuple[Any, ...]:
        return (setattr, (Harm, "done", True))


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip file at all", pickle.dumps(Harm())])
def test_no_zip_file_at_all(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(NotApplicableError, match="cannot be used"):
        neighbours.index_of(tmp_path, version_with(content, tmp_path))
    assert not Harm.done


def rewritten(arrays: Arrays, name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed(arrays))) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(member, content if member == f"{name}.npy" else old.read(member))
    return file.getvalue()


def test_an_array_that_claims_to_be_huge(arrays: Arrays, tmp_path: Path) -> None:
    file = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**12, 5, 5, 1)}
    np.lib.format.write_array_header_1_0(file, header)
    content = rewritten(arrays, "thumbnails", file.getvalue() + bytes(25))
    with pytest.raises(NotApplicableError, match="thumbnails is cut short"):
        neighbours.index_of(tmp_path, version_with(content, tmp_path))


def test_a_file_that_unpacks_to_far_more(arrays: Arrays, tmp_path: Path) -> None:
    content = rewritten(arrays, "thumbnails", bytes(neighbours._MAX_UNPACKED_BYTES))
    assert len(content) < neighbours._MAX_BYTES
    with pytest.raises(NotApplicableError, match="unpacks to more"):
        neighbours.index_of(tmp_path, version_with(content, tmp_path))
