"""From a Keras model to a SavedModel that needs no Keras: it scales its input and calibrates its output itself.

    serving_default   images uint8 (N, H, W, C)                       → probabilities float32 (N, K), energy float32 (N)
    activations       images                                          → one float32 output for each layer, by its name
    filters           nothing                                         → every kernel and bias, as `<layer>/kernel`
    saliency          images, classes int32 (N)                       → saliency float32 (N, H, W)

Written by `ExportArchive.add_endpoint` without `track()`, since `Model.export` and `track` write every weight twice
(keras-team/keras#23553).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from training.forward import layer_outputs
from training.pipeline import to_pixels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from training.architecture import Architecture

Tensors = dict[str, Any]


def export_saved_model(model: keras.Model, architecture: Architecture, temperature: float, directory: Path) -> None:
    """Write `model`, built by `build_served` from `architecture`, into `directory` with the four signatures above.

    `probabilities` are softmax(logits / temperature). `energy` is -T · ln Σ exp(logit / T): low for what resembles
    the training data (see `training.calibrate.energy`). `saliency` is |∂ logit of the class asked for / ∂ pixel|, the
    largest over the colour channels, for pixels in [0, 1]; all zero for a class that does not exist.
    Source of the last: Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks" (2013), section 3.1.
    """
    images = tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8, name="images")
    classes = tf.TensorSpec((None,), tf.int32, name="classes")
    archive = keras.export.ExportArchive()
    archive.add_endpoint("serving_default", _serving(model, architecture, temperature), [images])
    archive.add_endpoint("activations", _activations(model, architecture), [images])
    archive.add_endpoint("filters", _filters(model), [])
    archive.add_endpoint("saliency", _saliency(model, architecture), [images, classes])
    archive.write_out(str(directory), verbose=False)


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


def _serving(model: keras.Model, architecture: Architecture, temperature: float) -> Callable[[Any], Tensors]:
    def serving_default(images: Any) -> Tensors:
        scaled = layer_outputs(model, architecture, to_pixels(images))["logits"] / temperature  # (N, K)
        probabilities = tf.nn.softmax(scaled)
        # ln Σ exp(z) = z - ln softmax(z) for any class; the likeliest one's probability is at least 1 / K, so its
        # logarithm is exact, and this is half the ops of a reduce_logsumexp.
        log_sum = tf.reduce_max(scaled, axis=1) - tf.math.log(tf.reduce_max(probabilities, axis=1))
        return {"probabilities": probabilities, "energy": -temperature * log_sum}

    return serving_default


def _activations(model: keras.Model, architecture: Architecture) -> Callable[[Any], Tensors]:
    def activations(images: Any) -> Tensors:
        return layer_outputs(model, architecture, to_pixels(images))

    return activations


def _filters(model: keras.Model) -> Callable[[], Tensors]:
    def filters() -> Tensors:
        return {
            f"{layer.name}/{weight.name}": tf.identity(weight.value)
            for layer in model.layers
            for weight in layer.weights
        }

    return filters


def _saliency(model: keras.Model, architecture: Architecture) -> Callable[[Any, Any], Tensors]:
    def saliency(images: Any, classes: Any) -> Tensors:
        pixels = to_pixels(images)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            logits = layer_outputs(model, architecture, pixels)["logits"]
            # Pictures do not influence each other, so the gradient of the sum is each picture's own.
            asked_for = tf.reduce_sum(logits * tf.one_hot(classes, architecture.classes))
        return {"saliency": tf.reduce_max(tf.abs(tape.gradient(asked_for, pixels)), axis=3)}

    return saliency


def _describe(spec: Any) -> dict[str, Any]:
    return {"dtype": spec.dtype.name, "shape": spec.shape.as_list()}
