"""What an engine's libraries write to stderr, made events of the log.

TensorFlow, CUDA and XLA write plain text, some of it whatever level they are told (TF_CPP_MIN_LOG_LEVEL does not reach
all of TensorFlow 2.21); in a log of JSON that is a line no collector can read. An engine's descriptor 2 is therefore a
pipe that the supervisor reads, which is still there to read the last words of one that has crashed. The engine's own log
goes past it, straight to where the supervisor's goes.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator

from service import logs

log = logs.get(__name__)

READ_BYTES = 1 << 14
"""So much at once: who floods it is not to keep the supervisor from what else it has to do."""
LONGEST_BYTES = 1 << 16
"""A line without an end is said in parts of this size; and a pipe holds as much."""
EVENTS_PER_SECOND = 50
"""Of one engine; the rest is counted."""
# https://github.com/abseil/abseil-cpp/blob/master/absl/log/internal/log_format.cc: "I0102 15:04:05.678901  1234 file.cc:5] "
_LIBRARY_LINE = re.compile(
    r"(?P<level>[IWEF])\d{4} [\d:.]+\s+\d+ "
    r"|\d{4}-\d\d-\d\d [\d:.]+: (?P<older>[IWEF]) "  # TensorFlow's own
    r"|(?P<word>[IWE])(?:NFO|ARNING|RROR): "  # LiteRT's
)
_LEVELS = {"I": "info", "W": "warning", "E": "error", "F": "critical"}
_PREAMBLE = "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR"
"""It says where the next line is written, where that is written."""


class EngineStderr:
    """The read end of one engine's pipe. Nothing here blocks; its methods belong to one thread. `clock` gives seconds."""

    def __init__(self, index: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._index = index
        self._clock = clock
        self._second = -1
        self._events_left = 0
        self._left_out = 0
        self._unfinished = b""
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        # Who has no room loses a line: an engine does not wait for its supervisor, who may be waiting for its end.
        os.set_blocking(self._write_end, False)

    @property
    def write_end(self) -> int:
        """The descriptor for the child; to be given to it before `started`."""
        return self._write_end

    @property
    def descriptor(self) -> int | None:
        """Something to read there is a reason to `look`; None: the engine has closed its end."""
        return None if self._read_end < 0 else self._read_end

    def started(self) -> None:
        """The child has the other end: it is the only one that has it."""
        os.close(self._write_end)
        self._write_end = -1

    def look(self) -> None:
        """Log the next that has been written; there may be more."""
        if self._read_end < 0:
            return
        try:
            part = os.read(self._read_end, READ_BYTES)
        except BlockingIOError:
            return
        text, end, self._unfinished = (self._unfinished + part).rpartition(b"\n")
        if not part or len(self._unfinished) > LONGEST_BYTES:
            text, self._unfinished = text + end + self._unfinished, b""
        self._say(text.decode(errors="replace"))
        if not part:
            self._close_read_end()

    def close(self) -> None:
        """Log the rest. Call it when the engine has ended."""
        if self._write_end >= 0:
            self.started()
        for _ in range(LONGEST_BYTES // READ_BYTES + 1):
            self.look()
        if self._read_end >= 0:  # somebody else still has the other end
            self._say(self._unfinished.decode(errors="replace"))
            self._close_read_end()
        self._say_what_is_left_out()

    def _close_read_end(self) -> None:
        os.close(self._read_end)
        self._read_end = -1

    def _say(self, text: str) -> None:
        second = int(self._clock())
        if second != self._second:
            self._say_what_is_left_out()
            self._second, self._events_left = second, EVENTS_PER_SECOND
        for level, said in events(text):
            if self._events_left:
                self._events_left -= 1
                getattr(log, level)("engine_stderr", engine=self._index, text=said)
            else:
                self._left_out += 1

    def _say_what_is_left_out(self) -> None:
        if self._left_out:
            log.warning("engine_stderr_left_out", engine=self._index, events=self._left_out)
            self._left_out = 0


def events(text: str) -> Iterator[tuple[str, str]]:
    """Level and text of each event in `text`: a library's line is one, and so are the lines between two such lines."""
    others: list[str] = []
    for line in text.splitlines():
        if line == _PREAMBLE:
            continue
        found = _LIBRARY_LINE.match(line)
        if found:
            if others:
                yield "warning", "\n".join(others)
                others = []
            yield _LEVELS[found[found.lastgroup or "level"]], line
        elif line.strip():
            others.append(line)
    if others:
        yield "warning", "\n".join(others)
