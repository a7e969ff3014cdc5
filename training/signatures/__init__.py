"""The functions that a SavedModel offers: one module for each kind, all of them plain TensorFlow ops.

Each maker takes `layers`, which gives every layer's output for pixels float32 (N, H, W, C) in [0, 1] by the layer's
name, the last being `logits` (N, K); so it knows nothing of Keras, nor of how the model was built.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Tensors = dict[str, Any]
Layers = Callable[[Any], Tensors]

__all__ = ["Layers", "Tensors"]
