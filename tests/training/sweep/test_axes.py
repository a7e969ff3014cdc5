"""What may follow `--vary`, and what is said when it may not."""

from __future__ import annotations

import pytest

from architectures import ArchitectureError
from training.errors import ConfigurationError
from training.sweep.axes import parse_axes, recipe_fields
from training.sweep.grid import Axis


def test_keys_of_the_architecture_and_of_the_recipe() -> None:
    given = ["numFilters=16,32", "convPadding=same,1", "optimizer=adam,sgd", "learning_rate=1e-3,0.1", "seed=1,2,3"]
    assert parse_axes(given, "conv-pool-n") == (
        Axis("numFilters", (16, 32)),
        Axis("convPadding", ("same", 1)),
        Axis("optimizer", ("adam", "sgd")),
        Axis("learning_rate", (1e-3, 0.1)),
        Axis("seed", (1, 2, 3)),
    )


def test_short_words_and_other_spellings() -> None:
    axes = parse_axes(["filters=16, 32", "--batch-size=32"], "conv-pool-n")
    assert axes == (Axis("filters", (16, 32)), Axis("batch_size", (32,)))


def test_a_whole_number_stays_one_where_a_fraction_may_be() -> None:
    (axis,) = parse_axes(["batch_size=32,64"], "lenet5")
    assert [type(value) for value in axis.values] == [int, int]


def test_models_and_widths_are_keys_too() -> None:
    assert parse_axes(["model=lenet5,ffnn"], "lenet5") == (Axis("model", ("lenet5", "ffnn")),)
    assert parse_axes(["widths=100,300-100"], "mlp-100") == (Axis("widths", ("100", "300-100")),)


def test_another_models_keys_count_when_it_is_among_those_varied() -> None:
    axes = parse_axes(["filters=8,16", "model=lenet5,conv-pool-n"], "lenet5")
    assert [axis.key for axis in axes] == ["filters", "model"]


def test_an_unknown_key_names_close_ones_and_all_there_are() -> None:
    with pytest.raises((ArchitectureError, ConfigurationError), match="did you mean .*filterSize") as caught:
        parse_axes(["filtersize=3,5"], "conv-pool-n")
    assert "learning_rate" in str(caught.value)
    with pytest.raises((ArchitectureError, ConfigurationError), match="did you mean optimizer"):
        parse_axes(["optimiser=adam"], "lenet5")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "needs something to vary"),
        (["filters"], "takes key=value,value, not 'filters'"),
        (["filters="], "takes key=value,value"),
        (["filters=1,,2"], "takes key=value,value"),
        (["=1"], "takes key=value,value"),
        (["filters=1,1"], "has a value twice"),
        (["filters=1,2", "numFilters=3"], "gives 'numFilters' twice"),
        (["seed=1", "seed=2"], "gives 'seed' twice"),
        (["batch_size=many"], "'many' is not a whole number"),
        (["learning_rate=fast"], "'fast' is not a number"),
        (["dataset=mnist,fashion_mnist"], "there is no such key"),
        (["validation_size=10,20"], "there is no such key"),
        (["widths=10,20"], "there is no such key"),
        (["model=lenet5,resnet"], "resnet"),
    ],
)
def test_what_makes_no_sense(given: list[str], said: str) -> None:
    with pytest.raises((ArchitectureError, ConfigurationError), match=said):
        parse_axes(given, "conv-pool-n")


def test_the_recipe_can_be_varied_in_all_that_one_word_can_state() -> None:
    fields = recipe_fields()
    assert {"epochs", "batch_size", "learning_rate", "optimizer", "seed", "label_smoothing"} <= set(fields)
    assert not {"model", "dataset", "validation_size", "augmentation"} & set(fields)
