"""The experiments of the page of results, and running those that have no record yet.

    plan ─▶ in service? ─▶ trained already? ─▶ recorded already? ─▶ else train, in a process of its own ─▶ record

Each run is a process, since what makes it repeatable cannot be undone in this one. Called again, it leaves out what is
recorded, and the run that was interrupted goes on at the epoch it had reached.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.compare.records import read_record, record_of, record_path, record_text, write_record
from training.promote import read_labels
from training.publish import read_card, versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

_CODE = Path(__file__).resolve().parents[2]
_INTERRUPTED = 130  # 128 + SIGINT, as shells count

SERVED = ("cnn", "mlp")
# The cheap ones first, so that there is soon something to look at.
COURSE = (
    "ffnn", "lenet5", "mlp-1000-300", "strided", "scratch", "conv-dropout", "pool-first", "conv-pool-n",
)  # fmt: skip


@dataclass(frozen=True)
class Experiment:
    """One row of the page: a model, trained on a data set from a seed with everything else as its recipe has it."""

    model: str
    dataset: str
    seed: int = 1

    @property
    def name(self) -> str:
        """Under which it is published; the same rule as `TrainingConfig.published_name`, which may not be asked here."""
        return self.model if self.dataset == "mnist" else f"{self.model}-{self.dataset}"

    @property
    def title(self) -> str:
        return f"{self.model} on {self.dataset}, seed {self.seed}"

    def made(self, card: Mapping[str, Any]) -> bool:
        """Whether this card is that of a model made by this experiment, if by the recipe of its day."""
        return (self.name, self.dataset, self.seed) == (card["name"], card["dataset"]["name"], card["seed"])


PLAN = (
    *(Experiment(model, "mnist") for model in (*COURSE, *SERVED)),
    *(Experiment(model, "fashion_mnist") for model in SERVED),
)


@dataclass(frozen=True)
class Place:
    """Where things are: `records`, the published `models_dir`, and `runs_dir`, where models go that are not served.

    `data_dirs` maps data sets to directories, for those that are not to be looked for elsewhere. `epochs` stands in the
    place of every recipe's own number, to try things out.
    """

    records: Path
    models_dir: Path
    runs_dir: Path
    data_dirs: Mapping[str, Path]
    epochs: int | None = None


def chosen(plan: Sequence[Experiment], models: Sequence[str], datasets: Sequence[str]) -> list[Experiment]:
    """Those of `plan` on one of `datasets` with one of `models`; where none are named, all."""
    return [
        experiment
        for experiment in plan
        if (not models or experiment.model in models) and (not datasets or experiment.dataset in datasets)
    ]


def run_all(plan: Sequence[Experiment], place: Place, console: Console) -> list[Experiment]:
    """Record every experiment of `plan`, for minutes to hours; return those that failed.

    A failure is told and the next experiment begun. Raises `ConfigurationError` when a record cannot be read or
    written; on Ctrl-C what is recorded remains.
    """
    failed, waiting, trained_seconds = [], [], []
    for experiment in plan:
        found = recorded(experiment, place)
        if found is None:
            waiting.append(experiment)
        else:
            console.print(f"{experiment.title}: {found}", highlight=False)
    for number, experiment in enumerate(waiting, start=1):
        console.rule(f"{number} of {len(waiting)}: {experiment.title}", align="left")
        started = time.monotonic()
        if _train(experiment, place, console):
            trained_seconds.append(time.monotonic() - started)
            console.print(_so_far(trained_seconds, len(waiting) - number), highlight=False)
        else:
            console.print(f"[red]{experiment.title} failed[/red]")
            failed.append(experiment)
    return failed


def recorded(experiment: Experiment, place: Place) -> str | None:
    """How the record of `experiment` is there, once it has been made anew where the served model has changed; None when
    it is not, and there is no trained model from which it could be made either.
    """
    path = record_path(place.records, experiment.name)
    card = _card(experiment, place)
    if card is None:
        if not path.is_file():
            return None
        read_record(path)
        return "recorded"
    record = record_of(card)
    if path.is_file() and path.read_text(encoding="utf-8") == record_text(record):
        return "recorded"
    write_record(record, place.records)
    return f"recorded from {card['name']}/{card['version']}"


def training_command(experiment: Experiment, place: Place) -> list[str]:
    """The command that trains it, for `subprocess`."""
    command = [sys.executable, "-m", "training", "train", "--model", experiment.model, "--dataset", experiment.dataset]
    command += ["--seed", str(experiment.seed), "--models-dir", str(place.runs_dir.absolute())]
    if place.epochs is not None:
        command += ["--epochs", str(place.epochs)]
    if experiment.dataset in place.data_dirs:
        command += ["--data-dir", str(place.data_dirs[experiment.dataset].absolute())]
    return command


def _train(experiment: Experiment, place: Place, console: Console) -> bool:
    command = training_command(experiment, place)
    console.print(f"[dim]{' '.join(command[1:])}[/dim]", highlight=False, soft_wrap=True)
    with subprocess.Popen(command, cwd=_CODE) as run:
        try:
            exit_code = run.wait()
        except KeyboardInterrupt:
            run.wait()  # it was interrupted too, and keeps the epochs that it has finished
            raise
    if exit_code == _INTERRUPTED:
        raise KeyboardInterrupt
    return exit_code == 0 and recorded(experiment, place) is not None


def _card(experiment: Experiment, place: Place) -> dict[str, Any] | None:
    """The card of the version in service, whatever its seed; else of the newest that this experiment made."""
    served = _served_version(place.models_dir, experiment.name)
    if served is not None:
        return read_card(served)
    for version in reversed(versions(place.runs_dir, experiment.name)):
        card = read_card(place.runs_dir / experiment.name / str(version))
        if experiment.made(card):
            return card
    return None


def _served_version(models_dir: Path, name: str) -> Path | None:
    there = versions(models_dir, name)
    if not there:
        return None
    stable = read_labels(models_dir / name).get("stable", there[-1])
    return models_dir / name / str(stable if stable in there else there[-1])


def _so_far(seconds: Sequence[float], left: int) -> str:
    """What has been done and, by the mean of it, about how long the rest takes."""
    spent = f"{len(seconds)} trained in {_clock(sum(seconds))}"
    return f"{spent}; {left} left, about {_clock(left * sum(seconds) / len(seconds))}" if left else spent


def _clock(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
