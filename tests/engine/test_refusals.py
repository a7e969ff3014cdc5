"""What the engine will not or cannot do, and that it lives on after it."""

from __future__ import annotations

import numpy as np
import pytest

from service import wire
from tests.engine.peer import Answer, Engine, Peer
from tests.processes import eventually
from tests.reference import VERSIONS, Reference

pytestmark = pytest.mark.slow

MOOD_FAILS, MOOD_SLOW = 255, 254


def moody(mood: int) -> bytes:
    """A picture for `moody/1`; its first pixel says what becomes of it."""
    return bytes([mood]) + bytes(28 * 28 - 1)


@pytest.mark.parametrize(("model", "version"), [("nobody", 1), ("toy", 9), ("", 0), ("toy", -1), ("altered", 1)])
def test_a_version_that_is_not_in_service_is_refused(model: str, version: int, peer: Peer) -> None:
    refused = peer.refusal(peer.send(model, version, bytes(784)))
    assert refused.reason == "unknown_version"
    assert f"{model}/{version}" in refused.message


@pytest.mark.parametrize("size", [0, 1, 783, 785, 784 * 3 - 1])
def test_bytes_that_are_no_whole_number_of_pictures_are_refused(size: int, peer: Peer) -> None:
    assert peer.refusal(peer.send("toy", 1, bytes(size))).reason == "wrong_shape"


def test_more_than_the_queue_holds_is_refused_at_once(peer: Peer) -> None:
    assert peer.refusal(peer.send("toy", 1, bytes(784 * 32_769))).reason == "queue_full"


@pytest.mark.parametrize(
    "frames",
    [
        (b"",),
        (b"", b""),
        (b"\xff",),
        (b"\xc1", bytes(784)),
        (b"GET / HTTP/1.1\r\n\r\n",),
        (wire.encode(wire.Predict(1, "toy", 1, 1.0)),),  # and no pictures
        (wire.encode(wire.Refused(1, "internal_error", "")),),  # what only an engine says
        (wire.encode(wire.Predict(1, "toy", 1, 1.0))[:-1], bytes(784)),
        (b"\x95\xa1p\x01\xa1\xff\x01\x01", bytes(784)),  # a name that is not UTF-8
        (b"\x95\xa1p\xa1x\xa3toy\x01\x01", bytes(784)),  # an id that is no number
        (b"\x93\xa1q\xa0" + b"\x91" * 100_000,),  # arrays in arrays in arrays
        (b"\x81\xa1a\x01",),
    ],
)
def test_malformed_messages_are_noted_and_passed_over(
    frames: tuple[bytes, ...], engine: Engine, peer: Peer, reference: Reference
) -> None:
    noted = len(engine.events("bad_message"))
    peer.send_frames(*frames)
    assert len(peer.ask("toy", 1, reference.images[:1]).energy) == 1
    eventually(lambda: len(engine.events("bad_message")) == noted + 1)


def test_frames_too_many_are_ignored(peer: Peer, reference: Reference) -> None:
    pixels = reference.images[:1].tobytes()
    peer.send_frames(wire.encode(wire.Predict(77, "toy", 1, 1e9)), pixels, b"more", b"and more")
    np.testing.assert_allclose(peer.answer(77).probabilities, reference.probabilities["toy", 1][:1], atol=1e-5)


def test_a_failure_at_run_time_answers_all_of_its_batch_and_nobody_else(
    engine: Engine, peer: Peer, reference: Reference
) -> None:
    with engine.stopped():
        together = [peer.send("moody", 1, moody(mood)) for mood in (0, MOOD_FAILS, 0)]
        other = peer.send("toy", 1, reference.images[:1])
    assert {peer.refusal(ident).reason for ident in together} == {"internal_error"}
    np.testing.assert_allclose(peer.answer(other).probabilities, reference.probabilities["toy", 1][:1], atol=1e-5)
    assert len(peer.ask("moody", 1, moody(0)).energy) == 1


def test_a_failure_in_one_slice_of_a_large_request_fails_it_once_and_as_a_whole(peer: Peer) -> None:
    pictures = [moody(0)] * 1000
    pictures[600] = moody(MOOD_FAILS)
    ident = peer.send("moody", 1, b"".join(pictures))
    assert peer.refusal(ident).reason == "internal_error"
    after = peer.send("moody", 1, moody(0))
    assert isinstance(peer.collect(after), Answer)
    assert not peer._answers  # the slices after it were not run and not answered


def test_nothing_internal_is_said_of_a_failure(peer: Peer) -> None:
    assert peer.refusal(peer.send("moody", 1, moody(MOOD_FAILS))).message == "inference failed"


def dropped_pictures(engine: Engine, reason: str = "deadline") -> float:
    return engine.metric("digits_dropped_pictures_total", reason=reason)


def test_work_whose_time_is_up_on_arrival_is_dropped_and_counted(engine: Engine, peer: Peer) -> None:
    before = dropped_pictures(engine)
    assert peer.refusal(peer.send("toy", 1, bytes(784 * 3), budget_seconds=0)).reason == "deadline_exceeded"
    assert dropped_pictures(engine) == before + 3


def test_work_whose_time_runs_out_in_the_queue_is_dropped_and_what_is_in_time_is_not(
    engine: Engine, peer: Peer, reference: Reference
) -> None:
    peer.ask("toy", 1, reference.images[:1])  # so that it is the other model's turn
    with engine.stopped():
        slow = peer.send("moody", 1, moody(MOOD_SLOW))
        late = peer.send("toy", 1, reference.images[:5], budget_seconds=0.02)
        patient = peer.send("toy", 1, reference.images[:5])
    took_seconds = peer.answer(slow).header.inference_seconds
    assert took_seconds > 0.05  # else this says nothing
    assert peer.refusal(late).reason == "deadline_exceeded"
    assert len(peer.answer(patient).energy) == 5


REASONS = {
    "altered": "variables/variables.data-00000-of-00001 does not have the SHA-256",
    "incomplete": "saved_model.pb cannot be read",
    "cardless": "card.json is missing",
    "illegible": "card.json cannot be read",
    "listed": "card.json",
    "shapeless": "shape",
    "unlabelled": "labels",
    "unfit": "is float32 [None, 10], not float32 [None, 11]",
    "sick": "TensorFlow cannot run it: InvalidArgumentError: ",
    "numberless": "not finite",
    "short": "2 pictures get [1] answers",
    "renamed": "card.json is of moody/1, the directory is renamed/1",
}


@pytest.mark.parametrize(("name", "reason"), REASONS.items())
def test_a_version_that_is_not_whole_is_listed_as_failed_with_the_reason(name: str, reason: str, peer: Peer) -> None:
    (version,) = peer.catalogue().of(name)
    assert version.state == "failed"
    assert version.reason is not None
    assert reason in version.reason


def test_the_catalogue_lists_what_is_there_and_what_it_runs_on(engine: Engine, peer: Peer) -> None:
    catalogue = peer.catalogue()
    available = {(v.name, v.version) for v in catalogue.versions if v.state == "available"}
    assert available == {*VERSIONS, ("moody", 1), ("lame", 1)}
    assert {v.name for v in catalogue.versions if v.state == "failed"} == set(REASONS)
    assert catalogue.engine_pid == engine.family.pid
    assert catalogue.device.kind == "cpu"
    assert catalogue.resolve("toy").version == 2
    assert catalogue.resolve("toy").card["input"]["shape"] == [28, 28, 1]


def test_the_catalogue_travels_only_when_it_is_news(peer: Peer) -> None:
    first = peer.ping()
    assert first.catalogue is not None
    assert peer.ping(first.revision).catalogue is None
    assert peer.ping("another").catalogue == first.catalogue
