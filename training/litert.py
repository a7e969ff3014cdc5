"""The prediction of a version converted for LiteRT, beside its SavedModel: `assets.extra/prediction.tflite`.

LiteRT is what TensorFlow Lite is called since 2024 (https://ai.google.dev/edge/litert). On a CPU it takes a third to three
quarters of TensorFlow's time for models as small as these. Converted here, so that whoever serves them need not: the
converter holds Python's interpreter lock while it works.

    images uint8 (N, H, W, C)  →  probabilities float32 (N, K), energy float32 (N)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.replacing import replace_content

if TYPE_CHECKING:
    from training.evaluate.served import ServedModel

LITERT = Path("assets.extra") / "prediction.tflite"
"""Where it lies in a published version."""
_NOT_KEPT = "Assert"
"""The converter leaves such operations out: what the SavedModel refuses would be answered."""


class UnconvertibleError(Exception):
    """LiteRT cannot run this model; the message says why. It can be served all the same."""


def write_litert(version_directory: Path, served: ServedModel) -> None:
    """Write it for the version in `version_directory`, which is `served`; takes half a second.

    The file of a version that cannot be converted is not there afterwards. Raises `UnconvertibleError` when it cannot.
    """
    path = version_directory / LITERT
    try:
        converted = _converted(served)
    except UnconvertibleError:
        path.unlink(missing_ok=True)
        raise
    path.parent.mkdir(exist_ok=True)
    replace_content(path, converted, version_directory.parent)


def _converted(served: ServedModel) -> bytes:
    import tensorflow as tf

    serve = served.signatures["serving_default"]

    @tf.function(input_signature=[tf.TensorSpec((None, *served.input_shape), tf.uint8, name="images")])  # type: ignore[untyped-decorator]
    def prediction(images: Any) -> tuple[Any, Any]:
        answer = serve(images=images)
        return answer["probabilities"], answer["energy"]

    concrete = prediction.get_concrete_function()
    graph = concrete.graph.as_graph_def()
    nodes = [graph.node, *(function.node_def for function in graph.library.function)]
    if any(node.op == _NOT_KEPT for some in nodes for node in some):
        raise UnconvertibleError("it refuses some inputs, which LiteRT would not")
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], prediction)
    try:
        converted: bytes = converter.convert()
    except Exception as error:
        # The converter raises what its many parts raise, its own `ConverterError` among them, a plain Exception.
        raise UnconvertibleError(str(error).strip().partition("\n")[0]) from error
    return converted
