"""Predictions written column by column: byte for byte what orjson writes for the same objects."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pytest

from service.client import Answer, Landed
from service.prediction_json import Columns, Judgement, document

DIGITS: list[dict[str, Any]] = [{"digit": i} for i in range(10)]
THINGS: list[dict[str, Any]] = [{"label": f'sh"irt, é [{i}]', "index": i} for i in range(3)]
ONE: list[dict[str, Any]] = [{"label": "all there is", "index": 0}]
THRESHOLD = -2.5


def drawn(pictures: int, classes: int) -> npt.NDArray[np.float32]:
    """float32 (pictures, classes): probabilities of every magnitude, ties, 0 and 1."""
    rng = np.random.default_rng(pictures)
    logits = rng.normal(0, rng.choice([0.0, 1.0, 40.0], (pictures, 1)), (pictures, classes))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def members(names: list[dict[str, Any]]) -> list[bytes]:
    return [orjson.dumps(name)[1:-1] for name in names]


def object_of(
    names: list[dict[str, Any]],
    row: npt.NDArray[np.float32],
    energy: float | None,
    warned: list[str],
    top_k: int | None,
) -> dict[str, Any]:
    found: dict[str, Any] = {**names[int(row.argmax())], "confidence": row.max()}
    if energy is not None:
        score = round(1 / (1 + math.exp(min(50.0, energy - THRESHOLD))), 4)
        found |= {"is_digit": energy <= THRESHOLD, "digit_score": score}
    found |= {"warnings": warned, "probabilities": row}
    if top_k is not None:
        best = sorted(range(len(row)), key=lambda i: -row[i])[:top_k]
        found["top"] = [{**names[i], "probability": row[i]} for i in best]
    return found


@pytest.mark.parametrize("pictures", [1, 2, 31, 32, 100])
@pytest.mark.parametrize("names", [DIGITS, THINGS, ONE], ids=["digits", "things", "one"])
@pytest.mark.parametrize("judges", [True, False])
@pytest.mark.parametrize("top_k", [None, 1, 2, 99])
def test_it_is_what_orjson_writes(pictures: int, names: list[dict[str, Any]], judges: bool, top_k: int | None) -> None:
    rows = drawn(pictures, len(names))
    energy = np.random.default_rng(1).normal(THRESHOLD, 20, pictures).astype(np.float32)
    warnings = [["blank", 'a "quoted", one'][: i % 3] for i in range(pictures)]
    columns = Columns(rows, energy, THRESHOLD if judges else None)
    written = columns.entries(0, members(names), warnings, rows, top_k)
    for text, row, one, warned in zip(written, rows, energy.tolist(), warnings, strict=True):
        expected = object_of(names, row, one if judges else None, warned, top_k)
        assert text == orjson.dumps(expected, option=orjson.OPT_SERIALIZE_NUMPY)


def test_those_who_travelled_together_are_written_together_and_each_gets_its_own() -> None:
    rows, energy = drawn(60, 10), np.linspace(-9, 9, 60, dtype=np.float32)
    landed = Landed(rows, energy)
    made = set()
    for at, end in ((0, 1), (1, 4), (4, 59), (59, 60)):
        answer = Answer(rows[at:end], energy[at:end], 0.0, 0.0, 60, landed, at)
        columns, start = Columns.of(answer, THRESHOLD)
        alone, nowhere = Columns.of(Answer(rows[at:end], energy[at:end], 0.0, 0.0), THRESHOLD)
        assert (start, nowhere) == (at, 0)
        warnings: list[list[str]] = [[]] * (end - at)
        together = columns.entries(start, members(DIGITS), warnings, answer.probabilities, 2)
        assert together == alone.entries(0, members(DIGITS), warnings, answer.probabilities, 2)
        made.add(id(columns))
    assert len(made) == 1


@pytest.mark.parametrize("pictures", [1, 40])
def test_energies_far_off_have_scores_too(pictures: int) -> None:
    for energy, is_digit, score in ((-1e30, b"true", b"1.0"), (1e30, b"false", b"0.0"), (THRESHOLD, b"true", b"0.5")):
        found = Judgement(np.full(pictures, energy, np.float32), THRESHOLD).members()
        assert found == [b'"is_digit":%b,"digit_score":%b,' % (is_digit, score)] * pictures


def test_the_whole_answer() -> None:
    stages = {"read": 0.0012345678, "decode": 0.0, "queue": 1.5}
    assert document('a"b', 7, [b'{"digit":1}', b'{"digit":2}'], stages) == (
        b'{"model":"a\\"b","version":7,"predictions":[{"digit":1},{"digit":2}],'
        b'"timings_ms":{"read":1.235,"decode":0.000,"queue":1500.000}}\n'
    )


def test_an_answer_of_nothing_is_json_too() -> None:
    assert orjson.loads(document("cnn", 1, [], {})) == {
        "model": "cnn",
        "version": 1,
        "predictions": [],
        "timings_ms": {},
    }
