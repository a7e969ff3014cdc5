"""`python -m service.engine`: the engine alone."""

from __future__ import annotations

import logging
import os
import sys

from service import logs, settings


def main() -> int:
    """Exit status 0 after a signal, 2 when the engine cannot start."""
    try:
        configuration = settings.load()
    except settings.SettingsError as error:
        print(f"digits: {error}", file=sys.stderr)
        return 2
    logs.configure(configuration, "engine")
    settings.share_metrics(configuration)
    # Imported only now: prometheus_client reads where to share its files, and TensorFlow takes seconds.
    from service.engine.runtime import NoDeviceError, Runtime
    from service.engine.server import Server

    configuration.run_path.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        runtime = Runtime(configuration.device, configuration.gpu_memory_mb, configuration.engine_thread_count)
    except NoDeviceError as error:
        print(f"digits: {error}", file=sys.stderr)
        return 2
    Server(configuration, runtime).run()
    return 0


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    # Without Python's way out: taking TensorFlow's modules apart takes seconds, and there is nothing left to save.
    os._exit(status)
