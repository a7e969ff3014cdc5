"""The sentence that README.md gives to copy, sent to the shipped models, is answered as README.md says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.e2e.service_process import started

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_sentence_to_copy_gets_the_answer_that_stands_below_it() -> None:
    example = re.search(
        r"^\$ curl --data-binary @(\S+) 'localhost:8000(\S+)'\n(\{.*\})$",
        (ROOT / "README.md").read_text(),
        re.MULTILINE,
    )
    assert example is not None
    picture, path, answer = example.groups()
    with started(ROOT / "models", default_model="cnn", version_policy="latest:1") as service:
        service.wait_until_ready()
        # What curl says of data that it was not told the type of.
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        got = service.client.post(path, content=(ROOT / picture).read_bytes(), headers=headers).json()
    expected = json.loads(answer)
    assert got.pop("timings_ms").keys() == expected.pop("timings_ms").keys()
    (prediction,), (promised,) = got.pop("predictions"), expected.pop("predictions")
    assert got == expected
    assert prediction["digit"] == promised["digit"] == 7
    assert [best["digit"] for best in prediction["top"]] == [best["digit"] for best in promised["top"]]
    # Processors differ in the last digits.
    assert prediction["confidence"] == pytest.approx(promised["confidence"], abs=1e-3)
    assert prediction["probabilities"] == pytest.approx(promised["probabilities"], abs=1e-3)
