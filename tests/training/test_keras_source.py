"""Keras' own download, from a server of ours: what Keras does is real, only the address it asks is another."""

from __future__ import annotations

import hashlib
import http.server
import io
import socket
import sys
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

from tests.toy_model import toy_digits
from training.data import keras_source
from training.data.errors import SourceError
from training.data.keras_source import from_keras

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.data import DatasetSpec

KERAS_MNIST = sys.modules[keras.datasets.mnist.load_data.__module__]


def make_npz() -> bytes:
    x_train, y_train = toy_digits(300, seed=1)
    x_test, y_test = toy_digits(60, seed=2)
    stream = io.BytesIO()
    np.savez(stream, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return stream.getvalue()


class Host:
    """A server that answers every GET with `content`; `asked` counts them. HEAD is refused, as an answer is enough."""

    def __init__(self) -> None:
        self.content = make_npz()
        self.asked = 0
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_error(400)

            def do_GET(self) -> None:
                host.asked += 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(host.content)))
                self.end_headers()
                self.wfile.write(host.content)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keras' home directory, empty."""
    home = tmp_path / "keras"
    home.mkdir()
    whole = KERAS_MNIST.get_file
    monkeypatch.setattr(KERAS_MNIST, "get_file", partial(whole, cache_dir=str(home)))
    return home


@pytest.fixture
def host(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host()
    thread = threading.Thread(target=partial(host.server.serve_forever, poll_interval=0.01))
    thread.start()
    monkeypatch.setattr(keras_source, "KERAS_HOST_URL", host.url)
    digest = hashlib.sha256(host.content).hexdigest()
    download = KERAS_MNIST.get_file
    monkeypatch.setattr(
        KERAS_MNIST,
        "get_file",
        lambda fname, origin, file_hash: download(  # noqa: ARG005 - Keras' own address and digest are what is replaced
            fname=fname, origin=f"{host.url}mnist.npz", file_hash=digest
        ),
    )
    yield host
    host.server.shutdown()
    host.server.server_close()
    thread.join()


@pytest.fixture
def as_mnist(spec: DatasetSpec) -> DatasetSpec:
    return replace(spec, keras_name="mnist")


def test_a_download(host: Host, home: Path, as_mnist: DatasetSpec, raw: dict[str, bytes]) -> None:
    assert from_keras(as_mnist, home) == raw
    assert host.asked == 1


def test_what_keras_has_is_not_downloaded_again(
    host: Host, home: Path, as_mnist: DatasetSpec, raw: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from_keras(as_mnist, home)
    monkeypatch.setattr(keras_source, "KERAS_HOST_URL", "http://127.0.0.1:1/")  # nobody needs to be asked either
    assert from_keras(as_mnist, home) == raw
    assert host.asked == 1


def test_a_download_of_something_else_leaves_nothing(host: Host, home: Path, as_mnist: DatasetSpec) -> None:
    host.content = b"Please log in to this network."
    with pytest.raises(SourceError, match="the download failed"):
        from_keras(as_mnist, home)
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_the_time_limit_is_for_the_download_alone(host: Host, home: Path, as_mnist: DatasetSpec) -> None:
    from_keras(as_mnist, home)
    assert host.asked == 1
    assert socket.getdefaulttimeout() is None


def test_a_host_that_refuses_connections(home: Path, as_mnist: DatasetSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(keras_source, "KERAS_HOST_URL", f"http://127.0.0.1:{closed.getsockname()[1]}/")
        with pytest.raises(SourceError, match="cannot be reached"):
            from_keras(as_mnist, home)


def test_a_host_that_never_answers(home: Path, as_mnist: DatasetSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setattr(keras_source, "KERAS_HOST_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        monkeypatch.setattr(keras_source, "PATIENCE_SECONDS", 0.05)
        with pytest.raises(SourceError, match=r"did not answer within 0\.05 s|timed out"):
            from_keras(as_mnist, home)
