"""The limit of bulk work: the SavedModel itself in a loop, without a service around it.

`python -m benchmarks.bare MODEL_DIR` prints one line of JSON. TensorFlow fixes its threads once per process, so each
number of threads is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from service.settings import tensorflow_variables

BATCH_SIZES = (1, 64, 256, 1024)
THREADS = (1, 2)
_SHARE_OF_ONE_SIZE = 1 / len(BATCH_SIZES)
_WARM_UP_CALLS = 3
_PATIENCE_SECONDS = 120.0


Rates = dict[int, float]
"""Pictures per second by batch size."""
Call = Callable[[npt.NDArray[np.uint8]], object]
"""Runs a batch, uint8 (N, H, W, C)."""


class BareError(Exception):
    """The model could not be measured."""


def latest_version(models_dir: Path, model: str) -> Path:
    """The directory of the highest version of `model`.

    :raise BareError: there is none.
    """
    versions = [path for path in (models_dir / model).glob("*/") if path.name.isdigit()]
    if not versions:
        raise BareError(f"there is no version of {model} in {models_dir}")
    return max(versions, key=lambda path: int(path.name))


def best_of(runs: Sequence[Rates]) -> Rates:
    """For each batch size the fastest of several runs over the same sizes."""
    return {size: max(run[size] for run in runs) for size in runs[0]}


def measure(model_dir: Path, seconds: float, *, litert: bool = False) -> Rates:
    """The best over thread counts, measured for about `seconds` in all and the start of two processes; blocks.

    :param litert: converted, and run by LiteRT as in the service's engine.
    :raise BareError: a run failed; with what it wrote.
    """
    runs = []
    for threads in THREADS:
        command = [sys.executable, "-m", "benchmarks.bare", str(model_dir), "--threads", str(threads)]
        command += ["--seconds", str(seconds / len(THREADS)), *(["--litert"] if litert else [])]
        ran = run_aside(command, _PATIENCE_SECONDS + seconds)
        if ran.returncode != 0:
            raise BareError(f"{' '.join(command)} ended with {ran.returncode}:\n{ran.stderr[-2000:]}")
        runs.append({int(size): rate for size, rate in json.loads(ran.stdout.splitlines()[-1]).items()})
    return best_of(runs)


def run_aside(command: Sequence[str], timeout_seconds: float) -> subprocess.CompletedProcess[str]:
    """`command` from start to end, without a GPU and with TensorFlow quiet; blocks.

    :raise BareError: it was not done in time.
    """
    environment = {**tensorflow_variables(), "TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, timeout=timeout_seconds
        )
    except subprocess.TimeoutExpired as error:
        raise BareError(f"{' '.join(command)} was not done after {timeout_seconds:.0f} s") from error


def _called(model_dir: Path, threads: int) -> Call:
    """As TensorFlow's documentation says to load and call it."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    loaded = tf.saved_model.load(str(model_dir))
    call = loaded.signatures["serving_default"]

    def predict(images: npt.NDArray[np.uint8], _kept: object = loaded) -> object:  # or its variables would go
        # From an array in memory to an array in memory, as the service's engine has to.
        return call(images=tf.constant(images))["probabilities"].numpy()

    return predict


def _called_in_litert(model_dir: Path, threads: int) -> Call:
    """As the service's engine calls it.

    :raise BareError: LiteRT cannot run it.
    """
    from service.engine.runtime import Runtime

    card = json.loads((model_dir / "assets.extra" / "card.json").read_bytes())
    model = Runtime("cpu", threads=threads).load(model_dir, tuple(card["input"]["shape"]), len(card["labels"]))
    if model.prediction.runtime != "litert":
        raise BareError(f"{model_dir} does not run in LiteRT")
    return model.predict


def _loop(model_dir: Path, call: Call, seconds: float) -> Rates:
    shape = json.loads((model_dir / "assets.extra" / "card.json").read_bytes())["input"]["shape"]
    generator = np.random.default_rng(0)
    rates = {}
    for size in BATCH_SIZES:
        images = generator.integers(0, 256, (size, *shape), np.uint8)
        for _ in range(_WARM_UP_CALLS):
            call(images)
        calls, started, spent = 0, time.perf_counter(), 0.0
        while spent < seconds * _SHARE_OF_ONE_SIZE:
            call(images)
            calls += 1
            spent = time.perf_counter() - started
        rates[size] = calls * size / spent
    return rates


def main() -> None:
    """The command line of one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model_dir", type=Path, help="one version's directory")
    parser.add_argument("--threads", type=int, default=1, help="TensorFlow's intra-op threads")
    parser.add_argument("--seconds", type=float, default=4.0, help="for all batch sizes together")
    parser.add_argument("--litert", action="store_true", help="converted, and run by LiteRT as in the service")
    arguments = parser.parse_args()
    load = _called_in_litert if arguments.litert else _called
    call = load(arguments.model_dir, arguments.threads)
    print(json.dumps(_loop(arguments.model_dir, call, arguments.seconds)))


if __name__ == "__main__":
    main()
