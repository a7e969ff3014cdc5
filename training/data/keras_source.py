"""Keras' own download of a data set, with bounds on how long it may take to find out that it cannot work.

`keras.datasets` connects without any time limit: behind a firewall that drops packets it would try every address of
the host in turn, for minutes. So the host is asked first, in a thread that is left behind when time is up.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from training.data.arrays import Arrays, encode_files
from training.data.errors import SourceError
from training.data.sources import flat_labels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.data.specs import DatasetSpec

KERAS_HOST_URL = "https://storage.googleapis.com/"
CIFAR_HOST_URL = "https://www.cs.toronto.edu/"
PATIENCE_SECONDS = 10.0
STALL_SECONDS = 30.0


def host_url(spec: DatasetSpec) -> str:
    """The host from which Keras downloads the data set."""
    return CIFAR_HOST_URL if spec.layout == "cifar" else KERAS_HOST_URL


def stored_files(spec: DatasetSpec, keras_home: Path) -> tuple[Path, ...]:
    """Where Keras keeps what it has downloaded of the data set."""
    datasets = keras_home.expanduser() / "datasets"
    if spec.archives is not None:
        return (datasets / f"{spec.archives.python_folder}-target_archive",)
    if spec.keras_name == "fashion_mnist":
        return tuple(datasets / "fashion-mnist" / f"{name}.gz" for name in spec.files)
    return (datasets / f"{spec.keras_name}.npz",)


def from_keras(spec: DatasetSpec, keras_home: Path) -> dict[str, bytes]:
    """The files as `keras.datasets` gives them: out of `keras_home/datasets` when it has them there, else downloaded.

    Gives up after `PATIENCE_SECONDS` when the host does not answer, and when a download stalls for `STALL_SECONDS`.
    Leaves no damaged download behind. Raises `SourceError`.
    """
    missing = [path for path in stored_files(spec, keras_home) if not path.exists()]
    if missing:
        _require_answer(host_url(spec), PATIENCE_SECONDS)

    import keras

    try:
        with _socket_timeout(STALL_SECONDS):
            (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, str(spec.keras_name)).load_data()
    except Exception as error:  # Keras raises bare `Exception` for every fault of a download
        for path in missing:
            path.unlink(missing_ok=True)
        raise SourceError(f"the download failed: {error}") from error
    return encode_files(Arrays(x_train, flat_labels(y_train), x_test, flat_labels(y_test)), spec)


def _require_answer(url: str, patience_seconds: float) -> None:
    """Return when the host of `url` answers at all, with whatever status; proxies of the environment are honoured."""
    fault: list[str] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=patience_seconds):  # noqa: S310 - a constant https address
                pass
        except urllib.error.HTTPError as error:
            error.close()  # a refusal is an answer
        except (OSError, ValueError) as error:
            fault.append(str(getattr(error, "reason", error)))

    thread = threading.Thread(target=ask, daemon=True, name="ask-keras-host")
    thread.start()
    thread.join(patience_seconds)
    if thread.is_alive():
        raise SourceError(f"{url} did not answer within {patience_seconds:g} s")
    if fault:
        raise SourceError(f"{url} cannot be reached: {fault[0]}")


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
