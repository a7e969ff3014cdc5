"""What combinations come to, by arithmetic alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from training.config import TrainingConfig
from training.errors import ConfigurationError
from training.sweep.axes import parse_axes
from training.sweep.grid import Value, grid
from training.sweep.plan import Fit, Misfit, make_plan

ROOT = Path(__file__).resolve().parents[3]
GREY = (28, 28, 1)


def plan(model: str, *vary: str, shape: tuple[int, int, int] = GREY, **fields: object) -> list[Fit | Misfit]:
    config = TrainingConfig(model, **fields)  # type: ignore[arg-type]  # fields of the recipe, by name

    def configure(given: Mapping[str, Value], keys: Mapping[str, str]) -> TrainingConfig:
        return replace(config, **given, architecture_keys={**config.architecture_keys, **keys})  # type: ignore[arg-type]

    combinations = grid(parse_axes(vary, model))
    return [combination.outcome for combination in make_plan(combinations, configure, shape, 10)]


def fits(outcomes: list[Fit | Misfit]) -> list[Fit]:
    assert all(isinstance(outcome, Fit) for outcome in outcomes), outcomes
    return [outcome for outcome in outcomes if isinstance(outcome, Fit)]


def test_parameters_by_hand() -> None:
    small, large = fits(plan("conv-pool-n", "filters=16,32", "units=100"))
    # 3·3·1·16 + 16, then 14·14·16 inputs, 100 and 10 units with their biases.
    assert small.parameters == 160 + 14 * 14 * 16 * 100 + 100 + 1010
    assert small.macs == 28 * 28 * 144 + 14 * 14 * 16 * 100 + 1000
    assert large.parameters == 320 + 14 * 14 * 32 * 100 + 100 + 1010


def test_recipe_and_architecture_vary_together() -> None:
    found = fits(plan("conv-pool-n", "optimizer=adam,sgd", "filters=8", "batch_size=16", epochs=3))
    assert [(one.config.optimizer, one.config.batch_size, one.config.epochs) for one in found] == [
        ("adam", 16, 3),
        ("sgd", 16, 3),
    ]
    assert found[0].architecture == found[1].architecture


def test_keys_that_do_not_vary_stay() -> None:
    (found,) = fits(plan("conv-pool-n", "filters=8", architecture_keys={"FCLayerSize": "20"}))
    assert found.parameters == 80 + 14 * 14 * 8 * 20 + 20 + 210


def test_widths_of_a_fully_connected_net() -> None:
    found = fits(plan("mlp-50", "widths=100,1000-300"))
    assert [one.parameters for one in found] == [784 * 100 + 100 + 1010, 1_088_310]
    assert found[1].config.model == "mlp-1000-300"


def test_several_models() -> None:
    assert [one.parameters for one in fits(plan("lenet5", "model=lenet5,strided"))] == [61_706, 361_322]


def test_what_does_not_fit_is_told_with_its_reason() -> None:
    even, odd = plan("conv-pool-n", "kernel=4,3")
    assert isinstance(even, Misfit)
    assert "filterSize 4" in even.reason
    assert isinstance(odd, Fit)
    tall, fitting = plan("conv-pool-n", "stride=5,1")
    assert isinstance(tall, Misfit)
    assert "conv1" in tall.reason
    assert isinstance(fitting, Fit)
    (never,) = plan("conv-pool-n", "learning_rate=-1")
    assert isinstance(never, Misfit)
    assert "--learning-rate must lie in (0, 10]" in never.reason


def test_a_key_that_another_model_has_is_a_misfit_of_this_one() -> None:
    outcomes = plan("lenet5", "model=lenet5,conv-pool-n", "filters=8")
    assert [type(outcome) for outcome in outcomes] == [Misfit, Fit]


def test_colour() -> None:
    grey, colour = (fits(plan("conv-pool-n", "filters=8", shape=(28, 28, channels)))[0] for channels in (1, 3))
    assert colour.parameters - grey.parameters == 2 * 9 * 8


def test_a_plan_needs_no_tensorflow() -> None:
    code = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        "from training.config import TrainingConfig\n"
        "from training.sweep.axes import parse_axes\n"
        "from training.sweep.grid import grid\n"
        "from training.sweep.plan import make_plan\n"
        "combinations = grid(parse_axes(['activation=relu'], 'lenet5'))\n"
        "plan = make_plan(combinations, lambda given, keys: TrainingConfig('lenet5'), (28, 28, 1), 10)\n"
        "print(plan[0].outcome.parameters)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "61706", ran.stderr


@pytest.mark.parametrize("key", ["name", "report_every", "augmentation", "architecture_keys"])
def test_what_cannot_be_varied(key: str) -> None:
    with pytest.raises(ConfigurationError, match="no such key"):
        parse_axes([f"{key}=1,2"], "lenet5")
