"""Networks declared as data: what they are, what they cost, and how they are built.

Architecture (layers as values) → arithmetic: a table of shapes, parameters, MACs   (no TensorFlow)
  by name: presets              → build: a Keras model to train, and the one to serve
  as JSON: document
"""

from training.architecture.architecture import Architecture
from training.architecture.arithmetic import chain_table, layer_table
from training.architecture.layers import (
    Activation,
    AvgPool,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    MaxPool,
    Residual,
)
from training.architecture.presets import ARCHITECTURES, preset, preset_keys, preset_names
from training.architecture.rows import LayerRow, Totals, totals

__all__ = [
    "ARCHITECTURES",
    "Activation",
    "Architecture",
    "AvgPool",
    "Conv",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAvgPool",
    "Layer",
    "LayerRow",
    "MaxPool",
    "Residual",
    "Totals",
    "chain_table",
    "layer_table",
    "preset",
    "preset_keys",
    "preset_names",
    "totals",
]
