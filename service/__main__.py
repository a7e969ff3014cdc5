"""`python -m service`: the whole service, engine and HTTP, supervised. `--help` lists its settings."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from service import gate, logs, settings
from service.browsers import Cors
from service.run_directory import RunDirectory, RunDirectoryTakenError
from service.settings_table import plain


def main(arguments: Sequence[str] = ()) -> int:
    """Exit status 0 after a signal, 1 when HTTP died, 2 when the service cannot start."""
    argparse.ArgumentParser(
        "python -m service",
        description="Serve the models until SIGTERM. There are no options: settings are environment variables.",
        epilog=f"settings (and their defaults):\n{plain()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    try:
        configuration = settings.load()
        gate.check(configuration)
        Cors(configuration.cors_origins)
    except settings.SettingsError as error:
        print(f"digits: {error}", file=sys.stderr)
        return 2
    logs.configure(configuration, "supervisor")
    try:
        directory = RunDirectory.take(configuration)
    except RunDirectoryTakenError as error:
        print(f"digits: {error}", file=sys.stderr)
        return 2
    settings.share_metrics(configuration)
    from service.supervisor import CannotStartError, Supervisor  # reads where metrics are shared

    try:
        return Supervisor(configuration).run()
    except CannotStartError as error:
        print(f"digits: {error}", file=sys.stderr)
        return 2
    finally:
        directory.release()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
