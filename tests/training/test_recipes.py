"""What is used when nothing else is said, and the command line that says it again."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace
from typing import Any

import pytest

from architectures import ArchitectureError, preset_names
from training.command_line import command_line
from training.commands import train
from training.config import OPTIMIZERS, SCHEDULES, Augmentation, TrainingConfig
from training.errors import ConfigurationError
from training.recipes import AUGMENTATIONS, NONE, RECIPES, augmentation_named, data_family, recipe, with_optimizer


def read_back(command: str) -> TrainingConfig:
    """The config that a command line makes, by the parser that users meet."""
    parser = argparse.ArgumentParser()
    train.add_parser(parser.add_subparsers())
    return train.config_of(parser.parse_args(shlex.split(command.removeprefix("python -m training "))))


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_champions_on_mnist_are_the_shipped_ones(name: str) -> None:
    assert recipe(name) == RECIPES[name]
    assert recipe(name).outlier_share > 0


@pytest.mark.parametrize("name", ["cnn", "mlp"])
@pytest.mark.parametrize("dataset", ["fashion_mnist", "cifar10", "cifar100", "stamps"])
def test_champions_elsewhere_see_nothing_made_for_digits(name: str, dataset: str) -> None:
    config = recipe(name, dataset)
    assert (config.rare_share, config.outlier_share) == (0.0, 0.0)
    amounts = config.augmentation
    assert not amounts.changes_texture
    assert amounts.stroke == 0.0
    assert (amounts.flip > 0) is (dataset != "stamps")
    assert config.published_name == f"{name}-{dataset}"


@pytest.mark.parametrize("name", [*sorted(set(preset_names()) - set(RECIPES)), "mlp-64-32"])
def test_every_other_preset_is_trained_in_the_plain_way(name: str) -> None:
    config = recipe(name)
    assert (config.optimizer, config.schedule, config.augmentation) == ("adam", "constant", NONE)
    assert not any((config.label_smoothing, config.averaging_share, config.weight_decay, config.outlier_share))
    assert config.published_name == name


def test_families_of_data() -> None:
    assert [data_family(name) for name in ("mnist", "fashion_mnist", "cifar10", "stamps")] == [
        "handwriting", "things", "things", "own",
    ]  # fmt: skip


def test_no_digit_is_ever_mirrored() -> None:
    assert not any(amounts.flip for amounts in AUGMENTATIONS["handwriting"].values())


def test_an_augmentation_that_these_data_do_not_have() -> None:
    with pytest.raises(
        (ArchitectureError, ConfigurationError), match=r"--augment centred does not suit cifar10.*none, light, strong"
    ):
        augmentation_named("centred", "cifar10")


def test_a_preset_that_does_not_exist() -> None:
    with pytest.raises((ArchitectureError, ConfigurationError), match="resnet"):
        recipe("resnet")


def test_another_optimizer_brings_its_own_rate_and_decay() -> None:
    assert with_optimizer(RECIPES["cnn"], "adamw") == RECIPES["cnn"]
    sgd = with_optimizer(RECIPES["cnn"], "sgd")
    assert (sgd.optimizer, sgd.learning_rate, sgd.weight_decay) == ("sgd", 0.1, 0.0)
    assert with_optimizer(recipe("lenet5"), "adamw").weight_decay > 0


CHANGES: list[dict[str, Any]] = [
    {},
    {"name": "tried", "seed": 7, "epochs": 3, "batch_size": 32, "learning_rate": 0.01},
    {"max_steps": 100, "report_every": 10, "early_stopping": 2, "pictures": 500, "validation_size": 100},
    {"schedule": "cosine", "warmup_share": 0.5, "weight_decay": 0.02, "label_smoothing": 0.2, "averaging_share": 0.1},
    {"rare_share": 0.3, "outlier_share": 0.4, "augmentation": AUGMENTATIONS["handwriting"]["light"]},
    {"augmentation": NONE, "allow_floor": True},
    {"optimizer": "momentum", "nesterov": True},
]


@pytest.mark.parametrize("model", ["cnn", "lenet5", "mlp-64-32"])
@pytest.mark.parametrize("changes", CHANGES)
def test_the_command_line_makes_the_same_run_again(model: str, changes: dict[str, Any]) -> None:
    config = replace(recipe(model), **changes)
    assert read_back(command_line(config)) == config


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_command_line_keeps_rate_and_decay_of_another_optimizer(optimizer: str) -> None:
    config = with_optimizer(RECIPES["cnn"], optimizer)
    assert read_back(command_line(config)) == config
    undecayed = replace(config, weight_decay=0.0)
    assert read_back(command_line(undecayed)) == undecayed


def test_the_command_line_keeps_the_keys_of_the_architecture() -> None:
    config = replace(recipe("conv-pool-n", "cifar10"), architecture_keys={"numFilters": "16", "filterSize": "5"})
    assert "--set numFilters=16 --set filterSize=5" in command_line(config)
    assert read_back(command_line(config)) == config


def test_amounts_without_a_name_are_not_said() -> None:
    config = replace(recipe("cnn"), augmentation=Augmentation(shear=0.4))
    assert "--augment" not in command_line(config)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("--schedule cosine --epochs 0", "--epochs must be at least 1"),
        ("--max-steps 0", "--max-steps must be at least 1"),
        ("--report-every 0", "--report-every must be at least 1"),
        ("--early-stopping 0", "--early-stopping must be at least 1"),
        ("--pictures 0", "--pictures must be at least 1"),
        ("--label-smoothing 1", "--label-smoothing must lie in [0, 1)"),
        ("--averaging-share -0.1", "--averaging-share must lie in [0, 1)"),
        ("--weight-decay 1", "--weight-decay must lie in [0, 1)"),
        ("--warmup-share 1", "--warmup-share must lie in [0, 1)"),
        ("--nesterov", "--nesterov goes with --optimizer momentum, not with adamw"),
        ("--name ../cnn", "--name '../cnn' will not do"),
        ("--name .hidden", "--name '.hidden' will not do"),
        ("--set filters=3", "takes no keys"),
        ("--set filters", "--set takes key=value"),
        ("--dataset cifar10 --augment centred", "does not suit cifar10"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(arguments: str, named: str) -> None:
    with pytest.raises((ArchitectureError, ConfigurationError)) as caught:
        read_back(f"train --model cnn {arguments}")
    assert named in str(caught.value)


@pytest.mark.parametrize("field", ["optimizer", "schedule"])
def test_a_word_that_is_not_known(field: str) -> None:
    known = OPTIMIZERS if field == "optimizer" else SCHEDULES
    changed: dict[str, Any] = {field: "best"}
    with pytest.raises(
        (ArchitectureError, ConfigurationError), match=f"--{field} must be one of {', '.join(known)}, not best"
    ):
        TrainingConfig("cnn", **changed)


def test_the_card_tells_what_was_used_and_not_what_was_not() -> None:
    plain = recipe("lenet5").document()
    assert "schedule" in plain
    assert not {"max_steps", "nesterov", "architecture_keys", "name", "report_every"} & set(plain)
    changed = replace(recipe("conv-pool-n"), architecture_keys={"numFilters": 8}, max_steps=9).document()
    assert changed["architecture_keys"] == {"numFilters": 8}
    assert changed["max_steps"] == 9
