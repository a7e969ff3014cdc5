"""TensorFlow, and nothing else of the service: SavedModels on one device, arrays in, arrays out.

Why a session and not `tf.saved_model.load`: measured on one picture, a session's callable whose operations run in the
caller's thread costs 174 µs where the loaded signature costs 696 µs, and it is how TensorFlow Serving runs the same
directory. Why Keras is kept out: a SavedModel needs none, and importing TensorFlow without it takes 2.7 s, not 6.0.
Why a graph comes in two parts, the prediction and what looks inside: see `pruning`.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it has no types

from service.catalogue import Device, Signature
from service.engine import contract
from service.engine.contract import UnfitModelError
from service.engine.parts import parts
from service.engine.pruning import needed, operation
from service.settings import prepare_tensorflow

prepare_tensorflow()
if not TYPE_CHECKING:
    sys.modules.setdefault("keras", None)  # TensorFlow imports Keras if it can, and lives without
import tensorflow as tf  # noqa: E402  (after Keras has been kept out)
from tensorflow.core.protobuf import saved_model_pb2  # noqa: E402

v1 = tf.compat.v1
v1.logging.set_verbosity(v1.logging.ERROR)

TENSORFLOW_VERSION: str = tf.__version__
_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")
"""Where SavedModels of before TensorFlow 2 name what initialises them."""
_TAGS = {"serve"}
_FUNCTION_CALLS = ("StatefulPartitionedCall", "PartitionedCall")
_CALLABLES = 32
"""Other calls that a model keeps ready; each is made when it is first asked for, and the one not used for longest goes."""


OUT_OF_MEMORY: tuple[type[Exception], ...] = (MemoryError, tf.errors.ResourceExhaustedError)
"""What the device raises when its memory is used up."""
INPUTS_DO_NOT_FIT: type[Exception] = tf.errors.InvalidArgumentError
"""What a signature raises for inputs that it cannot use: their sizes or values do not go together."""


_LOADING_FAILS = (tf.errors.OpError, OSError, ValueError, KeyError, RuntimeError, MemoryError)


class NoDeviceError(Exception):
    """The device that was asked for is not there."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """Of N pictures: `probabilities` float32 (N, K), rows sum to 1; `energy` float32 (N)."""

    probabilities: npt.NDArray[np.float32]
    energy: npt.NDArray[np.float32]


class Runtime:
    """One device and its configuration; loads models onto it."""

    def __init__(self, device: str = "auto", gpu_memory_mb: int = 0, threads: int = 1, *, xla: bool = False) -> None:
        """`threads` share a large batch on a CPU; a GPU is driven by one. `xla`: predictions are compiled by XLA, for
        each batch size when it is first run.

        :raise NoDeviceError: `device` is `"gpu"` and TensorFlow finds none.
        """
        gpus = [] if device == "cpu" else tf.config.list_physical_devices("GPU")
        if device == "gpu" and not gpus:
            raise NoDeviceError("DIGITS_DEVICE=gpu, but TensorFlow finds no GPU (are the CUDA libraries installed?)")
        if gpus:
            details = tf.config.experimental.get_device_details(gpus[0])
            self.device = Device("gpu", details.get("device_name", gpus[0].name))
            # The short mantissa would move probabilities by a thousandth, for a gain that models so small do not show.
            tf.config.experimental.enable_tensor_float_32_execution(False)
        else:
            self.device = Device("cpu", "CPU")
        self._gpu_memory_mb = gpu_memory_mb
        self._xla = xla
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
            meta = _read(path)
            signature = contract.prediction(meta.signature_def, input_shape, classes)
            images = signature.inputs["images"].name
            outputs = [signature.outputs[name].name for name in ("probabilities", "energy")]
            _import_prediction(session, meta, [images, *outputs], path, compiled=self._xla)
            call = session.make_callable(outputs, feed_list=[images])
            signatures = contract.signatures(meta.signature_def)
        except UnfitModelError:
            session.close()
            raise
        except _LOADING_FAILS as error:
            session.close()
            raise UnfitModelError(f"TensorFlow cannot load it: {type(error).__name__}: {error}") from error
        return Model(session, call, lambda: self._load_whole(path), signatures, input_shape, self._pool, self.threads)

    def _load_whole(self, path: Path) -> Any:
        """A session with all signatures of the SavedModel in `path`."""
        session = v1.Session(graph=tf.Graph(), config=self._config())
        try:
            v1.saved_model.loader.load(session, list(_TAGS), str(path))
        except _LOADING_FAILS as error:
            session.close()
            raise UnfitModelError(f"TensorFlow cannot load it: {type(error).__name__}: {error}") from error
        return session


class Model:
    """A SavedModel on a device. `predict` may be called from one thread at a time."""

    def __init__(
        self,
        session: Any,
        call: Any,
        load_whole: Callable[[], Any],
        signatures: dict[str, Signature],
        input_shape: tuple[int, ...],
        pool: ThreadPoolExecutor | None,
        threads: int,
    ) -> None:
        self.signatures = signatures
        self._session = session
        self._call = call
        self._load_whole = load_whole
        self._inside: Any = None
        """A session with all signatures, once `open` has been called."""
        self._callables: OrderedDict[tuple[str, tuple[str, ...]], Any] = OrderedDict()
        self._input_shape = input_shape
        self._pool = pool
        self._threads = threads

    def predict(self, images: npt.NDArray[np.uint8]) -> Predictions:
        """`images` uint8 (N, H, W, C). Blocks until the device is done.

        :raise tensorflow.errors.OpError: the device failed, out of memory for one.
        """
        sizes = parts(len(images), self._threads)
        if self._pool is None or len(sizes) < 2:
            return Predictions(*self._call(images))
        # The session lets go of the interpreter lock, so threads of our own run side by side.
        ends = list(accumulate(sizes))
        pieces = list(
            self._pool.map(self._call, [images[end - size : end] for end, size in zip(ends, sizes, strict=True)])
        )
        return Predictions(
            np.concatenate([probabilities for probabilities, _ in pieces]),
            np.concatenate([energy for _, energy in pieces]),
        )

    @property
    def is_open(self) -> bool:
        """Whether `run` finds its signatures loaded."""
        return self._inside is not None

    def open(self) -> None:
        """Load the whole graph, for `run`. Blocks; `predict` may be called meanwhile, and is not touched if it fails.

        A session of its own: one whose graph is extended by something broken runs nothing any more.

        :raise UnfitModelError: TensorFlow cannot load it, or its directory has gone.
        """
        if self._inside is None:
            self._inside = self._load_whole()

    def run(
        self, signature: str, inputs: dict[str, npt.NDArray[np.generic]], outputs: tuple[str, ...]
    ) -> list[npt.NDArray[np.generic]]:
        """Call any signature; its `inputs` complete, by name, and the `outputs` wanted, in their order. Blocks, the
        first time for as long as `open` does.

        :raise KeyError: there is no such signature or output.
        :raise tensorflow.errors.OpError: the inputs do not fit each other, or the device failed.
        """
        self.open()
        key = (signature, outputs)
        call = self._callables.get(key)
        if call is None:
            described = self.signatures[signature]
            fetches = [described.outputs[name].name for name in outputs]
            feeds = [info.name for info in described.inputs.values()]
            call = self._inside.make_callable(fetches, feed_list=feeds or None)
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
        if self._inside is not None:
            self._inside.close()


def _read(path: Path) -> Any:
    """The MetaGraphDef of the SavedModel in `path` that is for serving.

    :raise UnfitModelError: it has none, or cannot be parsed.
    """
    file = path / "saved_model.pb"
    if not file.is_file():
        raise UnfitModelError(f"TensorFlow cannot load it: SavedModel file does not exist: {file}")
    try:
        saved_model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    except DecodeError as error:
        raise UnfitModelError(f"TensorFlow cannot load it: {file.name} is corrupt: {error}") from error
    for meta in saved_model.meta_graphs:
        if set(meta.meta_info_def.tags) == _TAGS:
            return meta
    raise UnfitModelError(f"no graph in it has the tag {', '.join(_TAGS)}")


def _import_prediction(session: Any, meta: Any, tensors: list[str], path: Path, *, compiled: bool) -> None:
    """Import what gives `tensors`, with its variables and tables set."""
    saver, initial = meta.saver_def, _initial(meta)
    restored = [saver.restore_op_name, saver.filename_tensor_name] if saver.restore_op_name else []
    graph = needed(meta.graph_def, [*tensors, *restored, *initial])
    if compiled:
        calls = {node.name for node in needed(meta.graph_def, tensors).node if node.op in _FUNCTION_CALLS}
        for node in graph.node:
            if node.name in calls:
                node.attr["_XlaMustCompile"].b = True
    with session.graph.as_default():
        tf.import_graph_def(graph, name="")
    if restored:
        session.run(saver.restore_op_name, {saver.filename_tensor_name: str(path / "variables" / "variables")})
    assets = {asset.tensor_info.name: str(path / "assets" / asset.filename) for asset in meta.asset_file_def}
    there = {node.name for node in graph.node}
    fed = {tensor: file for tensor, file in assets.items() if operation(tensor) in there}
    for name in initial:
        session.run(session.graph.get_operation_by_name(operation(name)), fed)


def _initial(meta: Any) -> list[str]:
    """The operation that initialises the model, if there is one."""
    if contract.INITIAL in meta.signature_def:
        return [info.name for info in meta.signature_def[contract.INITIAL].outputs.values()]
    collections = [meta.collection_def[name] for name in _INIT_COLLECTIONS if name in meta.collection_def]
    return [name for collection in collections[:1] for name in collection.node_list.value]


def _check_answer(predictions: Predictions, pictures: int) -> None:
    rows = {len(predictions.probabilities), len(predictions.energy)}
    if rows != {pictures}:
        raise UnfitModelError(f"{pictures} pictures get {sorted(rows)} answers")
    if not (np.isfinite(predictions.probabilities).all() and np.isfinite(predictions.energy).all()):
        raise UnfitModelError("its probabilities or energies are not finite: its training diverged, perhaps")
