"""How long a SavedModel takes, measured in a process of its own: one thread, and nobody else's memory or graphs.

    python -m training.compare.stopwatch <version directory>     prints {"one_seconds": …, "batch_seconds_per_picture": …}

TensorFlow takes its number of threads once and for all, so the one who compares cannot measure in its own process.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.compare.rows import Latency
from training.errors import PublishError
from training.settings import prepare_libraries

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 128
_CODE = Path(__file__).resolve().parents[2]
_BUDGET_SECONDS = 2.0
_MOST_RUNS = 500


def measure(version_dir: Path) -> Latency:
    """Time that version; takes some seconds. Raises `PublishError` when it cannot be run."""
    command = [sys.executable, "-m", "training.compare.stopwatch", str(version_dir.absolute())]
    ran = subprocess.run(command, cwd=_CODE, capture_output=True, text=True, check=False)
    if ran.returncode:
        reason = ran.stderr.strip().splitlines()[-1:] or [f"exit code {ran.returncode}"]
        raise PublishError(f"{version_dir} cannot be timed: {reason[0]}")
    return Latency(**json.loads(ran.stdout))


def main(version_dir: Path) -> None:
    """Measure in this process, which must not have used TensorFlow before."""
    prepare_libraries()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    loaded = tf.saved_model.load(str(version_dir))
    serve = loaded.signatures["serving_default"]
    shape = serve.structured_input_signature[1]["images"].shape.as_list()[1:]
    one, batch = (_seconds(_asking(serve, tf.zeros((count, *shape), tf.uint8))) for count in (1, BATCH))
    print(json.dumps({"one_seconds": one, "batch_seconds_per_picture": batch / BATCH}))


def _asking(serve: Any, images: Any) -> Callable[[], None]:
    def ask() -> None:
        serve(images=images)["probabilities"].numpy()

    return ask


def _seconds(ask: Callable[[], None]) -> float:
    """The median of as many runs as fit into the budget, after some that do not count."""
    for _ in range(5):
        ask()
    taken: list[float] = []
    begun = time.perf_counter()
    while len(taken) < _MOST_RUNS and time.perf_counter() - begun < _BUDGET_SECONDS:
        started = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
