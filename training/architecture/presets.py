"""The architectures that have a name."""

from __future__ import annotations

from training.architecture.layers import Architecture, Conv, Dense, Dropout, Flatten

CNN = Architecture(
    name="cnn",
    # Served on CPUs, hence strides instead of pooling and nothing at the full 28 × 28: see docs/training.md.
    layers=(
        Conv(filters=16, kernel=4, stride=2, padding="valid"),  # (13, 13, 16)
        Conv(filters=32, kernel=3, padding="valid"),  # (11, 11, 32)
        Conv(filters=64, kernel=3, stride=2, padding="valid"),  # (5, 5, 64)
        Conv(filters=96, kernel=3, padding="valid"),  # (3, 3, 96)
        Flatten(),
        Dropout(0.1),
        Dense(128),
        Dropout(0.2),
        Dense(10, activation="linear", batch_norm=False),
    ),
)

MLP = Architecture(
    name="mlp",
    layers=(
        Flatten(),
        Dense(512),
        Dropout(0.1),
        Dense(384),
        Dropout(0.1),
        Dense(10, activation="linear", batch_norm=False),
    ),
)

ARCHITECTURES: dict[str, Architecture] = {architecture.name: architecture for architecture in (CNN, MLP)}
