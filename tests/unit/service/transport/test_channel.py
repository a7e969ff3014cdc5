"""One end of a connection: nothing waits, nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Iterator

import numpy as np
import pytest
import uvloop

from service.transport import Channel, channel
from tests.unit.service.running import until

Pair = tuple[Channel, Channel]


@pytest.fixture
def pair() -> Iterator[Pair]:
    sockets = socket.socketpair()
    for end in sockets:
        end.setblocking(False)
    one, other = (Channel(end) for end in sockets)
    yield one, other
    one.close()
    other.close()


def heard(frames: list[memoryview]) -> list[bytes]:
    return [bytes(frame) for frame in frames]


def carried(sender: Channel, receiver: Channel, count: int) -> list[list[bytes]]:
    """So many messages, with both ends at work."""
    found: list[list[bytes]] = []
    while len(found) < count:
        poller = select.poll()
        poller.register(receiver.fileno(), select.POLLIN)
        if sender.unsent:
            poller.register(sender.fileno(), select.POLLOUT)
        assert poller.poll(20_000)
        sender.flush()
        found += [heard(frames) for frames in receiver.receive()]
    return found


def test_there_and_back(pair: Pair) -> None:
    one, other = pair
    assert one.send([b"question", b"", memoryview(b"pixels")])
    assert not one.unsent
    assert [heard(frames) for frames in other.receive()] == [[b"question", b"", b"pixels"]]
    assert other.receive() == []
    assert other.ended is None
    assert other.send([b"answer"])
    assert [heard(frames) for frames in one.receive()] == [[b"answer"]]


def test_what_the_kernel_does_not_take_waits(pair: Pair) -> None:
    one, other = pair
    rng = np.random.default_rng(1)
    large = rng.integers(0, 256, (1024, 28, 28), dtype=np.uint8)
    messages: list[list[bytes | memoryview]] = [[b"a", large.data], [b"b"], [b"c", rng.bytes(100_000)], [b"d", b""]]
    for frames in messages:
        assert one.send(frames)
    assert one.unsent
    assert carried(one, other, 4) == [[bytes(frame) for frame in frames] for frames in messages]
    assert not one.unsent


def test_numbers_of_any_kind(pair: Pair) -> None:
    one, other = pair
    numbers = np.arange(200_000, dtype=np.float32).reshape(2, -1)
    one.send([b"", numbers.data])
    [[_, frame]] = carried(one, other, 1)
    assert np.array_equal(np.frombuffer(frame, np.float32), numbers.ravel())


def test_more_frames_than_the_kernel_takes_at_once(pair: Pair) -> None:
    one, other = pair
    frames = [b"%d" % number for number in range(3000)]
    one.send(frames)
    assert carried(one, other, 1) == [frames]


def test_who_hangs_up_is_heard_to_the_end(pair: Pair) -> None:
    one, other = pair
    one.send([b"last words"])
    one.close()
    assert one.fileno() == -1
    other.send([b"never heard"])  # the kernel says so now
    assert not other.send([b"nor this"])
    assert other.is_gone
    assert other.ended is None
    assert [heard(frames) for frames in other.receive()] == [[b"last words"]]
    assert not other.receive()
    assert other.ended == "it has hung up"


def test_a_message_that_was_cut_off_is_none(pair: Pair) -> None:
    one, other = pair
    one.send([b"x" * 3_000_000])
    assert one.unsent
    one.close()
    while other.ended is None:
        assert other.receive() == []


def test_who_speaks_another_language_is_listened_to_no_more() -> None:
    stranger, sock = socket.socketpair()
    with stranger:
        sock.setblocking(False)
        ours = Channel(sock)
        stranger.send(b"GET / HTTP/1.1\r\n\r\n")
        assert ours.receive() == []
        assert ours.ended is not None
        assert "frames" in ours.ended
        assert not ours.send([b"no"])
        ours.close()


def test_who_does_not_read_is_not_remembered_for_ever(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MAX_UNSENT_BYTES", 1_000_000)
    one, other = pair
    sent = 0
    while one.send([bytes([sent]) * 500_000]):
        sent += 1
        assert sent < 10
    assert not one.is_gone
    assert [frames[0][0] for frames in carried(one, other, sent)] == list(range(sent))
    assert one.send([b"again"])
    assert carried(one, other, 1) == [[b"again"]]


def test_whoever_sends_without_end_is_not_all_that_is_read(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "READ_BYTES", 10)
    monkeypatch.setattr(channel, "READS_AT_ONCE", 3)
    one, other = pair
    for _ in range(5):
        one.send([b"12"])  # 10 bytes with its head
    assert [len(other.receive()) for _ in range(3)] == [3, 2, 0]


def test_the_end_is_seen_where_a_loop_tells_of_it_once(pair: Pair) -> None:
    """uvloop tells once that there is something to read and an error, and then nothing more of that socket."""
    ours, theirs = pair

    async def run() -> None:
        found: list[list[memoryview]] = []
        ours.send([b"never read"])
        theirs.send([b"last words"])
        theirs.close()
        asyncio.get_running_loop().add_reader(ours.fileno(), lambda: found.extend(ours.receive()))
        await until(lambda: ours.ended is not None)
        assert [heard(frames) for frames in found] == [[b"last words"]]

    uvloop.run(run())
