"""The engine's end: many peers, one wait."""

from __future__ import annotations

import os
import resource
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.transport import Channel, Hub, dial


@pytest.fixture
def endpoint(tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/engine.sock"


@pytest.fixture
def hub(endpoint: str) -> Iterator[Hub]:
    hub = Hub()
    hub.bind(endpoint)
    yield hub
    hub.close()


def heard(hub: Hub, count: int) -> list[tuple[bytes, list[bytes]]]:
    found: list[tuple[bytes, list[bytes]]] = []
    while len(found) < count:
        hub.wait(20_000)
        found += [(name, [bytes(frame) for frame in frames]) for name, frames in hub.receive()]
    return found


def answer(caller: Channel) -> list[bytes]:
    poller = select.poll()
    poller.register(caller.fileno(), select.POLLIN)
    while True:
        assert poller.poll(20_000)
        for frames in caller.receive():
            return [bytes(frame) for frame in frames]


def test_each_peer_has_a_name_and_hears_its_own_answers(hub: Hub, endpoint: str) -> None:
    callers = [Channel(dial(endpoint)) for _ in range(3)]
    for number, caller in enumerate(callers):
        caller.send([b"hello", b"%d" % number])
    names = {frames[1]: name for name, frames in heard(hub, 3)}
    assert len(set(names.values())) == 3
    for greeting, name in names.items():
        assert hub.send(name, [b"you are", greeting])
    for number, caller in enumerate(callers):
        assert answer(caller) == [b"you are", b"%d" % number]
        caller.close()


def test_nothing_to_do(hub: Hub) -> None:
    hub.wait(0)
    assert list(hub.receive()) == []


def test_what_wakes_it_is_no_message(hub: Hub) -> None:
    thread = threading.Thread(target=hub.wake)
    thread.start()
    hub.wait(None)
    thread.join()
    assert list(hub.receive()) == []
    os.write(hub.wake_descriptor, b"\0")  # as a signal does
    hub.wait(None)
    for _ in range(100_000):
        hub.wake()  # never blocks
    hub.wait(None)


def test_a_message_that_is_still_coming_is_known(hub: Hub, endpoint: str) -> None:
    caller = Channel(dial(endpoint))
    caller.send([b"x" * 20_000_000])
    assert caller.unsent
    assert not hub.is_amid
    found: list[memoryview] = []
    amid = 0
    while not found:
        caller.flush()
        hub.wait(20_000)
        found += [frames[0] for _, frames in hub.receive()]
        amid += hub.is_amid
    assert amid
    assert not hub.is_amid
    assert len(found[0]) == 20_000_000
    caller.close()


def test_without_descriptors_it_waits_with_accepting(
    hub: Hub, endpoint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("service.transport.hub.ACCEPT_AGAIN_SECONDS", 0.02)
    caller = Channel(dial(endpoint))
    caller.send([b"hello"])
    free = os.dup(0)
    os.close(free)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))  # the next descriptor is one too many
    try:
        hub.wait(20_000)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert list(hub.receive()) == []
    assert capsys.readouterr().out.count("accept_failed") == 1
    [(_, frames)] = heard(hub, 1)
    assert frames == [b"hello"]
    caller.close()


def test_who_has_gone_misses_nothing(hub: Hub, endpoint: str) -> None:
    caller = Channel(dial(endpoint))
    caller.send([b"hello"])
    [(name, _)] = heard(hub, 1)
    caller.close()
    assert hub.send(name, [b"too late"])
    hub.wait(20_000)
    assert list(hub.receive()) == []
    hub.wait(0)
    assert hub.send(name, [b"later still"])
    assert hub.send(b"nobody", [b"hello"])


def test_a_slow_reader_is_sent_the_rest_while_others_are_heard(hub: Hub, endpoint: str) -> None:
    slow, other = Channel(dial(endpoint)), Channel(dial(endpoint))
    slow.send([b"slow"])
    [(name, _)] = heard(hub, 1)
    large = bytes(range(256)) * 20_000
    hub.send(name, [b"large", large])
    other.send([b"other"])
    [(_, frames)] = heard(hub, 1)
    assert frames == [b"other"]
    found: list[list[memoryview]] = []
    while not found:
        found = slow.receive()
        hub.wait(10)
    assert bytes(found[0][1]) == large
    hub.wait(0)
    slow.close()
    other.close()


def test_the_last_answers_are_sent_before_it_hangs_up(endpoint: str) -> None:
    hub = Hub()
    hub.bind(endpoint)
    reader, absent = Channel(dial(endpoint)), Channel(dial(endpoint))
    for caller in (reader, absent):
        caller.send([b"hello"])
    large = b"x" * 5_000_000
    for name, _ in heard(hub, 2):
        hub.send(name, [large])
    found: list[list[bytes]] = []
    thread = threading.Thread(target=lambda: found.append(answer(reader)))
    thread.start()
    absent.close()
    hub.close(20.0)
    thread.join()
    assert found == [[large]]
    reader.close()


def test_who_reads_nothing_is_not_waited_for(endpoint: str) -> None:
    hub = Hub()
    hub.bind(endpoint)
    caller = Channel(dial(endpoint))
    caller.send([b"hello"])
    [(name, _)] = heard(hub, 1)
    hub.send(name, [b"x" * 5_000_000])
    hub.close(0.01)
    caller.close()


def test_a_stranger_is_hung_up_on_and_the_others_are_heard(hub: Hub, endpoint: str) -> None:
    caller = Channel(dial(endpoint))
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(endpoint.removeprefix("ipc://"))
        stranger.send(b"GET / HTTP/1.1\r\n\r\n")
        stranger.settimeout(20.0)
        caller.send([b"hello"])
        heard(hub, 1)
        hub.wait(20)
        list(hub.receive())
        assert stranger.recv(10) == b""
    caller.close()
