"""How far a run has come, in one file that is whole at any time: a killed run goes on at the epoch it had reached.

    runs/<name>-<digest of config and data>/checkpoint.npz

It holds every number on which the rest of the run depends: weights, the optimizer's moments and moving averages, the
state of dropout's random numbers, and what has been noted so far. The pictures' order and what is done to them follow from the
seed and the step.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
import zipfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training.errors import ConfigurationError, PublishError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import keras
    from numpy.typing import NDArray

    from training.config import TrainingConfig

_FILE = "checkpoint.npz"
_VERSION = 1


@dataclass
class RunState:
    """What has been noted so far; `epochs_done` and no more are in the weights that lie beside it.

    `history` has a document for each epoch, `test_curve` one for each report. `best_weights` are those of the epoch with the lowest
    validation loss, kept for early stopping alone; `waited` counts the epochs since. `backend` is what took the steps.
    """

    epochs_done: int = 0
    history: list[dict[str, float | int]] = field(default_factory=list)
    test_curve: list[dict[str, float | int]] = field(default_factory=list)
    best_loss: float | None = None
    best_weights: list[NDArray[Any]] = field(default_factory=list)
    waited: int = 0
    stopped: bool = False
    backend: str = "tensorflow"


def run_directory(runs_dir: Path, config: TrainingConfig, data_sha256: dict[str, str]) -> Path:
    """Where a run keeps what it needs to go on: another directory for any other config, data set or seed.

    What only tells more about a run (`report_every`) makes no other run of it.
    """
    decisive = asdict(replace(config, report_every=None)) | {"data": data_sha256}
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
    return runs_dir / f"{config.published_name}-{digest[:12]}"


@dataclass(frozen=True)
class Checkpoint:
    """The file in the directory of a run."""

    directory: Path

    @property
    def path(self) -> Path:
        return self.directory / _FILE

    def save(self, model: keras.Model, state: RunState) -> None:
        """Put weights and notes in the place of what was there, in one step. Raises `PublishError` when it cannot."""
        note = asdict(replace(state, best_weights=[])) | {"version": _VERSION, "best_weights": len(state.best_weights)}
        arrays: dict[str, Any] = {f"value{number}": np.asarray(value) for number, value in enumerate(_variables(model))}
        arrays |= {f"best{number}": weight for number, weight in enumerate(state.best_weights)}
        arrays["note"] = np.array(json.dumps(note))
        try:
            descriptor, name = tempfile.mkstemp(dir=self.directory, prefix=f".{_FILE}-")
            temporary = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    np.savez(file, **arrays)
                    file.flush()
                    os.fsync(descriptor)
                temporary.replace(self.path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise PublishError(f"{self.directory} cannot be written: {error.strerror}") from error

    def restore(self, model: keras.Model) -> RunState | None:
        """Put the weights that were saved into a model, compiled as it was then; None when nothing has been saved.

        Raises `ConfigurationError` when the file is damaged, or of another model or version of the code.
        """
        if not self.path.is_file():
            return None
        try:
            with self.path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
                note = json.loads(str(arrays["note"]))
                best = [arrays[f"best{number}"] for number in range(note.pop("best_weights"))]
                variables = _variables(model)
                values = [arrays[f"value{number}"] for number in range(len(variables))]
                if note.pop("version") != _VERSION or f"value{len(variables)}" in arrays:
                    raise ValueError("it is of another version")
                for variable, value in zip(variables, values, strict=True):
                    variable.assign(value)
            return RunState(**note, best_weights=best)
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise ConfigurationError(f"{self.path} cannot be gone on from: {error}. --fresh starts over.") from error

    def discard(self) -> None:
        """Take the file away, so that the run starts over."""
        self.path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Take the file away, and the directory when nothing else is in it."""
        self.discard()
        for leftover in self.directory.glob(f".{_FILE}-*"):
            leftover.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.directory.rmdir()


@contextlib.contextmanager
def reserved(directory: Path) -> Iterator[Checkpoint]:
    """The checkpoint of a run, which nobody else uses meanwhile; the directory is made.

    Raises `ConfigurationError` when another process is at the same run, `PublishError` when the directory cannot be
    written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise PublishError(f"{directory} cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(f"Another process is at this run already: {directory} is in use.") from None
        yield Checkpoint(directory)
    finally:
        os.close(descriptor)


def _variables(model: keras.Model) -> list[Any]:
    """All that changes while a model is fitted: weights, random states, the optimizer's own; not the metrics."""
    return [*model.variables, *model.optimizer.variables]
