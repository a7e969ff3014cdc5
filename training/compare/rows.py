"""A row for each model, and what makes it differ from the best of its data set."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from training.evaluate.intervals import Comparison, Interval, paired_comparison, unpaired_comparison, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Latency:
    """Median seconds for one picture alone, and for each picture of a batch of 128, on one thread."""

    one_seconds: float
    batch_seconds_per_picture: float


@dataclass(frozen=True)
class Row:
    """What is compared of one model. `mistakes` are the test pictures that it reads wrongly; None when not known.

    `seconds_per_epoch` is the median, None when it was not trained in epochs. `against_best` is its comparison with the
    model of the highest test accuracy on the same data set, None for that model itself.
    """

    name: str
    version: int
    dataset: str
    dataset_sha256: Mapping[str, str]
    correct: int
    total: int
    mistakes: tuple[int, ...] | None
    validation_accuracy: float
    loss: float
    ece: float
    parameters: int
    macs: int
    size_bytes: int
    epochs: int
    seconds_per_epoch: float | None
    seed: int
    command: str
    hyperparameters: Mapping[str, Any]
    latency: Latency | None = None
    against_best: Comparison | None = None

    @property
    def title(self) -> str:
        return f"{self.name}/{self.version}"

    @property
    def accuracy(self) -> float:
        return self.correct / self.total

    @property
    def interval(self) -> Interval:
        return wilson_interval(self.correct, self.total)

    def document(self) -> dict[str, Any]:
        """As JSON has it, all but the mistakes."""
        document = asdict(self) | {"accuracy": self.accuracy, "accuracy_interval_95": asdict(self.interval)}
        del document["mistakes"]
        if self.against_best is not None:
            document["against_best"]["significant"] = self.against_best.significant
        return document


def row_of(record: Mapping[str, Any], test: Mapping[str, Any] | None = None) -> Row:
    """The row of a record; `test` are metrics as the card has them that stand in the place of its own."""
    test = record["metrics"]["test"] if test is None else test
    seconds = [epoch["seconds"] for epoch in record["history"] if "seconds" in epoch]
    mistakes = test.get("mistakes")
    return Row(
        name=record["name"],
        version=record["version"],
        dataset=record["dataset"]["name"],
        dataset_sha256=record["dataset"].get("sha256", {}),
        correct=test["correct"],
        total=test["total"],
        mistakes=None if mistakes is None else tuple(mistakes),
        validation_accuracy=record["metrics"]["validation"]["accuracy"],
        loss=test["loss"],
        ece=test["ece"],
        parameters=record["architecture"]["parameters"],
        macs=record["architecture"]["macs"],
        size_bytes=record["size_bytes"],
        epochs=len(record["history"]),
        seconds_per_epoch=statistics.median(seconds) if seconds else None,
        seed=record["seed"],
        command=record["command"],
        hyperparameters=flat(record["hyperparameters"]),
    )


def by_dataset(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each data set, the best first, each compared with the best. MNIST comes first, then by name."""
    names = sorted({row.dataset for row in rows}, key=lambda name: (name != "mnist", name))
    return {name: _ranked([row for row in rows if row.dataset == name]) for name in names}


def compare(row: Row, other: Row) -> Comparison:
    """`row` minus `other`: picture by picture when it is known of both which pictures they read wrongly."""
    same = row.total == other.total and row.dataset_sha256 == other.dataset_sha256
    if same and row.mistakes is not None and other.mistakes is not None:
        return paired_comparison(row.mistakes, other.mistakes, row.total)
    return unpaired_comparison(row.correct, other.correct, row.total, other.total)


def differing(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """The hyper-parameters that are not the same in all `rows`, each with its value in each; None where there is none."""
    keys = dict.fromkeys(key for row in rows for key in row.hyperparameters)
    values = {key: [row.hyperparameters.get(key) for row in rows] for key in keys}
    return {key: found for key, found in values.items() if any(value != found[0] for value in found)}


def flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """One level instead of many: `{"a": {"b": 1}}` becomes `{"a.b": 1}`."""
    found: dict[str, Any] = {}
    for key, value in document.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def _ranked(rows: list[Row]) -> list[Row]:
    ranked = sorted(rows, key=lambda row: (-row.accuracy, row.loss, row.name))
    return [ranked[0], *(replace(row, against_best=compare(row, ranked[0])) for row in ranked[1:])]
