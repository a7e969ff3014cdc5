"""The supervisor's rule of patience; what it does to processes is tested with real ones, end to end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine_process import backoff_seconds


@pytest.mark.parametrize(
    ("deaths", "pause_seconds"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (8, 30.0), (10_000, 30.0)]
)
def test_the_pause_doubles_with_every_death_in_a_row(deaths: int, pause_seconds: float) -> None:
    assert backoff_seconds(deaths, first_seconds=0.5, limit_seconds=30.0) == pause_seconds


@given(st.integers(1, 10**9), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_it_never_shrinks_and_never_exceeds_its_limit(deaths: int, first: float, limit: float) -> None:
    pause = backoff_seconds(deaths, first, limit)
    assert min(first, limit) <= pause <= limit
    assert backoff_seconds(deaths + 1, first, limit) >= pause
