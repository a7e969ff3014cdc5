"""How well rows of digits are read: composed from MNIST's test digits, cut, classified, chosen as `POST /read` does.

    python -m benchmarks.rows [--data-dir DIR] [--model-dir models/cnn/3] [--rows 400] [--length 5]

Prints the share of rows that are wholly right by kind and by length, with and without the number of digits being told;
then how far stated confidence and the share that is right lie apart. `--fit` instead fits the weights of
`service.reading_path` to 1,500 other rows, of the validation digits that the model was not trained on, and prints them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.bare import latest_version
from service.errors import ServiceError
from service.images.rows import Row, find_digits
from service.reading_path import Reading, read_row
from tests.rows import KINDS, Kind, compose

LONGEST = 8
_BINS = 15
_CHUNK = 1024
_FITTED_KINDS: tuple[Kind, ...] = ("separated", "touching", "ruled", "boxed", "touching", "separated")
_ROWS, _FITTED_ROWS = 400, 1500
_VALIDATION_SIZE = 5000  # where the card states none


@dataclass(frozen=True)
class Sample:
    """A row: what it says, and what was made of it. `row` is None where nothing was found on it."""

    kind: Kind
    digits: tuple[int, ...]
    row: Row | None
    probabilities: npt.NDArray[np.float32]
    """(pieces, 10)."""
    energy: npt.NDArray[np.float32]
    """(pieces)."""


def samples(
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.uint8],
    model_dir: Path,
    count: int,
    kinds: Sequence[Kind],
    seed: int,
    length: int | None = None,
) -> list[Sample]:
    """`count` rows, `kinds` in turn, of `length` digits or 1 to 8; prints what finding their pieces took."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[Kind, tuple[int, ...], Row | None]] = []
    seconds = 0.0
    for number in range(count):
        kind = kinds[number % len(kinds)]
        which = rng.integers(0, len(images), length or int(rng.integers(1, LONGEST + 1)))
        picture = cv2.imencode(".png", compose(images[which], kind, seed + number).picture)[1].tobytes()
        started = time.perf_counter()
        try:
            row = find_digits(picture)
        except ServiceError:
            row = None
        seconds += time.perf_counter() - started
        rows.append((kind, tuple(labels[which].tolist()), row))
    pieces = [row.images for _, _, row in rows if row is not None]
    print(f"{sum(map(len, pieces)) / count:.0f} pieces and {1000 * seconds / count:.0f} ms a row before the model")
    probabilities, energy = _classified(np.concatenate(pieces), model_dir)
    ends = np.cumsum([0 if row is None else len(row.images) for _, _, row in rows])
    parts = zip(np.split(probabilities, ends[:-1]), np.split(energy, ends[:-1]), strict=True)
    return [Sample(*row, *part) for row, part in zip(rows, parts, strict=True)]


def _classified(
    images: npt.NDArray[np.uint8], model_dir: Path
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    import tensorflow as tf

    classify = tf.saved_model.load(str(model_dir)).signatures["serving_default"]
    answers = [classify(images=tf.constant(images[at : at + _CHUNK])) for at in range(0, len(images), _CHUNK)]
    probabilities, energy = (
        np.concatenate([answer[name].numpy() for answer in answers]) for name in ("probabilities", "energy")
    )
    return probabilities, energy


def read_card(model_dir: Path) -> dict[str, Any]:
    """The model's card."""
    card: dict[str, Any] = json.loads((model_dir / "assets.extra" / "card.json").read_bytes())
    return card


def reject_above(card: dict[str, Any]) -> float | None:
    """The energy beyond which the card rejects a picture; None where it states none."""
    stated = card.get("rejection", {}).get("energy", {}).get("reject_above")
    return None if stated is None else float(stated)


def report(found: Sequence[Sample], threshold: float | None) -> None:
    """Print how well `found` are read."""
    by_kind: dict[tuple[str, bool], list[bool]] = defaultdict(list)
    by_length: dict[tuple[int, bool], list[bool]] = defaultdict(list)
    rows: list[tuple[float, bool]] = []
    digits: list[tuple[float, bool]] = []
    for sample in found:
        for told in (False, True):
            reading = _read(sample, threshold, told=told)
            right = reading is not None and tuple(digit.digit for digit in reading.digits) == sample.digits
            by_kind[sample.kind, told].append(right)
            by_length[len(sample.digits), told].append(right)
            if reading is None or told:
                continue
            rows.append((reading.confidence, right))
            if len(reading.digits) == len(sample.digits):
                digits += [
                    (digit.confidence, digit.digit == truth)
                    for digit, truth in zip(reading.digits, sample.digits, strict=True)
                ]
    print(f"\n{'':12}{'rows':>6}{'wholly right':>14}{'number told':>13}")
    for kind in KINDS:
        if by_kind[kind, False]:
            _line(kind, by_kind[kind, False], by_kind[kind, True])
    for length in sorted({length for length, _ in by_length}):
        _line(f"{length} digits", by_length[length, False], by_length[length, True])
    print(f"\nexpected calibration error: rows {_ece(rows):.2%}, digits {_ece(digits):.2%}")


def _read(sample: Sample, threshold: float | None, *, told: bool) -> Reading | None:
    if sample.row is None:
        return None
    expected = len(sample.digits) if told else None
    return read_row(sample.row.atoms, sample.row.pieces, sample.probabilities, sample.energy, threshold, expected)


def _line(name: str, alone: list[bool], told: list[bool]) -> None:
    print(f"{name:12}{len(alone):6}{np.mean(alone):14.1%}{np.mean(told):13.1%}")


def _ece(stated: Sequence[tuple[float, bool]]) -> float:
    """The mean distance of confidence and accuracy over 15 bins, weighted by their size (Guo et al., ICML 2017)."""
    confidence, right = np.array(stated, float).reshape(-1, 2).T
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [
        np.mean(bins == number) * abs(confidence[bins == number].mean() - right[bins == number].mean())
        for number in range(_BINS)
        if (bins == number).any()
    ]
    return float(np.sum(gaps))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rows", description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", type=Path, help="where MNIST's IDX files lie")
    parser.add_argument("--model-dir", type=Path, help="a version (the newest of models/cnn)")
    parser.add_argument("--rows", type=int, help=f"how many ({_ROWS}; {_FITTED_ROWS} to fit to)")
    parser.add_argument("--length", type=int, help="digits in every row, instead of 1 to 8")
    parser.add_argument("--kind", action="append", choices=KINDS, help="may be given several times; all if not at all")
    parser.add_argument("--seed", type=int, default=500)
    parser.add_argument("--fit", action="store_true", help="fit the weights to rows of validation digits")
    given = parser.parse_args(arguments)
    from training.data import load

    mnist = load("mnist", data_dir=given.data_dir)
    model_dir = given.model_dir or latest_version(Path("models"), "cnn")
    card = read_card(model_dir)
    threshold = reject_above(card)
    if given.fit:
        from benchmarks.row_weights import fit
        from training.pipeline import split

        _, held_out, _ = split(mnist, card.get("dataset", {}).get("validation") or _VALIDATION_SIZE)
        count, seed = given.rows or _FITTED_ROWS, given.seed + 1_000_000
        fit(samples(held_out.images, held_out.labels, model_dir, count, _FITTED_KINDS, seed), threshold)
        return
    count, kinds = given.rows or _ROWS, given.kind or KINDS
    report(
        samples(mnist.x_test, mnist.y_test, model_dir, count, kinds, given.seed, given.length),
        threshold,
    )


if __name__ == "__main__":
    main()
