"""Random chains of layers, for tests of what must hold of any."""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st

from architectures import (
    Activation,
    Architecture,
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
from architectures.layers import ActivationName, Padding

ACTIVATIONS = st.sampled_from(get_args(ActivationName))
PADDINGS: st.SearchStrategy[Padding] = st.one_of(st.sampled_from(["same", "valid"]), st.integers(0, 2))


def convolutions(**fixed: st.SearchStrategy[object]) -> st.SearchStrategy[Conv]:
    drawn: dict[str, st.SearchStrategy[object]] = {
        "filters": st.integers(1, 5),
        "kernel": st.integers(1, 4),
        "stride": st.integers(1, 3),
        "padding": PADDINGS,
        "activation": ACTIVATIONS,
        "batch_norm": st.booleans(),
    }
    return st.builds(Conv, **{**drawn, **fixed})


@st.composite
def pools(draw: st.DrawFn) -> MaxPool | AvgPool:
    size = draw(st.integers(1, 4))
    padding: Padding = draw(PADDINGS.filter(lambda chosen: isinstance(chosen, str) or chosen < size))
    stride = draw(st.integers(1, 3))
    return MaxPool(size, stride, padding) if draw(st.booleans()) else AvgPool(size, stride, padding)


def blocks() -> st.SearchStrategy[Residual]:
    """What they do to height and width, a projection does too: everything is padded with `same`."""
    inside = st.one_of(
        convolutions(padding=st.just("same")), st.builds(Activation, ACTIVATIONS), st.builds(Dropout, st.just(0.2))
    )
    return st.builds(
        lambda before, conv, after, activation, norm: Residual((*before, conv, *after), activation, norm),
        st.lists(inside, max_size=1),
        convolutions(padding=st.just("same")),
        st.lists(inside, max_size=1),
        ACTIVATIONS,
        st.booleans(),
    )


def picture_layers() -> st.SearchStrategy[Layer]:
    return st.one_of(
        convolutions(), pools(), blocks(), st.builds(Activation, ACTIVATIONS), st.builds(Dropout, st.just(0.3))
    )


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    """At most four layers over a picture, then at most one fully connected, then three logits; floors allowed."""
    layers: list[Layer] = draw(st.lists(picture_layers(), max_size=4))
    layers.append(Flatten() if draw(st.booleans()) else GlobalAvgPool())
    if draw(st.booleans()):
        layers.append(Dense(draw(st.integers(1, 6)), draw(ACTIVATIONS), draw(st.booleans())))
    return Architecture("any", (*layers, Dense(3, "linear")), allow_floor=True)
