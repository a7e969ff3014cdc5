"""The conversion for LiteRT that a version takes along, beside the SavedModel that it was made of."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-untyped]  # it has no types

from tests.toy_model import toy_digits
from training.cli import main
from training.errors import PublishError
from training.evaluate.served import load_served
from training.litert import LITERT, UnconvertibleError, write_litert
from training.publish import CARD, amend, read_card, verify

pytestmark = pytest.mark.slow


@pytest.fixture
def without(toy: Path, tmp_path: Path) -> Path:
    """A version from before there were conversions."""
    copy = tmp_path / "models" / "toy" / "1"
    shutil.copytree(toy, copy)
    (copy / LITERT).unlink()
    card = read_card(copy)
    del card["files"][LITERT.as_posix()]
    (copy / CARD).write_text(json.dumps(card))
    verify(copy)
    return copy


def answers(path: Path, images: Any) -> Mapping[int, Any]:
    """By how many axes they have."""
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    (given,) = interpreter.get_input_details()
    assert given["dtype"] == np.uint8
    interpreter.resize_tensor_input(given["index"], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], images)
    interpreter.invoke()
    outputs = [interpreter.get_tensor(details["index"]) for details in interpreter.get_output_details()]
    return {output.ndim: output for output in outputs}


def test_a_version_is_published_with_it_and_it_answers_the_same(toy: Path) -> None:
    assert LITERT.as_posix() in verify(toy)["files"]
    served = load_served(toy).signatures["serving_default"]
    for pictures in (1, 5):
        images = toy_digits(pictures)[0][..., np.newaxis]
        wanted, found = served(images=tf.constant(images)), answers(toy / LITERT, images)
        np.testing.assert_allclose(found[2], wanted["probabilities"], atol=1e-5)
        np.testing.assert_allclose(found[1], wanted["energy"], rtol=1e-5)


def test_a_version_from_before_gets_it_by_a_command(
    without: Path, toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read_card(without)
    assert main(["convert", "toy", "--models-dir", str(without.parent.parent)]) == 0
    assert str(LITERT) in capsys.readouterr().out
    after = verify(without)
    assert set(after["files"]) == set(verify(toy)["files"])
    assert {**after, "files": None} == {**before, "files": None}
    assert [path.name for path in without.parent.iterdir()] == ["1"]


def test_a_damaged_version_is_not_amended(without: Path) -> None:
    (without / "fingerprint.pb").write_bytes(b"")
    with pytest.raises(PublishError, match="fingerprint.pb has changed"):
        amend(without, lambda path, card: write_litert(path, load_served(path, card)))
    assert not (without / LITERT).exists()


def test_a_failure_leaves_a_card_that_is_true(toy: Path, tmp_path: Path) -> None:
    copy = tmp_path / "toy"
    shutil.copytree(toy, copy)

    def fail(path: Path, _: Mapping[str, Any]) -> None:
        (path / LITERT).unlink()
        raise UnconvertibleError("of two minds")

    with pytest.raises(UnconvertibleError):
        amend(copy, fail)
    assert LITERT.as_posix() not in verify(copy)["files"]


def test_two_at_once_leave_a_whole_version(without: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = [
            pool.submit(amend, without, lambda path, card: write_litert(path, load_served(path, card))) for _ in "ab"
        ]
    assert [each.result() for each in both] == [None, None]
    assert LITERT.as_posix() in verify(without)["files"]
    assert [path.name for path in without.parent.iterdir()] == ["1"]


def test_what_refuses_inputs_is_not_converted(tmp_path: Path) -> None:
    class Moody(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
        @tf.function(input_signature=[tf.TensorSpec((None, 4, 4, 1), tf.uint8, name="images")])  # type: ignore[untyped-decorator]
        def serve(self, images: Any) -> dict[str, Any]:
            pixels = tf.cast(images, tf.float32)
            with tf.control_dependencies([tf.debugging.assert_less(pixels, 200.0)]):
                sums = tf.reduce_sum(pixels, (1, 2, 3))
            return {"probabilities": tf.nn.softmax(tf.stack([sums, -sums], 1)), "energy": sums}

    moody = Moody()
    tf.saved_model.save(moody, str(tmp_path), signatures={"serving_default": moody.serve})
    card = {"name": "moody", "version": 1, "input": {"shape": [4, 4, 1]}, "labels": ["0", "1"]}
    (tmp_path / LITERT).parent.mkdir(exist_ok=True)
    (tmp_path / LITERT).write_bytes(b"of another model")
    with pytest.raises(UnconvertibleError, match="refuses some inputs"):
        write_litert(tmp_path, load_served(tmp_path, card))
    assert not (tmp_path / LITERT).exists()
