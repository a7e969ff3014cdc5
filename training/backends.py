"""`--backend jax`: the steps of a run are taken by Keras on JAX, in a process of its own; all else stays on TensorFlow.

    this process (TensorFlow)          the other one (JAX)
    first weights ──▶ checkpoint ──▶  step by step, epoch by epoch
    fold, calibrate, export   ◀── checkpoint ◀──┘

What passes between them is the run's checkpoint, which any machine can go on from. The first weights are drawn by
TensorFlow, so that the version can show them again whatever took the steps.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from training.errors import ConfigurationError, RunInterruptedError, TrainingError
from training.interruption import Interruption
from training.settings import prepare_libraries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from training.config import TrainingConfig
    from training.data import Dataset

Backend = Literal["tensorflow", "jax"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)


def require_jax(config: TrainingConfig, classes: int) -> None:
    """Raises `ConfigurationError` when JAX is not installed, or `config` asks for what is written in TensorFlow's ops."""
    if config.report_every:
        raise ConfigurationError("--report-every needs --backend tensorflow.")
    if config.architecture(classes).first_principles:
        raise ConfigurationError(
            f"The layers of {config.model} are written in TensorFlow's ops: --backend jax has none."
        )
    if importlib.util.find_spec("jax") is None:
        raise ConfigurationError("--backend jax needs the package jax: pip install jax, or 'jax[cuda12]' for a GPU.")


def fit_on_jax(config: TrainingConfig, dataset: Dataset, runs_dir: Path, console: Console, *, fresh: bool) -> None:
    """Take all steps of the run that are left, for minutes; its checkpoint in `runs_dir` has the result.

    Raises `TrainingError`; what was done until then is in the checkpoint.
    """
    from training.checkpoints import RunState, reserved, run_directory
    from training.fit import compiled, make_repeatable
    from training.pipeline import first, split
    from training.run_length import run_length

    architecture = config.architecture(len(dataset.spec.labels))
    training, validation, _ = split(dataset, config.validation_size)
    directory = run_directory(runs_dir, config, dict(dataset.spec.sha256))
    with reserved(directory) as checkpoint:
        if fresh:
            checkpoint.discard()
        if checkpoint.path.is_file():
            console.print(f"[dim]going on from {checkpoint.path}[/dim]", highlight=False, soft_wrap=True)
        else:
            make_repeatable(config.seed)
            steps = run_length(first(training, config.pictures), config).steps
            checkpoint.save(compiled(architecture, training.images.shape[1:], config, steps), RunState())
    # Not forked: Keras takes its backend from the environment once, when it is imported.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    # Arrays, since to unpickle a `Part` would import Keras before it is told its backend.
    arrays = [(part.images, part.labels) for part in (training, validation)]
    child = context.Process(target=_fit, args=(theirs, config, arrays, architecture.classes, directory), daemon=True)
    with Interruption():  # Ctrl-C reaches the child as well, which ends in good order and says what it has kept
        child.start()
        theirs.close()
        error = _answer(ours)
        child.join()
    if error is not None:
        raise error


def _answer(ours: Connection) -> TrainingError | None:
    try:
        error: TrainingError | None = ours.recv()
    except EOFError:
        return TrainingError(
            "The process that trains on JAX has died; the same command goes on at the epoch it had reached."
        )
    return error


def _fit(
    answer: Connection,
    config: TrainingConfig,
    arrays: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]],
    classes: int,
    directory: Path,
) -> None:
    """In the child: nothing of Keras or TensorFlow has been imported yet."""
    prepare_libraries("jax")
    from rich.console import Console

    from training.checkpoints import reserved
    from training.fit import fit, make_repeatable
    from training.pipeline import Part

    training, validation = (Part(*part) for part in arrays)
    error: Any = None
    try:
        with reserved(directory) as checkpoint, Interruption() as interruption:
            make_repeatable(config.seed)
            architecture = config.architecture(classes)
            fit(architecture, training, validation, config, Console(), checkpoint=checkpoint, interruption=interruption)
    except RunInterruptedError as stopped:
        kept = f"interrupted after {stopped.epochs_done} of {config.epochs} epochs, which are kept in {directory}"
        error = RunInterruptedError(stopped.epochs_done, f"{kept}; the same command goes on there")
    except TrainingError as failure:
        error = failure
    answer.send(error)
