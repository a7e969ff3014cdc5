"""SavedModels onto one device.

Why a session and not `tf.saved_model.load`: measured on one picture, a session's callable whose operations run in the
caller's thread costs 174 µs where the loaded signature costs 696 µs, and it is how TensorFlow Serving runs the same
directory. Why a graph comes in two parts, the prediction and what looks inside: see `pruning`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from service import logs
from service.catalogue import Device, Signature
from service.engine import contract, graphs
from service.engine.contract import UnfitModelError
from service.engine.litert import UnconvertibleError
from service.engine.model import Model
from service.engine.prediction import InSession, Prediction
from service.engine.tf import tf, v1

log = logs.get(__name__)

TENSORFLOW_VERSION: str = tf.__version__
OUT_OF_MEMORY: tuple[type[Exception], ...] = (MemoryError, tf.errors.ResourceExhaustedError)
"""What the device raises when its memory is used up."""
INPUTS_DO_NOT_FIT: type[Exception] = tf.errors.InvalidArgumentError
"""What a signature raises for inputs that it cannot use: their sizes or values do not go together."""


_LOADING_FAILS = (tf.errors.OpError, OSError, ValueError, KeyError, RuntimeError, MemoryError)


class NoDeviceError(Exception):
    """The device that was asked for is not there."""


class Runtime:
    """One device and its configuration; loads models onto it."""

    def __init__(
        self, device: str = "auto", gpu_memory_mb: int = 0, threads: int = 1, *, xla: bool = False, litert: bool = True
    ) -> None:
        """`threads` share a large batch on a CPU; a GPU is driven by one. `xla`: predictions are compiled by XLA, for
        each batch size when it is first run. `litert`: on a CPU and without XLA they run in LiteRT, if it can run them.

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
        self._litert = litert and not xla and not gpus
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

    def load(self, path: Path, input_shape: tuple[int, ...], classes: int, converted: Path | None = None) -> Model:
        """The SavedModel in `path` on this device; not warmed yet. `converted`: its prediction as LiteRT takes it; None: it
        is converted here, where that is wanted.

        :raise UnfitModelError: it cannot be loaded, or its `serving_default` is not
            `images` uint8 (N, *input_shape) → `probabilities` float32 (N, classes), `energy` float32 (N).
        """
        session = v1.Session(graph=tf.Graph(), config=self._config())
        try:
            meta = graphs.read(path)
            signature = contract.prediction(meta.signature_def, input_shape, classes)
            tensors = [signature.inputs["images"].name, *(signature.outputs[name].name for name in contract.OUTPUTS)]
            graphs.import_prediction(session, meta, tensors, path, compiled=self._xla)
            signatures = contract.signatures(meta.signature_def)
            prediction = self._faster(InSession(session, signature), path, signature, input_shape, converted)
        except UnfitModelError:
            session.close()
            raise
        except _LOADING_FAILS as error:
            session.close()
            raise UnfitModelError(f"TensorFlow cannot load it: {type(error).__name__}: {error}") from error
        return Model(prediction, lambda: self._load_whole(path), signatures, input_shape, self._pool, self.threads)

    def _faster(
        self,
        in_session: InSession,
        path: Path,
        signature: Signature,
        input_shape: tuple[int, ...],
        converted: Path | None,
    ) -> Prediction:
        """The same in LiteRT, where that is wanted and possible."""
        if not self._litert:
            return in_session
        try:
            model = in_session.converted(signature) if converted is None else converted.read_bytes()
            in_litert = in_session.in_litert(model, input_shape, self.threads)
        except UnconvertibleError as error:
            log.warning("litert_not_used", path=str(path), reason=str(error))
            return in_session
        in_session.close()
        return in_litert

    def _load_whole(self, path: Path) -> Any:
        """A session with all signatures of the SavedModel in `path`."""
        session = v1.Session(graph=tf.Graph(), config=self._config())
        try:
            v1.saved_model.loader.load(session, list(graphs.TAGS), str(path))
        except _LOADING_FAILS as error:
            session.close()
            raise UnfitModelError(f"TensorFlow cannot load it: {type(error).__name__}: {error}") from error
        return session
