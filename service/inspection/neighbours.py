"""Which training examples a model takes for most alike to a picture, from the index that came with its version.

The index holds some hundred examples of the training part with the output of the layer before the logits, so the search
is exact among them: a matrix product of microseconds. Alike is a small angle, since the logits of a picture grow with the
length of its embedding while its class hardly depends on it; measured on MNIST, the closest by angle are of the right
class more often than the closest by distance.
"""

from __future__ import annotations

import base64
import io
import math
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from service.catalogue import ModelVersion
from service.errors import InvalidParameterError, NotApplicableError
from service.inspection import extras, layers, sheets
from service.inspection.dreaming import shown
from service.inspection.sheets import Tile

FILE: Final = "neighbours.npz"
K_DEFAULT: Final = 10
K_MAX: Final = 100
ANSWERS_MAX: Final = 2048
"""Pictures in one request times neighbours of each."""
Thumbnails = Literal["png", "array"]
THUMBNAILS: Final[tuple[Thumbnails, ...]] = get_args(Thumbnails)

_MAX_BYTES: Final = 4 * 2**20
_MAX_UNPACKED_BYTES: Final = 64 * 2**20
_KEPT_INDICES: Final = 8
_TILE_PX: Final = 96
_DIGITS: Final = 6
Floats = npt.NDArray[np.float32]


class _Array(NamedTuple):
    """What an array in the file has to be."""

    kind: str
    dimensions: int


_ARRAYS: Final = {
    "directions": _Array("f", 2),
    "labels": _Array("u", 1),
    "positions": _Array("i", 1),
    "strange": _Array("b", 1),
    "thumbnails": _Array("u", 4),
    "dataset": _Array("U", 0),
    "split": _Array("U", 0),
    "layer": _Array("U", 0),
}


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """N training examples of one version."""

    directions: Floats
    """(N, D): their embeddings, each of length 1."""
    labels: npt.NDArray[Any]
    """(N), indices into the card's `labels`."""
    positions: npt.NDArray[Any]
    """(N), in the split of the data set."""
    strange: npt.NDArray[np.bool_]
    """(N): whether it is one of those that the model reads rightly with the least margin."""
    thumbnails: npt.NDArray[np.uint8]
    """(N, H, W, C)."""
    dataset: str
    split: str
    layer: str
    """Whose output the embeddings are."""

    def __len__(self) -> int:
        return len(self.labels)

    def source(self, at: int) -> str:
        """As in `mnist train[12345]`."""
        return f"{self.dataset} {self.split}[{self.positions[at]}]"


class Nearest(NamedTuple):
    """The examples closest to each of Q pictures, the closest first."""

    examples: npt.NDArray[np.intp]
    """(Q, k), where they are in the index."""
    distances: Floats
    """(Q, k), 1 - cos of the angle between embeddings: 0 for the same direction, 1 for nothing in common, 2 at most."""


def index_of(models_dir: Path, version: ModelVersion) -> Index:
    """The index of a version; kept for the next time.

    :raise NotApplicableError: it came without one, or with one that cannot be used.
    """
    sha256 = extras.digest(version, FILE)
    if sha256 is None:
        raise NotApplicableError(
            f"{version.name}/{version.version} came without an index of training examples: it was made before there was one",
            field="model",
        )
    content = extras.content(models_dir, version, FILE, _MAX_BYTES)
    try:
        index = _read(content)
        _check(index, version)
    # What is wrong in a zip file is told in many ways, and the model answers all the same.
    except (ValueError, KeyError, OSError, EOFError, NotImplementedError, zipfile.BadZipFile) as error:
        raise NotApplicableError(
            f"{FILE} of {version.name}/{version.version} cannot be used: {error}", field="model"
        ) from None
    return index


def nearest(index: Index, embeddings: Floats, k: int) -> Nearest:
    """The `k` examples closest to each of `embeddings` float32 (Q, D), or all where there are fewer."""
    similarity = _directions(embeddings) @ index.directions.T
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    return Nearest(order, np.maximum(0.0, 1.0 - np.take_along_axis(similarity, order, axis=1)))


def thumbnails(asked: str | None) -> Thumbnails | None:
    """In which form the examples' pictures shall come with JSON: not at all unless they are asked for.

    :raise InvalidParameterError: there is no such form.
    """
    if asked is None:
        return None
    for form in THUMBNAILS:
        if asked == form:
            return form
    raise InvalidParameterError(
        f"thumbnails must be one of {', '.join(THUMBNAILS)}, not {asked[:40]!r}", field="thumbnails"
    )


def about(index: Index) -> dict[str, Any]:
    """What was searched, and by what."""
    return {
        "layer": index.layer,
        "metric": "cosine",
        "dataset": index.dataset,
        "split": index.split,
        "examples": len(index),
    }


def told(
    index: Index, found: Nearest, row: int, names: list[dict[str, Any]], thumbnails: Thumbnails | None
) -> list[dict[str, Any]]:
    """What is told of the neighbours of picture `row`: class, distance, where they come from, how they look if asked."""
    neighbours = []
    for at, distance in zip(found.examples[row].tolist(), found.distances[row].tolist(), strict=True):
        one = {
            **names[int(index.labels[at])],
            "distance": round(distance, _DIGITS),
            "position": int(index.positions[at]),
            "source": index.source(at),
            "strange": bool(index.strange[at]),
        }
        picture = index.thumbnails[at]
        if thumbnails == "png":
            one["thumbnail"] = base64.b64encode(sheets.png(shown(picture))).decode()
        elif thumbnails == "array":
            one["thumbnail"] = picture.tolist()
        neighbours.append(one)
    return neighbours


def sheet(index: Index, found: Nearest, pictures: npt.NDArray[np.uint8], labels: list[str]) -> bytes:
    """A PNG: a row for each of `pictures` (Q, H, W, C), itself first, then its neighbours with class and distance."""
    tiles = []
    for row, picture in enumerate(pictures):
        tiles.append(Tile("picture", shown(picture)))
        tiles += [
            Tile(f"{labels[int(index.labels[at])]}  {distance:.3f}", shown(index.thumbnails[at]))
            for at, distance in zip(found.examples[row], found.distances[row], strict=True)
        ]
    return sheets.sheet(tiles, columns=1 + found.examples.shape[1], tile_px=_TILE_PX)


@lru_cache(_KEPT_INDICES)
def _read(content: bytes) -> Index:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > _MAX_UNPACKED_BYTES:
            raise ValueError(f"it unpacks to more than {_MAX_UNPACKED_BYTES} bytes")
        arrays = {name: _array(name, archive.read(f"{name}.npy")) for name in _ARRAYS}
    counts = {len(array) for array in arrays.values() if array.ndim}
    if len(counts) != 1 or 0 in counts:
        raise ValueError("its arrays are of no or of different numbers of examples")
    return Index(
        _directions(arrays["directions"].astype(np.float32)),
        arrays["labels"],
        arrays["positions"],
        arrays["strange"],
        arrays["thumbnails"],
        str(arrays["dataset"]),
        str(arrays["split"]),
        str(arrays["layer"]),
    )


def _array(name: str, content: bytes) -> npt.NDArray[Any]:
    file, expected = io.BytesIO(content), _ARRAYS[name]
    # The header by itself first: it may claim any size, and room is made for what it claims.
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError(f"{name} is no array of the format 1.0")
    dimensions, _, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.kind != expected.kind or len(dimensions) != expected.dimensions:
        raise ValueError(f"{name} is {dtype} of {len(dimensions)} dimensions")
    if min(dimensions, default=0) < 0 or math.prod(dimensions) * dtype.itemsize != len(content) - file.tell():
        raise ValueError(f"{name} is cut short")
    return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))


def _check(index: Index, version: ModelVersion) -> None:
    """:raise ValueError: the index is not of this version, or of another kind of pictures."""
    outputs = version.signatures["activations"].outputs if "activations" in version.signatures else {}
    widths = {row["name"]: math.prod(row["output_shape"]) for row in layers.table(version)}
    if index.layer not in outputs or widths.get(index.layer) != index.directions.shape[1]:
        raise ValueError(f"it is of a layer {index.layer[:40]!r}, and the version has none like it")
    if int(index.labels.max()) >= len(version.labels):
        raise ValueError("it has labels that the card does not know")
    if index.thumbnails.dtype != np.uint8 or index.thumbnails.shape[1:] != version.input_shape:
        raise ValueError("its pictures are not such as the model takes")


def _directions(embeddings: Floats) -> Floats:
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.asarray(embeddings / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)
