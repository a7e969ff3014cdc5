"""Ctrl-C while a model is fitted: what is done is kept, and the message says how to go on."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from training.errors import RunInterruptedError

if TYPE_CHECKING:
    from types import FrameType, TracebackType


class Interruption:
    """In its `with` block the first SIGINT only asks to stop, after the current step; the second stops at once.

    Outside of the main thread, where Python allows no handlers, it does nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: signal.Handlers | object = None

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)  # type: ignore[arg-type]  # what signal.signal gave

    def end_if_asked(self, epochs_done: int) -> None:
        """Raise `RunInterruptedError` when a signal has come."""
        if self.asked:
            raise RunInterruptedError(epochs_done)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - Python's signature
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
