"""Fashion-MNIST and CIFAR as Keras downloads them, from a server of ours; MNIST is in `test_keras_source.py`.

What Keras does is real; only the address that it asks, the digest that it expects and its home are others.
"""

from __future__ import annotations

import gzip
import hashlib
import http.server
import importlib
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.training.data.conftest import tar_gz
from tests.training.data.python2_pickle import python2_batch
from training.data import keras_source
from training.data.cifar import encode_records
from training.data.errors import SourceError
from training.data.keras_source import from_keras, host_url, stored_files
from training.data.specs import CIFAR_10, CIFAR_100, FASHION_MNIST, FILES, DatasetSpec
from training.data.whereabouts import find_nearby

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Host:
    """Answers every GET with the file of that name, wherever it is said to lie; `asked` lists the names."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_error(400)

            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                host.asked.append(name)
                content = host.files[name]
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host()
    thread = threading.Thread(target=partial(host.server.serve_forever, poll_interval=0.01))
    thread.start()
    monkeypatch.setattr(keras_source, "KERAS_HOST_URL", host.url)
    monkeypatch.setattr(keras_source, "CIFAR_HOST_URL", host.url)
    yield host
    host.server.shutdown()
    host.server.server_close()
    thread.join()


def redirect(module: str, host: Host, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `keras.src.datasets.<module>` ask `host`, and keep what it gets in `home`."""
    keras_module = importlib.import_module(f"keras.src.datasets.{module}")
    download = keras_module.get_file

    def from_host(fname: str, origin: str, file_hash: str | None = None, **options: Any) -> str:
        name = origin.rpartition("/")[2]
        digest = hashlib.sha256(host.files[name]).hexdigest() if file_hash else None
        return str(download(fname, origin=host.url + name, file_hash=digest, cache_dir=str(home), **options))

    monkeypatch.setattr(keras_module, "get_file", from_host)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "keras").mkdir()
    return tmp_path / "keras"


@pytest.fixture
def as_fashion(spec: DatasetSpec) -> DatasetSpec:
    return replace(spec, keras_name="fashion_mnist")


def test_fashion(
    host: Host, home: Path, as_fashion: DatasetSpec, raw: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    redirect("fashion_mnist", host, home, monkeypatch)
    host.files = {f"{name}.gz": gzip.compress(content) for name, content in raw.items()}
    assert find_nearby(as_fashion, None, home / "none", home) is None
    assert from_keras(as_fashion, home) == raw
    assert sorted(host.asked) == sorted(host.files)
    assert find_nearby(as_fashion, None, home / "none", home) == "Keras' downloads"
    monkeypatch.setattr(keras_source, "KERAS_HOST_URL", "http://127.0.0.1:1/")
    assert from_keras(as_fashion, home) == raw
    assert len(host.asked) == len(FILES)


def test_a_page_in_place_of_fashion_leaves_nothing(
    host: Host, home: Path, as_fashion: DatasetSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras knows no digests of these files and would keep whatever it got."""
    redirect("fashion_mnist", host, home, monkeypatch)
    host.files = {f"{name}.gz": b"Please log in to this network." for name in FILES}
    with pytest.raises(SourceError, match="the download failed"):
        from_keras(as_fashion, home)
    assert not [path for path in home.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("published", "each"),
    # Keras takes CIFAR-10's sizes for granted, so that one has to have all of its pictures; they are black.
    [pytest.param(CIFAR_10, 10_000, marks=pytest.mark.slow), pytest.param(CIFAR_100, 20)],
    ids=["cifar10", "cifar100"],
)
def test_cifar(published: DatasetSpec, each: int, host: Host, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    redirect(published.name, host, home, monkeypatch)
    archives = published.archives
    assert archives is not None
    rng, rows = np.random.default_rng(1), np.zeros((each, 3072), np.uint8)
    labels = {name: rng.integers(0, len(published.labels), each).astype(np.uint8) for name in archives.batches}
    host.files[archives.python] = tar_gz(
        {
            f"{archives.python_folder}/{name}": python2_batch(rows, labels[name].tolist(), archives.label_key)
            for name in archives.batches
        }
    )
    *train, test = archives.batches
    y_train = np.concatenate([labels[name] for name in train])
    black = np.zeros((len(y_train), 32, 32, 3), np.uint8)
    expected = encode_records((black, y_train, black[:each], labels[test]), published.files, published.superclass_of)
    assert from_keras(published, home) == expected
    assert host.asked == [archives.python]
    assert all(path.is_file() for path in stored_files(published, home))
    monkeypatch.setattr(keras_source, "CIFAR_HOST_URL", "http://127.0.0.1:1/")
    assert from_keras(published, home) == expected
    assert host.asked == [archives.python]


def test_the_hosts() -> None:
    assert "googleapis" in host_url(FASHION_MNIST)
    assert "toronto" in host_url(CIFAR_10)
