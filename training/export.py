"""From a Keras model to a SavedModel that needs no Keras: it scales its input and calibrates its output itself.

    serving_default        images uint8 (N, H, W, C)          → probabilities float32 (N, K), energy float32 (N)
    activations            images                             → one float32 output for each layer, by its name
    untrained_activations  images                             → the same of the weights that training began with
    filters                nothing                            → every kernel and bias, as `<layer>/kernel`
    saliency, smoothgrad, integrated_gradients, occlusion
                           images, classes int32 (N)          → a map float32 (N, H, W)
    grad_cam               images, classes                    → a map for each layer of feature maps, if there is one
    maximize               pixels, layer, channel, steps, …   → pixels that excite the channel more

Written by `ExportArchive.add_endpoint` without `track()`, since `Model.export` and `track` write every weight twice
(keras-team/keras#23553).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from architectures import layer_table
from training.forward import layer_outputs
from training.initial_weights import InitialWeights
from training.signatures.grad_cam import grad_cam
from training.signatures.gradients import integrated_gradients, saliency, smoothgrad
from training.signatures.maximize import maximize
from training.signatures.occlusion import occlusion
from training.signatures.serving import activations, filters, serving_default

if TYPE_CHECKING:
    from pathlib import Path

    from architectures import Architecture
    from training.signatures import Tensors


def export_saved_model(model: keras.Model, architecture: Architecture, temperature: float, directory: Path) -> None:
    """Write `model`, built by `build_served` from `architecture`, into `directory` with the signatures above.

    What each of them computes is said where it is made, in `training.signatures`.
    """

    def layers(pixels: Any) -> Tensors:
        return layer_outputs(model, architecture, pixels)

    def untrained(pixels: Any) -> Tensors:
        return layer_outputs(InitialWeights(model), architecture, pixels)

    shape = (None, *model.input_shape[1:])
    pixels = tf.TensorSpec(shape, tf.float32, name="pixels")
    images = tf.TensorSpec(shape, tf.uint8, name="images")
    classes = tf.TensorSpec((None,), tf.int32, name="classes")
    shapes = {
        name: output.shape
        for name, output in tf.function(layers).get_concrete_function(pixels).structured_outputs.items()
    }
    names = [row.name for row in layer_table(architecture, model.input_shape[1:])]
    maps = [name for name in names if shapes[name].rank == 4]

    archive = keras.export.ExportArchive()
    archive.add_endpoint("serving_default", serving_default(layers, temperature), [images])
    archive.add_endpoint("activations", activations(layers), [images])
    archive.add_endpoint("filters", filters(model), [])
    if not architecture.first_principles:
        archive.add_endpoint("untrained_activations", activations(untrained), [images])
    for make in (saliency, smoothgrad, integrated_gradients, occlusion):
        archive.add_endpoint(make.__name__, make(layers), [images, classes])
    if maps:
        archive.add_endpoint("grad_cam", grad_cam(layers, maps), [images, classes])
    scalars = [tf.TensorSpec((), dtype, name=name) for name, dtype in _SCALARS]
    archive.add_endpoint("maximize", maximize(layers, names), [pixels, *scalars])
    archive.write_out(str(directory), verbose=False)


_SCALARS = (
    ("layer", tf.int32),
    ("channel", tf.int32),
    ("steps", tf.int32),
    ("rate", tf.float32),
    ("share", tf.float32),
)


def describe_signatures(loaded: Any) -> dict[str, Any]:
    """The card's `signatures` of what `tf.saved_model.load` gave: dtype and shape of every input and output by name.

    A dimension of any size is None.
    """
    return {
        name: {
            "inputs": {key: _describe(spec) for key, spec in function.structured_input_signature[1].items()},
            "outputs": {key: _describe(spec) for key, spec in sorted(function.structured_outputs.items())},
        }
        for name, function in sorted(loaded.signatures.items())
    }


def _describe(spec: Any) -> dict[str, Any]:
    return {"dtype": spec.dtype.name, "shape": spec.shape.as_list()}
