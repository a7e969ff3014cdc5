"""What libraries write to stderr, as events."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from service.engine_stderr import LONGEST_BYTES, EngineStderr, events

ABSL = "I0000 00:00:1795385307.384977    2591 port.cc:153] oneDNN custom operations are on."
OLDER = "2026-11-22 22:08:27.384977: E tensorflow/core/framework/op.cc:1] CUDA_ERROR_NO_DEVICE"
PREAMBLE = "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR"


@pytest.fixture
def stderr() -> Iterator[EngineStderr]:
    made = EngineStderr(3)
    yield made
    made.close()


def said(stderr: EngineStderr) -> list[tuple[str, str]]:
    with capture_logs() as lines:
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
    assert said(stderr) == [("warning", "going"), ("warning", "abort")]
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
    heard = said(stderr)
    written += os.write(stderr.write_end, much)
    stderr.started()
    heard += said(stderr)
    assert LONGEST_BYTES < sum(len(text) for _, text in heard) == written < len(much)
