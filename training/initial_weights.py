"""The weights that training began with, drawn again instead of kept: initialisers have seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import keras


class Drawn(NamedTuple):
    """A weight that is no variable; its `value` is a tensor, drawn where it is used."""

    value: Any


class LayerWeights(NamedTuple):
    """As far as the forward pass looks into a Keras layer."""

    kernel: Drawn
    bias: Drawn


class InitialWeights:
    """Stands in for `model` in `training.forward`: each layer's weights are those that its initialisers draw.

    `model` comes of `fold_batch_norm`, which hands the initialisers of the trained model on. Batch normalisation changes
    next to nothing before training: it divides by sqrt(1 + epsilon).
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model

    def get_layer(self, name: str) -> LayerWeights | None:
        """A layer's initial weights; None for one that has none."""
        layer = self._model.get_layer(name)
        if not layer.weights:
            return None
        return LayerWeights(
            Drawn(layer.kernel_initializer(layer.kernel.shape)), Drawn(layer.bias_initializer(layer.bias.shape))
        )
