"""Which combinations there are, all of them or some at random."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import ConfigurationError
from training.sweep.grid import Axis, grid, label, sample

AXES = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(
    lambda sizes: [Axis(f"key{number}", tuple(range(size))) for number, size in enumerate(sizes)]
)


@given(AXES)
def test_the_grid_is_the_product_in_its_order(axes: list[Axis]) -> None:
    product = itertools.product(*(axis.values for axis in axes))
    assert grid(axes) == [dict(zip([axis.key for axis in axes], values, strict=True)) for values in product]


@given(AXES, st.integers(1, 300), st.integers(0, 2**31 - 1))
def test_a_sample_is_a_part_of_the_grid_in_its_order(axes: list[Axis], count: int, seed: int) -> None:
    whole, some = grid(axes), sample(axes, count, seed)
    assert len(some) == min(count, len(whole))
    assert [combination for combination in whole if combination in some] == some
    assert sample(axes, count, seed) == some


def test_another_seed_draws_others() -> None:
    axes = [Axis("one", tuple(range(30))), Axis("other", tuple(range(30)))]
    assert sample(axes, 10, seed=1) != sample(axes, 10, seed=2)


def test_a_grid_too_large_is_refused_and_can_still_be_drawn_from() -> None:
    axes = [Axis(f"key{number}", tuple(range(100))) for number in range(6)]
    with pytest.raises(ConfigurationError, match="1,000,000,000,000 combinations"):
        grid(axes)
    drawn = sample(axes, 5, seed=1)
    assert len({tuple(combination.values()) for combination in drawn}) == 5
    assert all(combination[axis.key] in axis.values for combination in drawn for axis in axes)


@pytest.mark.parametrize("count", [0, -1, 10_001])
def test_a_number_of_draws_that_makes_no_sense(count: int) -> None:
    with pytest.raises(ConfigurationError, match="--random"):
        sample([Axis("key", (1, 2))], count, seed=1)


def test_labels() -> None:
    assert [label(value) for value in (3, 0.001, 1e-05, "same", True, None)] == [
        "3", "0.001", "1e-05", "same", "True", "None",
    ]  # fmt: skip
