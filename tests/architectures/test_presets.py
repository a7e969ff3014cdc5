"""The table of presets: parameters, classes, keys, and what is said of names and keys that do not exist."""

from __future__ import annotations

import pytest

from architectures import (
    ARCHITECTURES,
    ArchitectureError,
    Conv,
    Dense,
    MaxPool,
    layer_table,
    preset,
    preset_keys,
    preset_names,
    totals,
)
from architectures.keys import parse_keys

PARAMETERS = {
    "conv-pool-n": 3_217_226,
    "conv-dropout": 596_042,
    "lenet5": 61_706,
    "pool-first": 1_475_146,
    "strided": 361_322,
    "scratch": 201_570,
    "mlp-1000-300": 1_088_310,
    "ffnn": 44_458,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_parameters_of_the_course(name: str) -> None:
    assert totals(layer_table(preset(name), (28, 28, 1))).parameters == PARAMETERS[name]


def test_every_preset_is_in_the_list() -> None:
    assert set(preset_names()) == (set(PARAMETERS) | {"cnn", "mlp"}) - {"mlp-1000-300"}
    assert {name: preset(name) for name in ("cnn", "mlp")} == ARCHITECTURES


@pytest.mark.parametrize("name", [*preset_names(), "mlp-512"])
def test_classes_are_the_last_layers_units(name: str) -> None:
    architecture = preset(name, classes=100)
    assert architecture.classes == 100
    assert architecture.name == name
    assert layer_table(architecture, (32, 32, 3))[-1].output_shape == (100,)


def test_only_what_needs_it_allows_the_floor_and_only_one_is_written_by_hand() -> None:
    assert [name for name in preset_names() if preset(name).allow_floor] == ["strided"]
    assert [name for name in preset_names() if preset(name).first_principles] == ["scratch"]
    assert preset("lenet5", allow_floor=True).allow_floor
    with pytest.raises(ArchitectureError, match="conv2: a kernel of 3 with stride 2"):
        layer_table(preset("strided"), (28, 28, 1), allow_floor=False)


def test_any_widths() -> None:
    units = [layer.units for layer in preset("mlp-7-8-9").layers if isinstance(layer, Dense)]
    assert units == [7, 8, 9, 10]


@pytest.mark.parametrize("value", ["4", 4, 4.0])
def test_the_keys_of_conv_pool(value: str | int | float) -> None:
    keys: dict[str, str | int | float] = {
        "convPoolLayers": "2",
        "filterSize": 5,
        "convStride": 1,
        "numFilters": value,
        "poolK": 3,
        "poolStride": 2,
        "FCLayerSize": 64,
        "activation": "tanh",
    }
    layers = preset("conv-pool-n", keys=keys, allow_floor=True).layers
    assert layers[:4] == (
        Conv(4, 5, 1, 2, "tanh"),
        MaxPool(3, 2),
        Conv(8, 5, 1, 2, "tanh"),
        MaxPool(3, 2),
    )
    assert layers[-2:] == (Dense(64, "tanh"), Dense(10, "linear"))


@pytest.mark.parametrize(("given", "padding"), [("same", "same"), ("valid", "valid"), ("0", 0), (2, 2)])
def test_the_padding_can_be_chosen(given: str | int, padding: str | int) -> None:
    conv = preset("conv-pool-n", keys={"convPadding": given, "filterSize": 4}).layers[0]
    assert isinstance(conv, Conv)
    assert conv.padding == padding


def test_an_even_filter_has_no_padding_of_its_own_but_by_the_floor() -> None:
    with pytest.raises(ArchitectureError, match=r"filterSize 4 .* 1\.5 .* a filterSize of 3 or 5"):
        preset("conv-pool-n", keys={"filterSize": 4})
    conv = preset("conv-pool-n", keys={"filterSize": 4}, allow_floor=True).layers[0]
    assert conv == Conv(32, 4, 1, 1)


def test_blocks_that_do_not_fit_are_named() -> None:
    architecture = preset("conv-pool-n", keys={"convPoolLayers": 3})
    with pytest.raises(ArchitectureError, match="pool3: a pool of 2 .* 7 × 7 .* an input side of 6 or 8"):
        layer_table(architecture, (28, 28, 1))
    floored = preset("conv-pool-n", keys={"convPoolLayers": 3}, allow_floor=True)
    assert layer_table(floored, (28, 28, 1))[5].output_shape == (3, 3, 96)


@pytest.mark.parametrize("name", ["lenet5", "ffnn", "mlp-32", "pool-first", "strided", "conv-dropout"])
def test_every_course_net_takes_any_activation(name: str) -> None:
    assert preset_keys(name) == ("activation",)
    plain, changed = preset(name), preset(name, keys={"activation": "elu"})
    assert plain != changed
    assert "elu" in str(changed)
    assert "elu" not in str(plain).replace("relu", "").replace("selu", "")


@pytest.mark.parametrize(
    ("name", "keys", "fault"),
    [
        ("lenet6", {}, "cannot be 'lenet6'; did you mean lenet5"),
        ("mlp-", {}, "cannot be 'mlp-'"),
        ("mlp-0", {}, "cannot be 'mlp-0'"),
        ("mlp-10-x", {}, "cannot be 'mlp-10-x'"),
        ("conv-pool-n", {"filtersize": 3}, "cannot be 'filtersize'; did you mean filterSize"),
        ("conv-pool-n", {"filterSize": 0}, "filterSize of conv-pool-n must be a whole number"),
        ("conv-pool-n", {"filterSize": 2.5}, "must be a whole number .* not 2.5"),
        ("conv-pool-n", {"filterSize": "three"}, "must be a whole number .* not 'three'"),
        ("conv-pool-n", {"filterSize": "nan"}, "must be a whole number"),
        ("conv-pool-n", {"filterSize": float("inf")}, "must be a whole number"),
        ("conv-pool-n", {"numFilters": True}, "must be a whole number"),
        ("conv-pool-n", {"convPoolLayers": 51}, "at most 50"),
        ("conv-pool-n", {"convPadding": "full"}, "convPadding of conv-pool-n must be a whole number from 0"),
        ("lenet5", {"activation": "rleu"}, "activation of lenet5 cannot be 'rleu'; did you mean relu"),
        ("cnn", {"activation": "relu"}, "cnn takes no keys"),
    ],
)
def test_names_and_keys_that_will_not_do(name: str, keys: dict[str, str | int | float], fault: str) -> None:
    with pytest.raises(ArchitectureError, match=fault):
        preset(name, keys=keys)


@pytest.mark.parametrize("classes", [1, 0, 200_000])
def test_classes_that_will_not_do(classes: int) -> None:
    with pytest.raises(ArchitectureError, match="classes"):
        preset("lenet5", classes=classes)


def test_keys_of_a_command_line() -> None:
    assert parse_keys(["filterSize=5", "activation=a=b"]) == {"filterSize": "5", "activation": "a=b"}
    for faulty in (["filterSize"], ["=5"], ["filterSize="], ["a=1", "a=2"]):
        with pytest.raises(ArchitectureError, match="--set"):
            parse_keys(faulty)
