"""Figures by hand and out of the course's exercises."""

from __future__ import annotations

import pytest

from architectures import (
    Activation,
    Architecture,
    ArchitectureError,
    AvgPool,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    MaxPool,
    Residual,
    chain_table,
    layer_table,
    preset,
    totals,
)

LOGITS = Dense(10, activation="linear")


def test_figures_by_hand() -> None:
    architecture = Architecture(
        "by-hand", (Conv(16, 5, stride=2), Conv(32, 3, padding="valid"), Flatten(), Dense(20), Dropout(0.5), LOGITS)
    )
    rows = layer_table(architecture, (28, 28, 1))
    assert [row.name for row in rows] == ["conv1", "conv2", "flatten1", "dense1", "logits"]
    assert [row.output_shape for row in rows] == [(14, 14, 16), (12, 12, 32), (4608,), (20,), (10,)]
    assert [row.output_volume for row in rows] == [3136, 4608, 4608, 20, 10]
    assert [row.parameters for row in rows] == [25 * 16 + 16, 9 * 16 * 32 + 32, 0, 4608 * 20 + 20, 20 * 10 + 10]
    assert [row.macs for row in rows] == [14 * 14 * 25 * 16, 12 * 12 * 9 * 16 * 32, 0, 4608 * 20, 200]
    assert [row.receptive_field for row in rows] == [5, 9, 9, 28, 28]
    assert [row.jump for row in rows] == [2, 2, 2, None, None]
    assert [row.activation_bytes for row in rows] == [12_544, 18_432, 18_432, 80, 40]
    sums = totals(rows)
    assert (sums.parameters, sums.parameter_bytes) == (97_446, 389_784)
    assert (sums.macs, sums.activation_bytes) == (834_312, 49_528)


def test_a_row_is_on_a_card_as_it_always_was() -> None:
    row = layer_table(Architecture("one", (Conv(16, 5, stride=2), Flatten(), LOGITS)), (28, 28, 1))[0]
    assert row.document() == {
        "name": "conv1",
        "type": "conv",
        "output_shape": [14, 14, 16],
        "parameters": 416,
        "receptive_field": 5,
        "macs": 78400,
        "kernel": [5, 5],
        "stride": [2, 2],
        "padding": "same",
        "activation": "relu",
    }


def test_the_two_convolutions_of_the_exercise() -> None:
    keys = {"convPoolLayers": 2, "poolStride": 1, "FCLayerSize": 1024}
    rows = layer_table(preset("conv-pool-n", keys=keys), (28, 28, 3))
    table = {row.name: row for row in rows}
    assert [table[name].output_volume for name in ("conv1", "pool1", "conv2", "pool2")] == [
        25_088,
        23_328,
        46_656,
        43_264,
    ]
    weighted = [table[name].parameters for name in ("conv1", "conv2", "dense1", "logits")]
    assert weighted == [896, 18_496, 44_303_360, 10_250]
    assert totals(rows).parameters == 44_333_002


def test_the_fully_connected_net_of_the_exercise() -> None:
    rows = layer_table(preset("mlp-1000-300"), (28, 28, 3))
    assert [row.parameters for row in rows] == [0, 2_353_000, 300_300, 3_010]
    assert totals(rows).parameters == 2_656_310


def test_a_residual_block_by_hand() -> None:
    block = Residual((Conv(6, 3, 2), Conv(6, 3, activation="linear")), "relu")
    rows = chain_table((Conv(4, 3), block, Residual((Conv(6, 3),)), GlobalAvgPool()), (9, 9, 1), allow_floor=False)
    assert [row.name for row in rows] == [
        "conv1",
        "residual1_conv1",
        "residual1_conv2",
        "residual1_projection",
        "residual1",
        "residual2_conv1",
        "residual2",
        "global_pool1",
    ]
    assert [row.output_shape for row in rows] == [(9, 9, 4), *[(5, 5, 6)] * 6, (6,)]
    assert [row.parameters for row in rows] == [40, 222, 330, 30, 0, 330, 0, 0]
    assert [row.receptive_field for row in rows] == [3, 5, 9, 3, 9, 13, 13, 9]
    assert [row.jump for row in rows] == [1, 2, 2, 2, 2, 2, 2, None]


def test_pools_and_activations_by_hand() -> None:
    layers = (MaxPool(3, 2, 1), Activation("tanh"), AvgPool(2), MaxPool(3, 1, "same"))
    rows = chain_table(layers, (11, 7, 2), allow_floor=False)
    assert [row.output_shape for row in rows] == [(6, 4, 2), (6, 4, 2), (3, 2, 2), (3, 2, 2)]
    assert [row.name for row in rows] == ["pool1", "activation1", "pool2", "pool3"]
    assert [row.type for row in rows] == ["max_pool", "activation", "avg_pool", "max_pool"]
    assert [(row.receptive_field, row.jump) for row in rows] == [(3, 2), (3, 2), (5, 4), (13, 4)]
    assert not any(row.parameters or row.macs for row in rows)


def test_a_block_that_shrinks_otherwise_than_its_projection() -> None:
    with pytest.raises(ArchitectureError, match=r"residual1: its layers make 7 × 7 × 4 of 9 × 9 × 1.*'same'"):
        chain_table((Residual((Conv(4, 3, padding="valid"),)),), (9, 9, 1), allow_floor=False)


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 0), (28, 28, 1, 1), (-1, 28, 1), (2_000_000, 28, 1)])
def test_what_is_no_picture(shape: tuple[int, ...]) -> None:
    with pytest.raises(ArchitectureError, match="the input"):
        layer_table(preset("mlp"), shape)


@pytest.mark.parametrize("layers", [(), (Flatten(),), (Flatten(), Dense(10)), (Flatten(), Dense(10, "linear", True))])
def test_a_net_ends_in_logits(layers: tuple[Flatten | Dense, ...]) -> None:
    with pytest.raises(ArchitectureError, match="must end in"):
        Architecture("headless", layers)


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: Conv(0, 3), "filters must be a whole number"),
        (lambda: Conv(8, True), "kernel must be a whole number"),
        (lambda: Conv(8, 3, padding=-1), "padding must be"),
        (lambda: Conv(8, 3, padding="full"), "padding must be"),  # type: ignore[arg-type]
        (lambda: Conv(8, 3, activation="rleu"), "did you mean relu"),  # type: ignore[arg-type]
        (lambda: Conv(8, 3, batch_norm=1), "batch_norm must be true or false"),  # type: ignore[arg-type]
        (lambda: MaxPool(2, padding=2), "windows of 2 without a pixel"),
        (lambda: MaxPool(2, stride=-1), "stride must be"),
        (lambda: Dropout(1.0), "rate must be"),
        (lambda: Dense(10_000_000), "units must be"),
        (lambda: Activation("softmax"), "function cannot be 'softmax'"),  # type: ignore[arg-type]
        (lambda: Residual((Dropout(0.1),)), "needs a convolution"),
        (lambda: Residual((Conv(8, 3), Flatten())), "cannot hold Flatten"),
    ],
)
def test_layers_that_make_no_sense(make: object, fault: str) -> None:
    assert callable(make)
    with pytest.raises(ArchitectureError, match=fault):
        make()
