"""Drives `service.engine.runtime` in a process of its own and writes down what came of it.

    python -m tests.engine.runtime_probe <reference directory> <output directory>

Writes `probe.json` and `probe.npz`; `test_runtime.py` says what has to be in them.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from service.engine import litert
from service.engine.contract import UnfitModelError
from service.engine.litert import PICTURES_MAX, LiteRT
from service.engine.prediction import InSession
from service.engine.repository import CONVERTED
from service.engine.runtime import NoDeviceError, Runtime
from tests.engine.odd_models import (
    write_damaged,
    write_early,
    write_moody,
    write_numberless,
    write_tabled,
    write_tossing,
    write_unfit,
)
from tests.reference import VERSIONS, read_reference

THREADS = 3


def main(reference_directory: Path, out: Path) -> None:
    reference = read_reference(reference_directory)
    images = reference.images
    arrays: dict[str, Any] = {}
    runtime = Runtime("cpu", threads=THREADS)
    in_sessions = Runtime("cpu", threads=THREADS, litert=False)
    used = {}
    in_pieces = {}
    for loads in (runtime, in_sessions):
        for name, version in VERSIONS:
            model = loads.load(reference.models_dir / name / str(version), (28, 28, 1), 10)
            model.warm([1, 2])
            whole = model.predict(images)  # enough pictures to be shared among the threads
            singles = [model.predict(images[at : at + 1]) for at in range(len(images))]
            key = f"{model.prediction.runtime}-{name}-{version}"
            arrays[f"{key}-probabilities"] = whole.probabilities
            arrays[f"{key}-energy"] = whole.energy
            if isinstance(model.prediction, LiteRT):
                assert len(images) > PICTURES_MAX
                in_pieces[key] = np.array_equal(model.prediction(images)[0], whole.probabilities)
            arrays[f"{key}-single-probabilities"] = np.concatenate([p.probabilities for p in singles])
            arrays[f"{key}-single-energy"] = np.concatenate([p.energy for p in singles])
            model.close()
    for loads in (runtime, in_sessions):
        arrays |= opened(loads, reference.models_dir / "toy" / "1", images)
    for kind, write in (("tabled", write_tabled), ("early", write_early)):
        write(out / kind)
        used[kind] = used_for(runtime, out / kind)
        arrays[f"{kind}-energy"] = energy_of_black_and_white(runtime, out / kind)
    compiled = Runtime("cpu", xla=True).load(reference.models_dir / "toy" / "1", (28, 28, 1), 10)
    compiled.warm([2])
    arrays["compiled-probabilities"] = compiled.predict(images).probabilities
    np.savez(out / "probe.npz", **arrays)

    sound = reference.models_dir / "toy" / "1"
    odd = write_unfit(out / "unfit") | write_damaged(out / "damaged", sound) | {"nothing": out / "nothing"}
    refusals = {name: refusal(runtime, path) for name, path in odd.items()}
    for kind, write in (("moody", write_moody), ("tossing", write_tossing), ("numberless", write_numberless)):
        write(out / kind)
        used[kind] = used_for(runtime, out / kind)
    failing = mock.patch.object(LiteRT, "__call__", side_effect=RuntimeError("tensors of two minds\nand more"))
    with failing:
        used["failing in LiteRT"] = used_for(runtime, reference.models_dir / "toy" / "1")
    with mock.patch.object(litert, "CONVERTED_BYTES_MAX", 10_000):
        used["large"] = used_for(runtime, sound)
        used["large, converted before"] = used_for(runtime, sound, sound / CONVERTED)
    used["another's conversion"] = used_for(runtime, sound, reference.models_dir / "toy" / "2" / CONVERTED)
    (out / "broken.tflite").write_bytes(b"no FlatBuffer")
    used["a broken conversion"] = used_for(runtime, sound, out / "broken.tflite")
    with mock.patch.object(litert, "PACKED_BYTES_MAX", 10_000):
        starved = runtime.load(sound, (28, 28, 1), 10, sound / CONVERTED)
        in_pieces["threads that wait for one interpreter"] = np.array_equal(
            starved.predict(images).probabilities, arrays["litert-toy-1-probabilities"]
        )
    facts = {
        "in pieces": in_pieces,
        "without memory": without_memory(),
        "used": used,
        "device": [runtime.device.kind, runtime.device.name],
        "refusals": refusals,
        "refused moody": refusal(runtime, out / "moody"),
        "refused as colour": refusal(runtime, sound, (28, 28, 3)),
        "refused as 12 classes": refusal(runtime, sound, classes=12),
        "gpu": gpu_or_reason(),
        "keras": loaded_keras(),
    }
    (out / "probe.json").write_text(json.dumps(facts))


def opened(runtime: Runtime, path: Path, images: Any) -> dict[str, Any]:
    """How many functions a prediction's graph has and the whole one, and what the model predicted while it was opened."""
    model = runtime.load(path, (28, 28, 1), 10)
    before = model.predict(images).probabilities
    was_open = model.is_open
    thread = threading.Thread(target=model.open)
    thread.start()
    meanwhile = [model.predict(images).probabilities]
    while thread.is_alive():
        meanwhile.append(model.predict(images).probabilities)
    thread.join()
    after = model.predict(images).probabilities
    sessions = [model.prediction.session, model._inside] if isinstance(model.prediction, InSession) else []
    functions = [len(session.graph.as_graph_def().library.function) for session in sessions]
    (called,) = model.run("serving_default", {"images": images}, ("probabilities",))
    unmoved = all(np.array_equal(before, other) for other in (*meanwhile, after))
    found = {
        f"opened in {model.prediction.runtime}": [*functions, was_open, model.is_open],
        f"unmoved in {model.prediction.runtime}": unmoved and np.allclose(called, before, atol=1e-5),
    }
    model.close()
    return found


def used_for(runtime: Runtime, path: Path, converted: Path | None = None) -> str:
    """What runs the predictions of the SavedModel in `path`."""
    model = runtime.load(path, (28, 28, 1), 10, converted)
    model.close()
    return model.prediction.runtime


def without_memory() -> str:
    """What comes of a batch for which LiteRT finds none."""
    with mock.patch.object(litert, "Interpreter") as interpreter:
        interpreter.return_value.get_output_details.return_value = []
        allocates = interpreter.return_value.allocate_tensors
        starved = LiteRT(b"", (28, 28, 1), 1)
        allocates.side_effect = RuntimeError("failed to reshape\nand more")
        try:
            starved(np.zeros((2, 28, 28, 1), np.uint8))
        except MemoryError as error:
            return str(error)
    return "an answer"


def energy_of_black_and_white(runtime: Runtime, path: Path) -> Any:
    """The energies of a picture of zeros and one of ones."""
    model = runtime.load(path, (28, 28, 1), 10)
    return model.predict(np.stack([np.zeros((28, 28, 1), np.uint8), np.ones((28, 28, 1), np.uint8)])).energy


def refusal(runtime: Runtime, path: Path, shape: tuple[int, ...] = (28, 28, 1), classes: int = 10) -> str | None:
    """Why the SavedModel in `path` is refused; None when it is not."""
    try:
        runtime.load(path, shape, classes).close()
    except UnfitModelError as error:
        return str(error)
    return None


def loaded_keras() -> list[str]:
    """Modules of Keras that are really there; None in `sys.modules` stands for one that may not be imported."""
    found: dict[str, object] = dict(sys.modules)
    return sorted(name for name, module in found.items() if module is not None and name.partition(".")[0] == "keras")


def gpu_or_reason() -> str:
    try:
        return Runtime("gpu").device.kind
    except NoDeviceError as error:
        return str(error)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
