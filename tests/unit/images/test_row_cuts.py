"""Seams through touching shapes: where they run, and that they leave alone what is slim."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from service.images.row_cuts import cuts

HEIGHT = 40


def two_rings(bridge_px: int) -> npt.NDArray[np.bool_]:
    """Two solid bars 16 wide, 40 high, `bridge_px` high ink between them over the columns 16 to 19."""
    ink = np.zeros((HEIGHT, 36), bool)
    ink[:, :16] = ink[:, 20:] = True
    ink[20 : 20 + bridge_px, 16:20] = True
    return ink


def test_the_cheapest_cut_goes_through_the_bridge() -> None:
    found = cuts(two_rings(3), HEIGHT)
    best = min(found, key=lambda cut: cut.ink_px)
    assert best.ink_px == 3
    assert best.columns.shape == (HEIGHT,)
    assert ((best.columns >= 16) & (best.columns <= 20)).all()


def test_a_cut_leans_with_the_gap() -> None:
    ink = np.zeros((HEIGHT, 80), bool)
    for line in range(HEIGHT):
        middle = 55 - line // 2
        ink[line, : middle - 1] = True
        ink[line, middle + 2 :] = True
    ink[10:13] = True
    best = min(cuts(ink, HEIGHT), key=lambda cut: cut.ink_px)
    assert best.ink_px <= 3
    assert best.columns[0] - best.columns[-1] >= 15


def test_cuts_are_in_order_and_do_not_cross() -> None:
    found = cuts(np.random.default_rng(0).random((60, 200)) < 0.3, 60)
    assert len(found) > 2
    for left, right in pairwise(found):
        assert (left.columns <= right.columns).all()


def test_large_shapes_are_cut_in_the_same_place() -> None:
    large = np.kron(two_rings(3), np.ones((4, 4), bool))
    best = min(cuts(large, 4 * HEIGHT), key=lambda cut: cut.ink_px)
    assert best.columns.shape == (4 * HEIGHT,)
    assert abs(best.ink_px - 12) <= 4
    assert ((best.columns >= 60) & (best.columns <= 84)).all()


def test_what_is_too_slim_for_two_is_not_cut() -> None:
    assert cuts(np.ones((HEIGHT, 18), bool), HEIGHT) == []


def test_solid_ink_is_not_cut() -> None:
    assert cuts(np.ones((HEIGHT, 60), bool), HEIGHT) == []


def test_a_cut_tells_what_it_crosses() -> None:
    """Through a bridge: one stroke and no hole. Through a ring: two strokes, and the hole between them."""
    bridge = min(cuts(two_rings(3), HEIGHT), key=lambda cut: cut.ink_px)
    assert (bridge.strokes, bridge.hole_px) == (1, 0)
    ring = np.zeros((HEIGHT, 36), bool)
    ring[:, :] = True
    ring[5:-5, 5:-5] = False
    through = [cut for cut in cuts(ring, HEIGHT) if 10 < cut.columns.mean() < 26]
    assert through
    for cut in through:
        assert (cut.strokes, cut.hole_px) == (2, HEIGHT - 10)


def test_paper_that_is_open_to_one_side_is_no_hole() -> None:
    bracket = np.ones((HEIGHT, 36), bool)
    bracket[5:-5, 5:] = False
    assert all(cut.hole_px == 0 for cut in cuts(bracket, HEIGHT))
