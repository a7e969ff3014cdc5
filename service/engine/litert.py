"""Predictions in LiteRT on a CPU: the graph of a SavedModel converted, weights inside, and run by XNNPACK's kernels.

LiteRT is what TensorFlow Lite is called since 2024 (https://ai.google.dev/edge/litert). On a CPU with AVX2 it takes 107 µs
for one picture of `cnn/3` where TensorFlow takes 347, and 79 for each of 64 where TensorFlow takes 104. It runs batches of
any size, at the same cost from four pictures up, and what it says of a picture does not depend on its company: the same
bits in every batch.
"""

from __future__ import annotations

import math
from queue import SimpleQueue
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-untyped]  # it has no types

from service.engine.parts import LARGEST
from service.engine.pruning import operation
from service.engine.tf import tf, v1

_READ = "/Read/ReadVariableOp"
"""Where TensorFlow, when it puts variables' values in their places, expects to find what reads each."""
CONVERTED_BYTES_MAX = 8 << 20
"""Of a graph and its variables. Converting holds Python's interpreter lock, and the engine answers nobody meanwhile: 0.1 s for
these, 4 s for ten times as much. And each thread has the weights once more.
"""
PICTURES_MAX = 2 * LARGEST - 1
"""What an interpreter is given at once, as much as a thread is: more cost no less each, and more memory."""
PACKED_BYTES_MAX = 128 << 20
"""Of weights, which each interpreter packs anew: so many interpreters there are, and one at least."""
_NOT_KEPT = "Assert"
"""The converter leaves such operations out, and what a model refuses would be answered."""


class UnconvertibleError(Exception):
    """LiteRT cannot stand in for TensorFlow here; the message says why."""


def first_line(error: Exception) -> str:
    """Of its message, which may be pages."""
    return str(error).strip().partition("\n")[0]


def convert(session: Any, images: str, outputs: list[str]) -> bytes:
    """The part of the session's graph that leads from the tensor `images` to `outputs`, as LiteRT's FlatBuffer.

    Adds operations that read its variables to the graph.

    :raise UnconvertibleError: it is too large, or there is something in it that LiteRT does not know.
    """
    try:
        size = _bytes(session)
        if size > CONVERTED_BYTES_MAX:
            raise UnconvertibleError(f"converting its {size:,} bytes would stop predictions for too long")
        frozen = _frozen(session, outputs)
        nodes = [frozen.node, *(function.node_def for function in frozen.library.function)]
        if any(node.op == _NOT_KEPT for some in nodes for node in some):
            raise UnconvertibleError("it refuses some inputs, which LiteRT would not")
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(frozen, name="")
        inputs = [graph.get_tensor_by_name(images)]
        converter = v1.lite.TFLiteConverter(frozen, inputs, [graph.get_tensor_by_name(name) for name in outputs])
        model: bytes = converter.convert()
    except UnconvertibleError:
        raise
    except Exception as error:
        # The converter raises what its many parts raise, its own `ConverterError` among them, a plain Exception.
        raise UnconvertibleError(f"{type(error).__name__}: {first_line(error)}") from error
    return model


def _bytes(session: Any) -> int:
    """Of its graph, constants inside, and the variables."""
    handles = [node for node in session.graph.get_operations() if node.type == "VarHandleOp"]
    described = [(node.get_attr("shape"), node.get_attr("dtype")) for node in handles]
    variables = sum(math.prod(d.size for d in shape.dim) * dtype.size for shape, dtype in described)
    return int(session.graph.as_graph_def().ByteSize() + variables)


def _frozen(session: Any, outputs: list[str]) -> Any:
    """The graph with its variables' values in their places."""
    with session.graph.as_default():
        names = {node.name for node in session.graph.get_operations()}
        for variable in [node for node in session.graph.get_operations() if node.type == "VarHandleOp"]:
            if variable.name + _READ not in names:
                tf.raw_ops.ReadVariableOp(
                    resource=variable.outputs[0], dtype=variable.get_attr("dtype"), name=variable.name + _READ
                )
    graph = session.graph.as_graph_def()
    return v1.graph_util.convert_variables_to_constants(session, graph, [operation(name) for name in outputs])


class LiteRT:
    """Answers for batches of any size, several at a time: as many as there are interpreters; others wait for one."""

    runtime: Literal["litert"] = "litert"
    takes_any_size = True

    def __init__(self, model: bytes, input_shape: tuple[int, ...], threads: int) -> None:
        """`model` gives probabilities and energies, as what `convert` gives does. So many `threads` will call it at once.

        :raise UnconvertibleError: LiteRT cannot take it in after all.
        """
        self._shape = input_shape
        self._idle: SimpleQueue[_Sized] = SimpleQueue()
        for _ in range(max(1, min(threads, PACKED_BYTES_MAX // (len(model) or 1)))):
            self._idle.put(self._interpreter(model))

    def _interpreter(self, model: bytes) -> _Sized:
        try:
            return _Sized(model, self._shape)
        except (ValueError, RuntimeError) as error:
            raise UnconvertibleError(f"{type(error).__name__}: {first_line(error)}") from error

    def __call__(self, images: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float32]]:
        """Probabilities and energies of `images` uint8 (N, H, W, C). Lets go of the interpreter lock.

        :raise MemoryError: there is none for so many.
        :raise RuntimeError: it failed.
        """
        interpreter = self._idle.get()
        try:
            if len(images) <= PICTURES_MAX:
                return interpreter.run(images)
            pieces = [interpreter.run(images[at : at + PICTURES_MAX]) for at in range(0, len(images), PICTURES_MAX)]
            return [np.concatenate(answers) for answers in zip(*pieces, strict=True)]
        finally:
            self._idle.put(interpreter)

    def close(self) -> None:
        while not self._idle.empty():
            self._idle.get()


class _Sized:
    """An interpreter, laid out for one batch size at a time."""

    def __init__(self, model: bytes, input_shape: tuple[int, ...]) -> None:
        # One thread: large batches are shared among threads of ours, an interpreter each.
        self._interpreter = Interpreter(model_content=model, num_threads=1)
        self._input = self._interpreter.get_input_details()[0]["index"]
        # Who converts may put them in any order: probabilities have two axes and energies one.
        outputs = sorted(self._interpreter.get_output_details(), key=lambda details: -len(details["shape"]))
        self._outputs = [details["index"] for details in outputs]
        self._shape = input_shape
        self._size = 0
        self._lay_out(1)

    def _lay_out(self, size: int) -> None:
        """12 µs once its memory is large enough.

        :raise MemoryError: it got none; the interpreter is not to be used again, it would crash.
        """
        try:
            self._interpreter.resize_tensor_input(self._input, (size, *self._shape))
            self._interpreter.allocate_tensors()
        except RuntimeError as error:
            # It says no more than that it failed; and sizes alone change, for which memory is what can be wanting.
            raise MemoryError(first_line(error)) from error
        self._size = size

    def run(self, images: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float32]]:
        if len(images) != self._size:
            self._size = 0
            self._lay_out(len(images))
        self._interpreter.set_tensor(self._input, images)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]
