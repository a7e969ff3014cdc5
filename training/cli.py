"""The command line: arguments in, an exit code out. What it can do lies in `training.commands`."""

from __future__ import annotations

import argparse
import logging
import sys
from typing import TYPE_CHECKING

from architectures import ArchitectureError
from training.commands import COMMANDS
from training.errors import ConfigurationError, RunInterruptedError, TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130  # 128 + SIGINT, as shells count


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 (could not publish), 2 (cannot work as asked), 130 (Ctrl-C)."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("training").setLevel(logging.INFO)
    options = _parser().parse_args(arguments)
    try:
        exit_code: int = options.run(options)
    except RunInterruptedError as error:
        print(f"\n{error}", file=sys.stderr)
        return error.exit_code
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except ArchitectureError as error:
        print(f"error: {error}", file=sys.stderr)
        return ConfigurationError.exit_code
    except KeyboardInterrupt:
        print("\ninterrupted; nothing was published", file=sys.stderr)
        return INTERRUPTED
    return exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Train models and publish them.")
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser
