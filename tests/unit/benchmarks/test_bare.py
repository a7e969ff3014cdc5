from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.bare import BareError, best_of, latest_version


def test_the_latest_version_is_the_highest_number(tmp_path: Path) -> None:
    for name in ("1", "9", "10", "draft", ".11"):
        (tmp_path / "cnn" / name).mkdir(parents=True)
    (tmp_path / "cnn" / "12").write_text("no directory")
    assert latest_version(tmp_path, "cnn") == tmp_path / "cnn" / "10"


def test_a_model_without_a_version_is_named(tmp_path: Path) -> None:
    with pytest.raises(BareError, match="no version of cnn"):
        latest_version(tmp_path, "cnn")


def test_the_better_of_the_threads_is_taken_for_each_size() -> None:
    assert best_of([{1: 900.0, 1024: 10.0}, {1: 500.0, 1024: 17.0}]) == {1: 900.0, 1024: 17.0}
