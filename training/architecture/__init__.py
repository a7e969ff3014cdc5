"""Networks declared as data: what they are, what they cost, and how they are built.

Architecture (layers as values) → arithmetic: a table of shapes, parameters, MACs   (no TensorFlow)
                                → build: a Keras model to train, and the one to serve
"""

from training.architecture.arithmetic import LayerRow, layer_table
from training.architecture.layers import Architecture, Conv, Dense, Dropout, Flatten, Layer
from training.architecture.presets import ARCHITECTURES

__all__ = ["ARCHITECTURES", "Architecture", "Conv", "Dense", "Dropout", "Flatten", "Layer", "LayerRow", "layer_table"]
