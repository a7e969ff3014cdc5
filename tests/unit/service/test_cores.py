"""How many cores there are to use: the CPU set, and quotas of control groups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service import cores as module
from service.cores import cores, quota_cores


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    (tmp_path / "fs" / "system" / "digits").mkdir(parents=True)
    (tmp_path / "own").write_text("1:cpuset:/elsewhere\n0::/system/digits\n")
    return tmp_path


def limited(groups: Path, **quotas: str) -> float | None:
    for place, text in quotas.items():
        (groups / "fs" / {"root": "", "unit": "system", "own": "system/digits"}[place] / "cpu.max").write_text(text)
    return quota_cores(groups / "fs", groups / "own")


def test_the_least_quota_on_the_way_up_counts(groups: Path) -> None:
    assert limited(groups) is None
    assert limited(groups, own="max 100000\n") is None
    assert limited(groups, own="300000 100000\n") == 3.0
    assert limited(groups, unit="150000 100000\n") == 1.5
    assert limited(groups, root="400000 100000\n") == 1.5


def test_a_container_sees_its_own_group_as_the_root(groups: Path) -> None:
    (groups / "own").write_text("0::/\n")
    assert limited(groups, root="200000 100000\n") == 2.0
    # Of a group that the container does not see, the root of what it sees is known.
    (groups / "own").write_text("0::/docker/0123\n")
    assert limited(groups) == 2.0


@pytest.mark.parametrize("text", ["", "nonsense", "1 2 3", "100000 0", "max"])
def test_what_cannot_be_understood_limits_nothing(groups: Path, text: str) -> None:
    assert limited(groups, own=text) is None


def test_a_machine_without_control_groups(tmp_path: Path) -> None:
    assert quota_cores(tmp_path, tmp_path / "none") is None


@pytest.mark.parametrize(("quota", "found"), [(None, 8), (0.1, 1), (1.5, 2), (6.0, 6), (64.0, 8)])
def test_the_smaller_of_set_and_quota(monkeypatch: pytest.MonkeyPatch, quota: float | None, found: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(module, "quota_cores", lambda *_: quota)
    assert cores() == found
