"""Predictions as JSON, written column by column.

An object of Python for every picture, and for every number in it, takes 6 µs a picture; here each kind of number is
written for all pictures at once, as orjson has it, and the texts are laid beside each other: under 2 µs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import orjson

if TYPE_CHECKING:
    from service.client import Answer

_MANY = 32
"""From so many numbers on NumPy's functions cost less than a loop."""


class Columns:
    """What is said of N pictures, each kind of text for all of them."""

    __slots__ = ("confidences", "is_digit", "members", "peaks", "rows", "winners")

    def __init__(
        self, probabilities: npt.NDArray[np.float32], energy: npt.NDArray[np.float32], reject_above: float | None
    ) -> None:
        """`probabilities`: float32 (N, K), C-contiguous; `energy`: float32 (N).

        `reject_above`: the energy from which on a picture is taken for no digit; None if the model cannot tell.
        """
        self.winners: list[int] = probabilities.argmax(axis=1).tolist()
        self.peaks: list[float] = probabilities.max(axis=1).tolist()
        """The winners' probabilities."""
        self.rows = _numbers(probabilities)[2:-2].split(b"],[")
        self.confidences = _confidences(self.rows, self.winners, probabilities)
        self.is_digit: list[bool] = []
        self.members = [b""] * len(self.rows)
        if reject_above is not None:
            judged = Judgement(energy, reject_above)
            self.is_digit, self.members = judged.is_digit, judged.members()

    @classmethod
    def of(cls, answer: Answer, reject_above: float | None) -> tuple[Columns, int]:
        """The columns in which `answer` is, and where it begins there.

        Those who travelled together were answered by one version, so whoever comes first has them made for all: for forty
        pictures that takes three times as long as for one.
        """
        landed = answer.landed
        if landed is None:
            return cls(answer.probabilities, answer.energy, reject_above), 0
        if landed.made_of_it is None:
            landed.made_of_it = cls(landed.probabilities, landed.energy, reject_above)
        return landed.made_of_it, answer.at

    def entries(
        self,
        start: int,
        names: Sequence[bytes],
        warnings: Sequence[Sequence[str]],
        probabilities: npt.NDArray[np.float32],
        top_k: int | None = None,
    ) -> list[bytes]:
        """One JSON object for each of M pictures from `start`.

        :param names: per class the members that name it, without braces.
        :param warnings: (M).
        :param probabilities: float32 (M, K).
        :param top_k: how many classes to name beside, the most probable first.
        """
        here = slice(start, start + len(warnings))
        rows = self.rows[here]
        tops = [b""] * len(rows) if top_k is None else _tops(names, rows, probabilities, top_k)
        return [
            b'{%b,"confidence":%b,%b"warnings":%b,"probabilities":[%b]%b}'
            % (names[winner], confidence, verdict, orjson.dumps(found) if found else b"[]", row, top)
            for winner, confidence, verdict, found, row, top in zip(
                self.winners[here], self.confidences[here], self.members[here], warnings, rows, tops, strict=True
            )
        ]


def document(model: str, version: int, predictions: Sequence[bytes], stages: Mapping[str, float]) -> bytes:
    """The whole answer; `stages` in seconds."""
    timings = b",".join([b'"%b":%.3f' % (stage.encode(), seconds * 1000) for stage, seconds in stages.items()])
    return b'{"model":%b,"version":%d,"predictions":[%b],"timings_ms":{%b}}\n' % (
        orjson.dumps(model),
        version,
        b",".join(predictions),
        timings,
    )


class Judgement:
    """Whether pictures are digits (or whatever else the model knows), by their energies."""

    def __init__(self, energy: npt.NDArray[np.float32], reject_above: float) -> None:
        """`energy`: float32 (N); from `reject_above` on a picture is taken for none."""
        if len(energy) < _MANY:
            margins = [one - reject_above for one in energy.tolist()]
            self.is_digit = [margin <= 0 for margin in margins]
            self._scores = [round(1 / (1 + math.exp(min(50.0, margin))), 4) for margin in margins]
        else:
            margin = energy.astype(np.float64) - reject_above
            self.is_digit = (margin <= 0).tolist()
            self._scores = np.round(1 / (1 + np.exp(np.minimum(margin, 50.0))), 4).tolist()

    def members(self) -> list[bytes]:
        """`is_digit` and `digit_score` of each.

        The score is the logistic function of the margin to the threshold: 1 surely a digit, 0 surely none, 0.5 on the
        threshold. It ranks; it is no probability.
        """
        return [
            b'"is_digit":%b,"digit_score":%b,' % (b"true" if is_digit else b"false", score)
            for is_digit, score in zip(self.is_digit, _split(orjson.dumps(self._scores)), strict=True)
        ]


def _tops(
    names: Sequence[bytes], rows: Sequence[bytes], probabilities: npt.NDArray[np.float32], top_k: int
) -> list[bytes]:
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top_k].tolist()
    found = []
    for row, best in zip(rows, order, strict=True):
        texts = row.split(b",")
        found.append(b',"top":[%b]' % b",".join(b'{%b,"probability":%b}' % (names[i], texts[i]) for i in best))
    return found


def _numbers(array: npt.NDArray[np.float32]) -> bytes:
    return orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)


def _confidences(rows: Sequence[bytes], winners: Sequence[int], probabilities: npt.NDArray[np.float32]) -> list[bytes]:
    if len(rows) < _MANY:
        return [row.split(b",")[winner] for row, winner in zip(rows, winners, strict=True)]
    return _split(_numbers(probabilities.max(axis=1)))


def _split(listed: bytes) -> list[bytes]:
    return listed[1:-1].split(b",")
