"""Debian's package. The apt-get and dpkg-deb here are scripts on PATH that do what theirs do: leave a package, unpack it."""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.training.data.conftest import write
from training.data import load, sources
from training.data.errors import SourceError
from training.data.sources import from_debian, installed_directory
from training.data.specs import DATASETS, TEST_LABELS
from training.data.whereabouts import find_nearby, find_remote

if TYPE_CHECKING:
    from pathlib import Path

    from training.data import DatasetSpec

PYTHON = sys.executable


@pytest.fixture
def packaged(declared: DatasetSpec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DatasetSpec:
    """The small data set, as if Debian had it, and nothing of this machine's own on PATH."""
    spec = replace(declared, npm_package=None, debian_package="dataset-toy")
    monkeypatch.setitem(DATASETS, spec.name, spec)
    monkeypatch.setattr(sources, "DEBIAN_DATASETS", tmp_path / "installed")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return spec


def install(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    script = folder / name
    script.write_text(f"#!{PYTHON}\nimport pathlib, sys\n{body}\n")
    script.chmod(0o755)


def install_apt(tmp_path: Path, files: dict[str, bytes]) -> None:
    """`apt-get download dataset-toy` leaves a package, which `dpkg-deb --fsys-tarfile` turns into a tar of `files`."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tarball:
        for name, content in files.items():
            member = tarfile.TarInfo(f"./usr/share/datasets/toy/{name}")
            member.size = len(content)
            tarball.addfile(member, io.BytesIO(content))
    (tmp_path / "content.tar").write_bytes(stream.getvalue())
    install(
        tmp_path / "bin",
        "apt-get",
        "assert sys.argv[1] == 'download' and sys.argv[-1] == 'dataset-toy', sys.argv\n"
        "pathlib.Path('dataset-toy_1_all.deb').write_bytes(b'a package')",
    )
    install(
        tmp_path / "bin",
        "dpkg-deb",
        "assert sys.argv[1] == '--fsys-tarfile' and pathlib.Path(sys.argv[2]).read_bytes() == b'a package'\n"
        f"sys.stdout.buffer.write(pathlib.Path({str(tmp_path / 'content.tar')!r}).read_bytes())",
    )


def test_a_download(tmp_path: Path, packaged: DatasetSpec, raw: dict[str, bytes]) -> None:
    install_apt(tmp_path, {f"{name}.gz": gzip.compress(content) for name, content in raw.items()})
    assert from_debian(packaged) == raw


def test_it_is_kept(
    tmp_path: Path, packaged: DatasetSpec, raw: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    install_apt(tmp_path, raw)
    monkeypatch.setattr("training.data.keras_source.KERAS_HOST_URL", "http://127.0.0.1:1/")
    assert load("toy").source == "debian:dataset-toy"
    assert find_nearby(packaged, None, tmp_path / "cache", tmp_path / "keras") == "the cache"
    (tmp_path / "bin" / "apt-get").unlink()
    assert load("toy").source == "debian:dataset-toy"


def test_an_installed_package_is_read_where_it_lies(
    tmp_path: Path, packaged: DatasetSpec, raw: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert installed_directory(packaged) is None
    folder = write(tmp_path / "installed" / "toy", raw)
    monkeypatch.setattr("training.data.keras_source.KERAS_HOST_URL", "http://127.0.0.1:1/")
    assert load("toy").source == "debian:dataset-toy"
    assert not (tmp_path / "cache").exists()
    assert find_nearby(packaged, None, tmp_path / "cache", tmp_path / "keras") == f"directory {folder}"
    assert installed_directory(replace(packaged, debian_package=None)) is None


@pytest.mark.parametrize(
    ("tool", "body", "reason"),
    [
        (
            "apt-get",
            "print('E: Unable to locate package', file=sys.stderr); sys.exit(100)",
            "failed: E: Unable to locate",
        ),
        ("apt-get", "pass", "left 0 archives"),
        ("dpkg-deb", "print('not a package', file=sys.stderr); sys.exit(2)", "dpkg-deb .* failed: not a package"),
        ("dpkg-deb", "print('no tar')", "the package cannot be read"),
    ],
)
def test_tools_that_fail(
    tmp_path: Path, packaged: DatasetSpec, raw: dict[str, bytes], tool: str, body: str, reason: str
) -> None:
    install_apt(tmp_path, raw)
    install(tmp_path / "bin", tool, body)
    with pytest.raises(SourceError, match=reason):
        from_debian(packaged)


def test_a_package_without_a_file(tmp_path: Path, packaged: DatasetSpec, raw: dict[str, bytes]) -> None:
    install_apt(tmp_path, {name: content for name, content in raw.items() if name != TEST_LABELS})
    with pytest.raises(SourceError, match=f"the package lacks {TEST_LABELS}"):
        from_debian(packaged)


def test_no_debian(packaged: DatasetSpec) -> None:
    with pytest.raises(SourceError, match="there is no apt-get with dpkg-deb"):
        from_debian(packaged)
    assert "apt-get download dataset-toy" in find_remote(packaged)
