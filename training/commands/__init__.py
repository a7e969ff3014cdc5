"""What `python -m training` can be told to do: a module for each command.

Each offers `add_parser(commands)`, which declares its arguments and sets `run`, a function of the parsed options that
returns the exit code. A module imports TensorFlow inside `run` alone, so that help and bad arguments cost no wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from training.commands import (
    compare,
    convert,
    crossval,
    data,
    describe,
    evaluate,
    experiments,
    first_principles,
    promote,
    report,
    results,
    sweep,
    train,
)

if TYPE_CHECKING:
    from training.commands.arguments import Commands


class Command(Protocol):
    """A module of this package."""

    def add_parser(self, commands: Commands) -> None: ...


# In the order in which `--help` lists them.
COMMANDS: tuple[Command, ...] = (
    train,
    data,
    describe,
    evaluate,
    compare,
    report,
    crossval,
    sweep,
    experiments,
    results,
    promote,
    convert,
    first_principles,
)
