"""What no server can pass: the bare model, gunicorn answering nothing, decoding; and what importing TensorFlow takes.

`python -m benchmarks.peers.limits MODEL_DIR BODY` measures 64 pictures decoded and then run, in a process of its own.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import bare, load, open_loop
from benchmarks.bare import BareError, Rates
from benchmarks.load import LoadResult
from benchmarks.open_loop import OpenResult
from benchmarks.peers.payloads import Bodies
from benchmarks.peers.serving import serving
from benchmarks.server import free_port

EMPTY_CONNECTIONS = (1, 8, 32, 128)
GENERATOR_RATE = 2000.0
"""At which the open loop's own cost is looked at, against a server that does nothing."""
_PATIENCE_SECONDS = 120.0
_IMPORT = "import tensorflow"
_IMPORT_WITHOUT_KERAS = "import sys; sys.modules['keras'] = None; import tensorflow"


@dataclass(frozen=True)
class Limits:
    """One round's. `decoding`: pictures per second by kind; `together`: decoded and run, 64 at a time; imports in seconds."""

    bare: Rates
    litert: Rates
    """The same model converted, as the service's engine runs it on a CPU."""
    decoding: dict[str, float]
    together: float
    empty: dict[int, LoadResult]
    generator: OpenResult
    import_seconds: float
    import_without_keras_seconds: float

    @property
    def bare_best(self) -> float:
        """Pictures per second at the best batch size."""
        return max(self.bare.values())


def measure(model_dir: Path, bodies: Bodies, seconds: float, say: Callable[[str], None]) -> Limits:
    """All of them; blocks.

    :raise BareError: a process failed.
    :raise ServerError, LoadError: the empty server did.
    """
    say("the bare model")
    rates = bare.measure(model_dir, 2 * seconds)
    say("the bare model in LiteRT")
    in_litert = bare.measure(model_dir, 2 * seconds, litert=True)
    say("decoding, and decoding with the model")
    runs = [_alone(model_dir, bodies, threads, seconds) for threads in bare.THREADS]
    say("gunicorn answering nothing")
    empty, generator = _empty(bodies, seconds)
    say("importing TensorFlow")
    return Limits(
        bare=rates,
        litert=in_litert,
        decoding={kind: max(run["decoding"][kind] for run in runs) for kind in runs[0]["decoding"]},
        together=max(run["together"] for run in runs),
        empty=empty,
        generator=generator,
        import_seconds=_import_seconds(_IMPORT),
        import_without_keras_seconds=_import_seconds(_IMPORT_WITHOUT_KERAS),
    )


def _empty(bodies: Bodies, seconds: float) -> tuple[dict[int, LoadResult], OpenResult]:
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--worker-class", "uvicorn_worker.UvicornWorker", "--workers", "1"]
    command += ["--bind", f"127.0.0.1:{port}", "--log-level", "warning", "benchmarks.peers.apps.empty_app:app"]
    with serving("gunicorn", command, os.environ, port, "/predict", bodies) as running:
        load.run(port, bodies["png"], 8, 1)
        results = {count: load.run(port, bodies["png"], count, max(1.0, seconds / 2)) for count in EMPTY_CONNECTIONS}
        generator = open_loop.run(port, running.path, bodies["png"], GENERATOR_RATE, max(1.0, seconds / 2))
    return results, generator


def _import_seconds(code: str) -> float:
    started = time.monotonic()
    ran = bare.run_aside([sys.executable, "-c", code], _PATIENCE_SECONDS)
    if ran.returncode != 0:
        raise BareError(f"{code!r} failed: {ran.stderr[-1000:]}")
    return time.monotonic() - started


def _alone(model_dir: Path, bodies: Bodies, threads: int, seconds: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.peers.limits", str(model_dir), str(bodies["several"].path)]
    command += [str(bodies["drawing"].path), "--threads", str(threads), "--seconds", str(seconds / 2)]
    ran = bare.run_aside(command, _PATIENCE_SECONDS + seconds)
    if ran.returncode != 0:
        raise BareError(f"{' '.join(command)} ended with {ran.returncode}:\n{ran.stderr[-2000:]}")
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def rate_of(work: Callable[[], object], pictures: int, seconds: float) -> float:
    """Pictures per second of `work`, which handles so many at a time, repeated for `seconds`; once before is not counted."""
    work()
    calls, started, spent = 0, time.perf_counter(), 0.0
    while spent < seconds:
        work()
        calls += 1
        spent = time.perf_counter() - started
    return calls * pictures / spent


def _loop(model_dir: Path, several: Path, drawing: Path, threads: int, seconds: float) -> Mapping[str, object]:
    import tensorflow as tf

    from service.images import read_picture

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    loaded = tf.saved_model.load(str(model_dir))
    call = loaded.signatures["serving_default"]
    files = [base64.b64decode(text) for text in json.loads(several.read_bytes())["images"]]
    canvas = drawing.read_bytes()

    def decode() -> Any:
        return np.stack([read_picture(file) for file in files])

    def both() -> Any:
        return call(images=tf.constant(decode()))["probabilities"].numpy()

    return {
        "decoding": {
            "28×28 PNG": rate_of(decode, len(files), seconds / 4),
            "280×280 drawing": rate_of(lambda: read_picture(canvas), 1, seconds / 4),
        },
        "together": rate_of(both, len(files), seconds / 2),
    }


def main() -> None:
    """The command line of one run; prints one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("several", type=Path, help="the body with 64 PNGs")
    parser.add_argument("drawing", type=Path, help="a drawing of 280×280 pixels")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    arguments = parser.parse_args()
    found = _loop(arguments.model_dir, arguments.several, arguments.drawing, arguments.threads, arguments.seconds)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
