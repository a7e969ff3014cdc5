"""What the processor can do, as Linux states it."""

from __future__ import annotations

from pathlib import Path

from service.processor import features


def test_the_flags_of_the_first_core(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nflags\t\t: fpu avx avx2\n\nprocessor\t: 1\nflags\t\t: fpu\n")
    assert features(file) == {"fpu", "avx", "avx2"}


def test_other_processors_state_none(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    assert features(file) == frozenset()
    file.write_text("processor\t: 0\nFeatures\t: fp asimd\n")
    assert features(file) == frozenset()
