"""Where engines listen and workers call."""

from __future__ import annotations

import select
import socket
from pathlib import Path

import pytest

from service.transport import dial, dial_error, listen


def reached(sock: socket.socket) -> int:
    """The error with which the attempt ended, once it has ended."""
    poller = select.poll()
    poller.register(sock, select.POLLOUT)
    assert poller.poll(20_000)
    return dial_error(sock)


@pytest.mark.parametrize("scheme", ["ipc", "tcp"])
def test_who_dials_is_heard(scheme: str, tmp_path: Path) -> None:
    with listen("tcp://127.0.0.1:0" if scheme == "tcp" else f"ipc://{tmp_path}/engine.sock") as listener:
        name = listener.getsockname()
        endpoint = f"ipc://{name}" if scheme == "ipc" else f"tcp://{name[0]}:{name[1]}"
        with dial(endpoint) as caller:
            assert reached(caller) == 0
            assert not caller.getblocking()
            assert not listener.getblocking()
            called, _ = listener.accept()
            with called:
                caller.send(b"hello")
                assert called.recv(9) == b"hello"


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        dial(f"ipc://{tmp_path}/engine.sock")
    path = tmp_path / "engine.sock"
    listen(f"ipc://{path}").close()  # as when a process has died
    assert path.exists()
    with pytest.raises(ConnectionRefusedError):
        dial(f"ipc://{path}")


def test_nobody_listens_there_either() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening
        try:
            sock = dial(f"tcp://127.0.0.1:{taken.getsockname()[1]}")
        except ConnectionRefusedError:
            return
        with sock:
            assert reached(sock) != 0


def test_what_a_dead_engine_left_is_in_nobodys_way(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/engine.sock"
    listen(endpoint).close()
    with listen(endpoint), dial(endpoint) as caller:
        assert reached(caller) == 0


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    path.write_text("mine")
    with pytest.raises(OSError, match="in use"):
        listen(f"ipc://{path}")
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    "endpoint", ["udp://127.0.0.1:1", "tcp://127.0.0.1", "tcp://:70", "tcp://127.0.0.1:http", "tcp://127.0.0.1:70000"]
)
def test_addresses_that_are_none(endpoint: str) -> None:
    for use in (dial, listen):
        with pytest.raises(OSError, match="neither ipc://<path> nor tcp://<host>:<port>"):
            use(endpoint)


def test_a_star_is_every_address() -> None:
    with listen("tcp://*:0") as listener:
        assert listener.getsockname()[0] == "0.0.0.0"


def test_a_name_that_no_host_can_have() -> None:
    with pytest.raises(OSError, match="no name of a host"):
        dial("tcp://engine..local:7000")


def test_ipv4_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    with listen("tcp://127.0.0.1:0") as listener:
        port = listener.getsockname()[1]
        both = [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
        with dial(f"tcp://localhost:{port}") as caller:
            assert reached(caller) == 0
