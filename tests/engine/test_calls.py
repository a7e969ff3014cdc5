"""Other signatures than the one for predictions, called by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from service import wire
from tests.engine.peer import Engine, Peer, Ran
from tests.engine.test_refusals import MOOD_SLOW, dropped_pictures, moody
from tests.reference import CALLED_PICTURES, Reference, read_signature

pytestmark = pytest.mark.slow

Array = npt.NDArray[Any]


def given(signature: str, reference: Reference) -> dict[str, Array]:
    images = reference.images[:CALLED_PICTURES]
    classes = reference.labels[:CALLED_PICTURES].astype(np.int32)
    inputs: dict[str, dict[str, Array]] = {
        "filters": {},
        "activations": {"images": images},
        "saliency": {"classes": classes, "images": images},
    }
    return inputs[signature]


@pytest.mark.parametrize("signature", ["filters", "activations", "saliency"])
def test_a_signature_answers_what_tensorflows_own_loader_says(signature: str, peer: Peer, reference: Reference) -> None:
    expected = read_signature(reference.models_dir.parent, signature)
    for _ in range(2):  # made, and made already
        ran = peer.run("toy", 1, signature, **given(signature, reference))
        assert set(ran.outputs) == set(expected)
        for name, array in expected.items():
            assert ran.outputs[name].dtype == array.dtype
            np.testing.assert_allclose(ran.outputs[name], array, rtol=1e-5, atol=1e-5)


def test_only_the_outputs_that_are_asked_for_come_and_in_that_order(peer: Peer, reference: Reference) -> None:
    expected = read_signature(reference.models_dir.parent, "activations")
    asked = ("logits", "conv1")
    ran = peer.collect(peer.send_run("toy", 1, "activations", given("activations", reference), asked))
    assert isinstance(ran, Ran)
    assert tuple(tensor.name for tensor in ran.header.tensors) == asked
    np.testing.assert_allclose(ran.outputs["conv1"], expected["conv1"], rtol=1e-5, atol=1e-5)


def test_predictions_may_be_called_as_a_signature_too(peer: Peer, reference: Reference) -> None:
    ran = peer.run("toy", 2, "serving_default", images=reference.images[:3])
    np.testing.assert_allclose(ran.outputs["energy"], reference.energy["toy", 2][:3], rtol=1e-5, atol=1e-5)


IMAGES = np.zeros((2, 28, 28, 1), np.uint8)
CLASSES = np.zeros(2, np.int32)


@pytest.mark.parametrize(
    ("signature", "inputs", "outputs", "reason"),
    [
        ("nonesuch", {}, (), "unknown_signature"),
        ("__saved_model_init_op", {}, (), "unknown_signature"),
        ("filters", {}, ("nothing",), "unknown_signature"),
        ("saliency", {"images": IMAGES}, (), "malformed_request"),
        ("filters", {"images": IMAGES}, (), "malformed_request"),
        ("saliency", {"images": IMAGES.astype(np.float32), "classes": CLASSES}, (), "wrong_shape"),
        ("saliency", {"images": IMAGES[..., 0], "classes": CLASSES}, (), "wrong_shape"),
        ("saliency", {"images": IMAGES, "classes": CLASSES[:1].repeat(3)}, (), "wrong_shape"),
        ("activations", {"images": np.zeros((257, 28, 28, 1), np.uint8)}, (), "wrong_shape"),
    ],
)
def test_what_does_not_fit_is_refused(
    signature: str, inputs: dict[str, Array], outputs: tuple[str, ...], reason: str, peer: Peer
) -> None:
    assert peer.refusal(peer.send_run("toy", 1, signature, inputs, outputs)).reason == reason


def test_a_version_that_is_not_there_is_refused(peer: Peer) -> None:
    assert peer.refusal(peer.send_run("toy", 9, "filters", {})).reason == "unknown_version"


def test_a_call_that_comes_too_late_is_dropped_and_counted(engine: Engine, peer: Peer) -> None:
    before = dropped_pictures(engine)
    ident = peer.send_run("toy", 1, "activations", {"images": IMAGES}, budget_seconds=0)
    assert peer.refusal(ident).reason == "deadline_exceeded"
    assert dropped_pictures(engine) == before + 2


def test_so_many_calls_wait_and_no_more(engine: Engine, peer: Peer) -> None:
    with engine.stopped():
        slow = peer.send("moody", 1, moody(MOOD_SLOW))
        calls = [peer.send_run("toy", 1, "filters", {}) for _ in range(40)]
    assert len(peer.answer(slow).energy) == 1
    found = [peer.collect(ident) for ident in calls]
    assert all(isinstance(ran, Ran) for ran in found[:32])
    assert [r.reason for r in found[32:] if isinstance(r, wire.Refused)] == ["queue_full"] * 8


def test_calls_are_counted(engine: Engine, peer: Peer) -> None:
    labels = {"model": "toy", "version": "1", "signature": "filters"}
    before = engine.metric("digits_runs_total", **labels)
    peer.run("toy", 1, "filters")
    peer.ping()  # the answer is sent before it is counted
    assert engine.metric("digits_runs_total", **labels) == before + 1
    assert engine.metric("digits_run_seconds_count", **labels) == before + 1


def test_a_version_whose_other_signatures_cannot_be_loaded_predicts_all_the_same(peer: Peer) -> None:
    for _ in range(2):  # the first has it loaded, and the second tries again
        refused = peer.refusal(peer.send_run("lame", 1, "look", {"images": IMAGES}))
        assert (refused.reason, refused.message) == (
            "internal_error",
            "what looks inside this version cannot be loaded",
        )
        assert len(peer.answer(peer.send("lame", 1, IMAGES)).energy) == 2
