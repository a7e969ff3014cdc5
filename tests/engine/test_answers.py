"""Whatever the batches look like inside, a picture's answer is its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.engine.peer import Answer, Engine, Peer
from tests.reference import PICTURES, VERSIONS, Reference

pytestmark = pytest.mark.slow


def assert_is(answer: Answer, key: tuple[str, int], which: npt.NDArray[np.intp], reference: Reference) -> None:
    """`answer` is the one to the pictures at the positions `which`."""
    np.testing.assert_allclose(answer.probabilities, reference.probabilities[key][which], atol=1e-5)
    np.testing.assert_allclose(answer.energy, reference.energy[key][which], rtol=1e-5, atol=1e-5)


def test_requests_of_1_to_300_pictures_get_the_rows_that_their_pictures_get_alone(
    peer: Peer, reference: Reference
) -> None:
    """300 is beyond the largest batch, so some are answered in slices."""
    for pictures in range(1, PICTURES + 1):
        which = (np.arange(pictures) + pictures) % PICTURES  # not always the same ones in front
        assert_is(peer.ask("toy", 1, reference.images[which]), ("toy", 1), which, reference)


def test_in_tensorflow_they_do_so_too_whatever_their_batch_is_padded_to(models_dir: Path, reference: Reference) -> None:
    with Engine.started(models_dir, litert="0") as engine:
        engine.wait_until_loaded()
        with engine.connect() as peer:
            assert {version.runtime for version in peer.catalogue().versions} == {"tensorflow", None}
            for pictures in range(1, PICTURES + 1):
                which = (np.arange(pictures) + pictures) % PICTURES
                assert_is(peer.ask("toy", 1, reference.images[which]), ("toy", 1), which, reference)


def test_in_company_means_the_same_as_alone_to_the_last_bit(peer: Peer, reference: Reference) -> None:
    assert peer.catalogue().resolve("toy").runtime == "litert"
    together = peer.ask("toy", 1, reference.images)
    for at in (0, 7, PICTURES - 1):
        alone = peer.ask("toy", 1, reference.images[at : at + 1])
        assert alone.probabilities.tobytes() == together.probabilities[at : at + 1].tobytes()
        assert alone.energy.tobytes() == together.energy[at : at + 1].tobytes()


def test_many_requests_at_once_of_all_sizes_and_models_are_not_mixed_up(engine: Engine, reference: Reference) -> None:
    rng = np.random.default_rng(0)
    keys = list(VERSIONS)
    with engine.connect() as one, engine.connect() as two:
        sent = []
        for _ in range(200):
            peer = one if rng.random() < 0.5 else two
            key = keys[rng.integers(len(keys))]
            which = rng.integers(PICTURES, size=rng.integers(1, 8) if rng.random() < 0.7 else rng.integers(60, 700))
            sent.append((peer, peer.send(*key, reference.images[which]), key, which))
        for peer, ident, key, which in sent:
            assert_is(peer.answer(ident), key, which, reference)


@pytest.mark.parametrize("key", VERSIONS)
def test_every_version_answers_with_its_own_weights(key: tuple[str, int], peer: Peer, reference: Reference) -> None:
    which = np.arange(10)
    assert_is(peer.ask(*key, reference.images[which]), key, which, reference)


def test_the_times_in_an_answer_are_durations_that_make_sense(peer: Peer, reference: Reference) -> None:
    header = peer.ask("toy", 1, reference.images).header
    assert header.inference_seconds > 0
    assert header.queue_seconds >= 0


def test_small_requests_go_before_what_is_left_of_a_large_one(peer: Peer, reference: Reference) -> None:
    which = np.arange(20_000) % PICTURES
    bulk = peer.send("toy", 1, reference.images[which])
    small = [peer.send("toy", 1, reference.images[at : at + 1]) for at in range(20)]
    assert peer.answer(small[-1]).header.queue_seconds < peer.answer(bulk).header.inference_seconds
    for at, ident in enumerate(small[:-1]):
        assert_is(peer.answer(ident), ("toy", 1), np.array([at]), reference)
