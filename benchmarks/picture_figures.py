"""Figures over answered pictures: accuracy by whatever sets them apart, reliability, rejection. Pure functions."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.picture_sets import Labelled
from benchmarks.report import Table

BIN_EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
KEPT = 0.97  # of the digits, at the threshold that rejection is measured at


@dataclass(frozen=True)
class Answer:
    """What the service said to one picture. `digit` is None where it refused the picture (blank, say), by `status`.

    `score` orders pictures from "no digit" to "digit": the service's own score, or else its confidence. `accepted` is
    the service's own verdict, None where it gives none.
    """

    picture: Labelled
    status: int
    milliseconds: float
    digit: int | None = None
    confidence: float = 0.0
    score: float = 0.0
    accepted: bool | None = None

    @property
    def right(self) -> bool:
        return self.digit is not None and self.digit == self.picture.digit


def accuracy_tables(answers: Sequence[Answer]) -> list[Table]:
    """Accuracy in all, by style, by polarity and by writer group (their mean, and the worst five)."""
    rows = [["all", *_accuracy(answers)]]
    for kind, key in (
        ("style", lambda answer: answer.picture.style),
        ("polarity", lambda answer: answer.picture.polarity),
    ):
        rows += [[f"{kind}: {name}", *_accuracy(members)] for name, members in sorted(_grouped(answers, key).items())]
    groups = _grouped(answers, lambda answer: answer.picture.group)
    accuracies = {name: _share(members, lambda answer: answer.right) for name, members in groups.items()}
    worst = sorted(groups, key=lambda name: (accuracies[name], name))[:5]
    by_group = [["mean", f"{np.mean(list(accuracies.values())):.2%}", "", str(len(groups))]]
    by_group += [[name, *_accuracy(groups[name])] for name in worst]
    return [
        Table("Accuracy", ("", "right", "wrong", "pictures"), tuple(map(tuple, rows))),
        Table("By writer group: mean and worst", ("group", "right", "wrong", "pictures"), tuple(map(tuple, by_group))),
    ]


def reliability_table(answers: Sequence[Answer]) -> Table:
    """Confidence beside accuracy, bin by bin, and the expected calibration error: their mean distance, by pictures."""
    told = [answer for answer in answers if answer.digit is not None]
    confidences = np.array([answer.confidence for answer in told])
    right = np.array([answer.right for answer in told])
    places = np.digitize(confidences, BIN_EDGES[1:-1])
    rows, error = [], 0.0
    for place, (low, high) in enumerate(itertools.pairwise(BIN_EDGES)):
        inside = places == place
        if not inside.any():
            continue
        mean, share = float(confidences[inside].mean()), float(right[inside].mean())
        error += abs(mean - share) * np.count_nonzero(inside) / len(told)
        rows.append((f"{low:.2f} to {high:.2f}", f"{mean:.3f}", f"{share:.3f}", str(np.count_nonzero(inside))))
    rows.append(("expected calibration error", f"{error:.2%}", "", str(len(told))))
    return Table("Reliability", ("confidence", "mean", "right", "pictures"), tuple(rows))


def rejection_table(digits: Sequence[Answer], others: Sequence[Answer]) -> Table:
    """How many pictures of something else are rejected at the threshold that keeps 97 % of the digits, and, where the
    service gives a verdict of its own, by that. A refused picture counts as rejected.
    """
    scores = np.array([_score(answer) for answer in digits])
    threshold = float(np.quantile(scores, 1 - KEPT, method="lower"))

    def row(name: str, members: Sequence[Answer]) -> tuple[str, ...]:
        verdict = (
            ""
            if any(answer.accepted is None and answer.digit is not None for answer in members)
            else (f"{_share(members, lambda answer: not answer.accepted):.1%}")
        )
        return name, f"{_share(members, lambda answer: _score(answer) < threshold):.1%}", verdict, str(len(members))

    kinds = _grouped(others, lambda answer: answer.picture.style)
    rows = [row("digits", digits), row("not a digit, all", others)]
    rows += [row(name, members) for name, members in sorted(kinds.items())]
    return Table(
        f"Rejected below {threshold:.3f}, which keeps {KEPT:.0%} of the digits",
        ("", "rejected", "by its own verdict", "pictures"),
        tuple(rows),
    )


def time_table(answers: Sequence[Answer]) -> Table:
    """Milliseconds a picture, from request to answer, one at a time."""
    times = np.array([answer.milliseconds for answer in answers])
    cells = [f"{value:.1f}" for value in (np.median(times), np.quantile(times, 0.95), times.max())]
    return Table("Milliseconds a picture", ("median", "95 %", "longest", "pictures"), ((*cells, str(times.size)),))


def _score(answer: Answer) -> float:
    return answer.score if answer.digit is not None else -np.inf


def _grouped(answers: Sequence[Answer], key: Callable[[Answer], str]) -> dict[str, list[Answer]]:
    groups: defaultdict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        groups[key(answer)].append(answer)
    return groups


def _share(answers: Sequence[Answer], holds: Callable[[Answer], object]) -> float:
    return sum(bool(holds(answer)) for answer in answers) / len(answers)


def _accuracy(answers: Sequence[Answer]) -> tuple[str, str, str]:
    wrong = sum(not answer.right for answer in answers)
    return f"{1 - wrong / len(answers):.2%}", str(wrong), str(len(answers))
