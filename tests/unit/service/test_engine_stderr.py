"""What libraries write to stderr, as events."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from service.engine_stderr import EVENTS_PER_SECOND, LONGEST_BYTES, READ_BYTES, EngineStderr, events

ABSL = "I0000 00:00:1795385307.384977    2591 port.cc:153] oneDNN custom operations are on."
OLDER = "2026-11-22 22:08:27.384977: E tensorflow/core/framework/op.cc:1] CUDA_ERROR_NO_DEVICE"
PREAMBLE = "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR"


@pytest.fixture
def stderr() -> Iterator[EngineStderr]:
    made = EngineStderr(3)
    yield made
    made.close()


def said(stderr: EngineStderr, looks: int = 1) -> list[tuple[str, str]]:
    with capture_logs() as lines:
        for _ in range(looks):
            stderr.look()
    assert all((line["event"], line["engine"]) == ("engine_stderr", 3) for line in lines)
    return [(line["log_level"], line["text"]) for line in lines]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ABSL, [("info", ABSL)]),
        (OLDER, [("error", OLDER)]),
        (ABSL.replace("I0000", "F1122"), [("critical", ABSL.replace("I0000", "F1122"))]),
        (f"{PREAMBLE}\n{ABSL.replace('I', 'W', 1)}\n", [("warning", ABSL.replace("I", "W", 1))]),
        ("Traceback:\n  here\n" + ABSL + "\nover\n", [("warning", "Traceback:\n  here"), ("info", ABSL), ("warning", "over")]),
        ("\n \n", []),
        ("INFO: Created a delegate\nERROR: failed\n", [("info", "INFO: Created a delegate"), ("error", "ERROR: failed")]),
        ("In vain", [("warning", "In vain")]),
    ],
)  # fmt: skip
def test_events(text: str, expected: list[tuple[str, str]]) -> None:
    assert list(events(text)) == expected


def test_a_line_is_said_once_it_is_whole(stderr: EngineStderr) -> None:
    assert said(stderr) == []
    os.write(stderr.write_end, b"one\ntw")
    assert said(stderr) == [("warning", "one")]
    os.write(stderr.write_end, b"o\xff")
    assert said(stderr) == []
    os.write(stderr.write_end, b"\n")
    assert said(stderr) == [("warning", "two\ufffd")]


def test_the_last_words_need_no_end_of_line(stderr: EngineStderr) -> None:
    assert stderr.descriptor is not None
    os.write(stderr.write_end, b"going\nabort")
    stderr.started()
    assert said(stderr, looks=2) == [("warning", "going"), ("warning", "abort")]
    assert stderr.descriptor is None


def test_what_is_unfinished_is_said_at_the_end_though_somebody_has_the_pipe_still() -> None:
    stderr = EngineStderr(3)
    other = os.dup(stderr.write_end)
    os.write(other, b"unfinished")
    with capture_logs() as lines:
        stderr.close()
    os.close(other)
    assert [line["text"] for line in lines] == ["unfinished"]
    assert stderr.descriptor is None


def test_who_writes_more_than_the_pipe_holds_does_not_wait(stderr: EngineStderr) -> None:
    much = b"x" * 1_000_000
    written = os.write(stderr.write_end, much)
    with pytest.raises(BlockingIOError):
        os.write(stderr.write_end, much)
    heard = said(stderr, looks=20)
    written += os.write(stderr.write_end, much)
    stderr.started()
    heard += said(stderr, looks=20)
    assert LONGEST_BYTES < sum(len(text) for _, text in heard) == written < len(much)


def test_of_a_flood_some_is_said_and_the_rest_is_counted() -> None:
    seconds = [7.0]
    stderr = EngineStderr(3, clock=lambda: seconds[0])
    line = f"{ABSL}\n".encode()
    lines_in_it = READ_BYTES // len(line)
    os.write(stderr.write_end, line * lines_in_it)
    with capture_logs() as lines:
        stderr.look()
        assert len(lines) == EVENTS_PER_SECOND
        seconds[0] += 1
        os.write(stderr.write_end, line)
        stderr.look()
    assert [line["event"] for line in lines[-2:]] == ["engine_stderr_left_out", "engine_stderr"]
    assert lines[-2]["events"] == lines_in_it - EVENTS_PER_SECOND
    with capture_logs() as lines:
        os.write(stderr.write_end, line * EVENTS_PER_SECOND)
        stderr.close()
    assert lines[-1]["events"] == 1


def test_one_look_reads_a_bounded_part_of_a_flood(stderr: EngineStderr) -> None:
    os.write(stderr.write_end, b"word\n" * 10_000)
    (heard,) = said(stderr)
    assert len(heard[1]) <= READ_BYTES
    assert said(stderr)
