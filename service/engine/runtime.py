"""TensorFlow, and nothing else of the service: SavedModels on one device, arrays in, arrays out.

Why a session and not `tf.saved_model.load`: measured on one picture, a session's callable whose operations run in the
caller's thread costs 174 µs where the loaded signature costs 696 µs, and it is how TensorFlow Serving runs the same
directory. Why Keras is kept out: a SavedModel needs none, and importing TensorFlow without it takes 2.7 s, not 6.0.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from service.catalogue import Device, Signature, TensorInfo
from service.settings import quiet_tensorflow

quiet_tensorflow()
if not TYPE_CHECKING:
    sys.modules.setdefault("keras", None)  # TensorFlow imports Keras if it can, and lives without
import tensorflow as tf  # noqa: E402  (after Keras has been kept out)
from tensorflow.core.framework import types_pb2  # noqa: E402

v1 = tf.compat.v1
v1.logging.set_verbosity(v1.logging.ERROR)

TENSORFLOW_VERSION: str = tf.__version__
SIGNATURE = "serving_default"
_INIT_SIGNATURE = "__saved_model_init_op"
_CALLABLES = 32
"""Other calls that a model keeps ready; each is made when it is first asked for, and the one not used for longest goes."""
SPLIT_PICTURES = 64
"""A batch from twice this size on is shared among threads: below that a second thread costs more than it brings."""


class UnfitModelError(Exception):
    """The SavedModel cannot be served; the message says why."""


OUT_OF_MEMORY: tuple[type[Exception], ...] = (MemoryError, tf.errors.ResourceExhaustedError)
"""What the device raises when its memory is used up."""
INPUTS_DO_NOT_FIT: type[Exception] = tf.errors.InvalidArgumentError
"""What a signature raises for inputs that it cannot use: their sizes or values do not go together."""


class NoDeviceError(Exception):
    """The device that was asked for is not there."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """Of N pictures: `probabilities` float32 (N, K), rows sum to 1; `energy` float32 (N)."""

    probabilities: npt.NDArray[np.float32]
    energy: npt.NDArray[np.float32]


class Runtime:
    """One device and its configuration; loads models onto it."""

    def __init__(self, device: str = "auto", gpu_memory_mb: int = 0, threads: int = 1) -> None:
        """`threads` share a large batch on a CPU; a GPU is driven by one.

        :raise NoDeviceError: `device` is `"gpu"` and TensorFlow finds none.
        """
        gpus = [] if device == "cpu" else tf.config.list_physical_devices("GPU")
        if device == "gpu" and not gpus:
            raise NoDeviceError("DIGITS_DEVICE=gpu, but TensorFlow finds no GPU (are the CUDA libraries installed?)")
        if gpus:
            details = tf.config.experimental.get_device_details(gpus[0])
            self.device = Device("gpu", details.get("device_name", gpus[0].name))
        else:
            self.device = Device("cpu", "CPU")
        self._gpu_memory_mb = gpu_memory_mb
        self.threads = 1 if gpus else threads
        self._pool = ThreadPoolExecutor(self.threads, "inference") if self.threads > 1 else None

    def _config(self) -> Any:
        # One intra-op thread: TensorFlow's pool spins, and a small batch on two threads costs twice the CPU. Large
        # batches are shared among our own threads instead. Negative inter-op: operations run in the caller's thread.
        config = v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1)
        if self.device.kind == "cpu":
            config.device_count["GPU"] = 0
        else:
            config.gpu_options.visible_device_list = "0"
            config.gpu_options.allow_growth = True
            if self._gpu_memory_mb:
                config.gpu_options.experimental.virtual_devices.add().memory_limit_mb.append(self._gpu_memory_mb)
        return config

    def load(self, path: Path, input_shape: tuple[int, ...], classes: int) -> Model:
        """The SavedModel in `path` on this device; not warmed yet.

        :raise UnfitModelError: it cannot be loaded, or its `serving_default` is not
            `images` uint8 (N, *input_shape) → `probabilities` float32 (N, classes), `energy` float32 (N).
        """
        session = v1.Session(graph=tf.Graph(), config=self._config())
        try:
            meta = v1.saved_model.loader.load(session, ["serve"], str(path))
            signature = meta.signature_def.get(SIGNATURE)
            if signature is None:
                raise UnfitModelError(f"no signature {SIGNATURE!r}; it has {sorted(meta.signature_def)}")
            _check("input", signature.inputs, "images", tf.uint8, input_shape)
            _check("output", signature.outputs, "probabilities", tf.float32, (classes,))
            _check("output", signature.outputs, "energy", tf.float32, ())
            call = session.make_callable(
                [signature.outputs[name].name for name in ("probabilities", "energy")],
                feed_list=[signature.inputs["images"].name],
            )
            signatures = _signatures(meta.signature_def)
        except UnfitModelError:
            session.close()
            raise
        except (tf.errors.OpError, OSError, ValueError, KeyError, RuntimeError, MemoryError) as error:
            session.close()
            raise UnfitModelError(f"TensorFlow cannot load it: {type(error).__name__}: {error}") from error
        return Model(session, call, signatures, input_shape, self._pool)


class Model:
    """A SavedModel on a device. `predict` may be called from one thread at a time."""

    def __init__(
        self,
        session: Any,
        call: Any,
        signatures: dict[str, Signature],
        input_shape: tuple[int, ...],
        pool: ThreadPoolExecutor | None,
    ) -> None:
        self.signatures = signatures
        self._session = session
        self._call = call
        self._callables: OrderedDict[tuple[str, tuple[str, ...]], Any] = OrderedDict()
        self._input_shape = input_shape
        self._pool = pool

    def predict(self, images: npt.NDArray[np.uint8]) -> Predictions:
        """`images` uint8 (N, H, W, C). Blocks until the device is done.

        :raise tensorflow.errors.OpError: the device failed, out of memory for one.
        """
        parts = len(images) // SPLIT_PICTURES
        if self._pool is None or parts < 2:
            return Predictions(*self._call(images))
        # The session lets go of the interpreter lock, so threads of our own run side by side. More parts than threads: one
        # that loses its core for a while takes fewer, and the others do not wait for it.
        pieces = list(self._pool.map(self._call, np.array_split(images, parts)))
        return Predictions(
            np.concatenate([probabilities for probabilities, _ in pieces]),
            np.concatenate([energy for _, energy in pieces]),
        )

    def run(
        self, signature: str, inputs: dict[str, npt.NDArray[np.generic]], outputs: tuple[str, ...]
    ) -> list[npt.NDArray[np.generic]]:
        """Call any signature; its `inputs` complete, by name, and the `outputs` wanted, in their order. Blocks.

        :raise KeyError: there is no such signature or output.
        :raise tensorflow.errors.OpError: the inputs do not fit each other, or the device failed.
        """
        key = (signature, outputs)
        call = self._callables.get(key)
        if call is None:
            described = self.signatures[signature]
            fetches = [described.outputs[name].name for name in outputs]
            feeds = [info.name for info in described.inputs.values()]
            call = self._session.make_callable(fetches, feed_list=feeds or None)
            self._callables[key] = call
            if len(self._callables) > _CALLABLES:
                self._callables.popitem(last=False)
        self._callables.move_to_end(key)
        answer = call(*(inputs[name] for name in self.signatures[signature].inputs))
        return [np.asarray(value) for value in answer]

    def warm(self, batch_sizes: list[int]) -> None:
        """Run every batch size once, so that no request pays for a first time (kernel choice, memory).

        :raise UnfitModelError: it cannot be run, or answers with another number of rows, or with what is no number; it
            is closed then.
        """
        try:
            for size in batch_sizes:
                _check_answer(self.predict(np.zeros((size, *self._input_shape), np.uint8)), size)
        except UnfitModelError:
            self.close()
            raise
        except (tf.errors.OpError, MemoryError) as error:
            self.close()
            message = getattr(error, "message", str(error))
            raise UnfitModelError(f"TensorFlow cannot run it: {type(error).__name__}: {message}") from error

    def close(self) -> None:
        """Free the device memory; the model is of no use afterwards."""
        self._callables.clear()
        self._session.close()


def _signatures(signature_defs: Any) -> dict[str, Signature]:
    """All that can be called by feeding and fetching plain tensors."""
    found = {}
    for name, definition in sorted(signature_defs.items()):
        tensors = [*definition.inputs.values(), *definition.outputs.values()]
        if name != _INIT_SIGNATURE and all(info.WhichOneof("encoding") == "name" for info in tensors):
            inputs = {key: _describe(info) for key, info in sorted(definition.inputs.items())}
            outputs = {key: _describe(info) for key, info in sorted(definition.outputs.items())}
            found[name] = Signature(inputs, outputs, definition.method_name)
    return found


def _describe(info: Any) -> TensorInfo:
    shape = None if info.tensor_shape.unknown_rank else tuple(dim.size for dim in info.tensor_shape.dim)
    return TensorInfo(info.name, types_pb2.DataType.Name(info.dtype), shape)


def _check(side: str, tensors: Any, name: str, dtype: Any, shape: tuple[int, ...]) -> None:
    if name not in tensors:
        raise UnfitModelError(f"{SIGNATURE} has no {side} {name!r}; it has {sorted(tensors)}")
    info = tensors[name]
    found = tf.TensorShape(info.tensor_shape).as_list() if not info.tensor_shape.unknown_rank else None
    if info.dtype != dtype.as_datatype_enum or found is None or found != [None, *shape]:
        raise UnfitModelError(
            f"{side} {name!r} of {SIGNATURE} is {tf.as_dtype(info.dtype).name} {found}, "
            f"not {dtype.name} {[None, *shape]}"
        )


def _check_answer(predictions: Predictions, pictures: int) -> None:
    rows = {len(predictions.probabilities), len(predictions.energy)}
    if rows != {pictures}:
        raise UnfitModelError(f"{pictures} pictures get {sorted(rows)} answers")
    if not (np.isfinite(predictions.probabilities).all() and np.isfinite(predictions.energy).all()):
        raise UnfitModelError("its probabilities or energies are not finite: its training diverged, perhaps")
