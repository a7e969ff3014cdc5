"""From a version to its page."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.compare.rows import flat
from training.errors import ConfigurationError
from training.evaluate.evaluation import evaluate
from training.evaluate.intervals import wilson_interval
from training.evaluate.served import load_served
from training.report.curves import curves
from training.report.examples import examples_of
from training.report.kernels import kernel_sheets
from training.report.matrix import confusion_svg, most_confused
from training.report.reliability import reliability_svg

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from training.data import Dataset
    from training.evaluate.evaluation import Evaluation
    from training.evaluate.served import ServedModel

REPORT = Path("assets.extra") / "report.html"
"""Where the page lies in a published version."""
_HERE = Path(__file__).parent


def write_report(
    version_directory: Path,
    dataset: Dataset | None,
    out: Path,
    *,
    card: Mapping[str, Any] | None = None,
    console: Console | None = None,
) -> None:
    """Write the page about the version in `version_directory` to the file `out`.

    With a `dataset` its test part is asked, for the pictures of mistakes and of each class; without, the page says that
    it has none. `card` is needed where the directory has none yet, while it is being published: all of it but `files`.
    Raises `PublishError` when the version is not whole, `ConfigurationError` when the data set does not fit it or
    `out` cannot be written.
    """
    model = load_served(version_directory, card)
    evaluation = None if dataset is None else evaluate(model, dataset, "test", console)
    page = report_page(model, evaluation, size_bytes=_size_bytes(version_directory))
    try:
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{out} cannot be written: {error.strerror}") from error


def report_page(model: ServedModel, evaluation: Evaluation | None, size_bytes: int) -> str:
    """The page as HTML, from what the card says, the kernels, and the answers to the test part when there are any."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(percent=_percent, count=_count, short=_short, bytes=_bytes)
    card = model.card
    test = card["metrics"]["test"] if evaluation is None else evaluation.metrics
    template = environment.get_template("page.html.jinja")
    return template.render(
        card=card,
        name=model.name,
        made=dt.datetime.fromisoformat(card["created"]),
        test=test,
        validation=card["metrics"]["validation"],
        interval=wilson_interval(test["correct"], test["total"]),
        size_bytes=size_bytes,
        seconds=sum(epoch.get("seconds", 0.0) for epoch in card["history"]),
        curves=curves(card["history"], card.get("test_curve", ())),
        matrix=confusion_svg(test["confusion_matrix"], card["labels"]),
        confused=most_confused(test["confusion_matrix"], card["labels"], 10),
        calibration=reliability_svg(test["reliability"]) if "reliability" in test else None,
        kernels=kernel_sheets(model.filters(), card["architecture"]["layers"], model.input_shape),
        examples=None if evaluation is None else examples_of(evaluation),
        asked=card["dataset"]["name"] if evaluation is None else evaluation.dataset,
        hyperparameters=flat(card["hyperparameters"]),
    )


def _size_bytes(directory: Path) -> int:
    # Not the page itself, nor the card, which lists all others.
    return sum(
        path.stat().st_size
        for path in directory.rglob("*")
        if path.is_file() and path.relative_to(directory).parts[0] != "assets.extra"
    )


def _percent(share: float, digits: int = 2) -> str:
    return f"{share:.{digits}%}".replace("%", "\N{NARROW NO-BREAK SPACE}%")


def _count(number: int) -> str:
    return f"{number:,}"


def _short(number: float) -> str:
    """Three figures and a unit: 1.67 M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}\N{NARROW NO-BREAK SPACE}{unit}"
    return f"{number:g}"


def _bytes(number: int) -> str:
    return f"{number / 1e6:.1f}\N{NARROW NO-BREAK SPACE}MB"
