"""One measurement with the engine's own `Runtime`, in a process of its own.

    python -m benchmarks.gpu_check.probe answers|rates|memory '<Job as JSON>'

Prints its result as one line of JSON. `rates` first says `ready`, and begins when a line comes in.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

READY = "ready"
HEAVY = ("Conv2D", "_FusedConv2D", "DepthwiseConv2dNative", "MatMul", "_FusedMatMul")
"""Operations that belong on a GPU if there is one: what a model's time goes into."""
_WARM_UP_CALLS = 3


@dataclass(frozen=True)
class Job:
    """What to measure, and where."""

    version_dir: str
    device: str
    gpu_memory_mb: int = 0
    threads: int = 1
    xla: bool = False
    sizes: tuple[int, ...] = ()
    seconds: float = 1.0
    """For each of the sizes."""
    pictures: str = ""
    """A `.npy` of uint8 (N, H, W, C), for `answers`."""
    out: str = ""
    """Where `answers` writes `probabilities` and `energy`, as `.npz`."""


def answers(model: Any, job: Job) -> dict[str, Any]:
    """Answer the pictures in batches of each size, and say where the heavy operations run."""
    pictures = np.load(job.pictures)
    found: dict[str, npt.NDArray[np.float32]] = {}
    for size in job.sizes:
        parts = [model.predict(pictures[at : at + size]) for at in range(0, len(pictures), size)]
        found[f"probabilities_{size}"] = np.concatenate([part.probabilities for part in parts])
        found[f"energy_{size}"] = np.concatenate([part.energy for part in parts])
    np.savez(job.out, **found)  # type: ignore[arg-type]  # its stub takes a keyword for one of its own
    return {"operations": operations(model, pictures[:2])}


def operations(model: Any, pictures: npt.NDArray[np.uint8]) -> dict[str, dict[str, int]]:
    """How many of the heavy operations of a prediction each device runs: `{"GPU:0": {"Conv2D": 4}}`.

    By the graphs that TensorFlow has cut the session's graph into, after it has optimised it. What XLA compiles is one
    operation there, `XLA`; what LiteRT runs is one too, `LiteRT`.
    """
    from service.engine.prediction import InSession
    from service.engine.tf import v1

    if not isinstance(model.prediction, InSession):
        return {"CPU:0": {"LiteRT": 1}}
    signature = model.signatures["serving_default"]
    ran = v1.RunMetadata()
    model.prediction.session.run(
        [signature.outputs["probabilities"].name],
        {signature.inputs["images"].name: pictures},
        options=v1.RunOptions(output_partition_graphs=True),
        run_metadata=ran,
    )
    counts: dict[str, Counter[str]] = {}
    for graph in ran.partition_graphs:
        for node in graph.node:
            name = "XLA" if node.attr["_XlaMustCompile"].b else node.op
            if name in (*HEAVY, "XLA"):
                device = node.device.rpartition("device:")[2]
                counts.setdefault(device, Counter())[name] += 1
    return {device: dict(sorted(found.items())) for device, found in sorted(counts.items())}


def rates(model: Any, shape: tuple[int, ...], job: Job) -> dict[str, Any]:
    """Pictures per second by batch size, and how long the first batch of each size took."""
    generator = np.random.default_rng(0)
    batches = {size: generator.integers(0, 256, (size, *shape), np.uint8) for size in job.sizes}
    first_seconds = {}
    for size, images in batches.items():
        started = time.perf_counter()
        model.predict(images)
        first_seconds[size] = time.perf_counter() - started
        for _ in range(_WARM_UP_CALLS):
            model.predict(images)
    print(READY, flush=True)
    sys.stdin.readline()
    found = {}
    for size, images in batches.items():
        calls, started, spent = 0, time.perf_counter(), 0.0
        while spent < job.seconds:
            model.predict(images)
            calls += 1
            spent = time.perf_counter() - started
        found[size] = calls * size / spent
    return {"rates": found, "first_seconds": first_seconds}


def memory(model: Any, shape: tuple[int, ...], job: Job) -> dict[str, Any]:
    """GPU memory in use while this process still holds it, and which sizes found enough; it stops at one that did not."""
    from benchmarks.gpu_check import nvml
    from service.engine.runtime import OUT_OF_MEMORY

    outcomes: dict[int, str] = {}
    for size in job.sizes:
        try:
            model.predict(np.zeros((size, *shape), np.uint8))
        except OUT_OF_MEMORY:
            outcomes[size] = "out of memory"
            break
        outcomes[size] = "ran"
    return {"used_bytes": nvml.used_bytes(), "outcomes": outcomes}


def main(task: str, job: Job) -> dict[str, Any]:
    """Load the model, do the task; with the name of the device."""
    from service.engine.runtime import TENSORFLOW_VERSION, Runtime

    runtime = Runtime(job.device, job.gpu_memory_mb, job.threads, xla=job.xla)
    card = json.loads((Path(job.version_dir) / "assets.extra" / "card.json").read_bytes())
    shape = tuple(card["input"]["shape"])
    model = runtime.load(Path(job.version_dir), shape, len(card["labels"]))
    about = {"device": asdict_device(runtime.device), "tensorflow": TENSORFLOW_VERSION}
    if task == "answers":
        return about | answers(model, job)
    return about | {"rates": rates, "memory": memory}[task](model, shape, job)


def asdict_device(device: Any) -> dict[str, str]:
    """A device as the catalogue describes it."""
    return {"kind": device.kind, "name": device.name}


def as_json(job: Job) -> str:
    """For the command line."""
    return json.dumps(asdict(job))


if __name__ == "__main__":
    given = json.loads(sys.argv[2])
    print(json.dumps(main(sys.argv[1], Job(**{**given, "sizes": tuple(given["sizes"])}))))
