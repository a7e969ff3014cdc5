"""Every way in which training can end without a model, and the exit code it gets.

TrainingError                  exit code
├── DataUnavailableError           2      no source of the data set is in reach
├── DataDigestError                2      the data given are not the data set they claim to be
├── ConfigurationError             2      an argument or a setting makes no sense
├── PromotionError                 2      a version cannot be labelled: it is not there, not whole, …
├── PublishError                   1      a version could not be written, or is not what its card says
└── RunInterruptedError          130      Ctrl-C while fitting; what was done is kept
"""

from __future__ import annotations

from typing import ClassVar


class TrainingError(Exception):
    """Its message is written for the one at the terminal; the command line prints it without a traceback."""

    exit_code: ClassVar[int] = 1


class DataUnavailableError(TrainingError):
    exit_code = 2


class DataDigestError(TrainingError):
    exit_code = 2


class ConfigurationError(TrainingError):
    exit_code = 2


class PromotionError(TrainingError):
    exit_code = 2


class PublishError(TrainingError):
    exit_code = 1


class RunInterruptedError(TrainingError):
    """`epochs_done` are kept in the run's checkpoint, where it has one."""

    exit_code = 130  # 128 + SIGINT, as shells count

    def __init__(self, epochs_done: int, message: str = "interrupted") -> None:
        super().__init__(epochs_done, message)
        self.epochs_done = epochs_done
        self.message = message

    def __str__(self) -> str:
        return self.message
