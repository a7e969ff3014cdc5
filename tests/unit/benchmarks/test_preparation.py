"""Measuring preparation: by a clock of its own, on pictures that the service takes for what they are called."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from benchmarks.preparation import main, measure, pictures
from service.images import read


def test_times_are_those_of_the_clock() -> None:
    ticks = itertools.count()
    files = {name: data for name, (data, _) in pictures().items() if "28×28" in name}
    measured = measure(files, 3, lambda: 0.001 * next(ticks))
    assert measured == {name: [pytest.approx(1.0)] * 15 for name in files}


def test_pictures_are_what_they_are_called() -> None:
    drawn = {name: read(data) for name, (data, _) in pictures().items() if "photo" not in name}
    assert [name for name, prepared in drawn.items() if prepared.is_canonical] == ["28×28 PNG in MNIST's form"]
    sizes = {name: f"{prepared.width}×{prepared.height}" for name, prepared in drawn.items()}
    assert all(name.startswith(size) for name, size in sizes.items())
    grey, *others = (prepared.image for name, prepared in drawn.items() if "280" in name and "blue" not in name)
    assert all(np.array_equal(grey, other) for other in others)


@pytest.mark.slow
def test_a_table_is_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.preparation._stay_on_one_core", lambda: None)  # the other tests may have all
    assert main(["--rounds", "1"]) == 0
    assert "3024×4032" in capsys.readouterr().out
