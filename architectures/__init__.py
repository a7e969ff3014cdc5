"""Networks declared as data: what they are and what they cost. The standard library alone; nothing is built or run here.

    layers → architecture → arithmetic: a table of shapes, parameters, receptive fields, MACs
    presets: architectures by name       document: architectures as JSON

Training builds what is declared here (`training.networks`), the service describes it (`POST /describe`); neither of them
imports the other.
"""

from architectures.architecture import Architecture
from architectures.arithmetic import chain_table, layer_table
from architectures.errors import ArchitectureError
from architectures.layers import (
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
from architectures.presets import ARCHITECTURES, preset, preset_keys, preset_names
from architectures.rows import LayerRow, Totals, totals

__all__ = [
    "ARCHITECTURES",
    "Activation",
    "Architecture",
    "ArchitectureError",
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
