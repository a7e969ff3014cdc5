"""`python -m service.engine`: the engine alone."""

from __future__ import annotations

import logging
import os

from service import logs, settings
from service.engine.sizes import BatchSizesError, chosen

OUT_OF_MEMORY = 3
"""Exit status of an engine whose device or process had no memory left for a batch."""


def main() -> int:
    """Exit status 0 after a signal, 2 when the engine cannot start, 3 when it has run out of memory."""
    try:
        configuration = settings.load()
        chosen(configuration.batch_sizes, configuration.max_batch_size)
    except (settings.SettingsError, BatchSizesError) as error:
        print(f"digits: {error}", file=logs.stream(), flush=True)
        return 2
    logs.configure(configuration, "engine")
    settings.share_metrics(configuration)
    # Imported only now: prometheus_client reads where to share its files, and TensorFlow takes seconds.
    from service.engine.execution import OutOfMemoryError
    from service.engine.runtime import NoDeviceError, Runtime
    from service.engine.server import Server

    configuration.run_path.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        runtime = Runtime(
            configuration.device,
            configuration.gpu_memory_mb,
            configuration.engine_thread_count,
            xla=configuration.xla,
            litert=configuration.litert,
        )
    except NoDeviceError as error:
        print(f"digits: {error}", file=logs.stream(), flush=True)
        return 2
    try:
        Server(configuration, runtime).run()
    except OutOfMemoryError:
        return OUT_OF_MEMORY
    return 0


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    # Without Python's way out: taking TensorFlow's modules apart takes seconds, and there is nothing left to save.
    os._exit(status)
