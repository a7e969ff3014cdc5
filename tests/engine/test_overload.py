"""Work that nobody wants any more, and memory that there is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.conftest import put_version
from tests.engine.peer import Engine, Peer
from tests.engine.test_refusals import MOOD_SLOW, dropped_pictures, moody
from tests.processes import run_python
from tests.reference import Reference

pytestmark = pytest.mark.slow


def test_what_is_cancelled_before_it_began_is_never_answered_and_counted(
    engine: Engine, peer: Peer, reference: Reference
) -> None:
    before = dropped_pictures(engine, "client_gone")
    peer.ask("toy", 1, reference.images[:1])  # so that it is the other model's turn
    with engine.stopped():
        slow = peer.send("moody", 1, moody(MOOD_SLOW))
        gone = peer.send("toy", 1, reference.images[:7])
        call = peer.send_run("toy", 1, "activations", {"images": reference.images[:2]})
        stays = peer.send("toy", 1, reference.images[:2])
        for ident in (gone, call, slow + 1000):
            peer.cancel(ident)
    assert len(peer.answer(slow).energy) == 1
    assert len(peer.answer(stays).energy) == 2
    peer.ping()
    assert not peer._answers
    assert dropped_pictures(engine, "client_gone") == before + 9


def test_one_worker_cannot_cancel_the_work_of_another(engine: Engine, peer: Peer, reference: Reference) -> None:
    peer.ask("toy", 1, reference.images[:1])
    with engine.connect() as other:
        with engine.stopped():
            slow = peer.send("moody", 1, moody(MOOD_SLOW))
            asked = peer.send("toy", 1, reference.images[:2])
            other.cancel(asked)
        other.ping()
        assert len(peer.answer(asked).energy) == 2
        peer.answer(slow)


def test_an_engine_without_memory_for_a_batch_ends_at_once_and_answers_nobody(odd_models: Path, tmp_path: Path) -> None:
    put_version(odd_models / "greedy", tmp_path / "models", "toy")
    with Engine.started(tmp_path / "models") as engine, engine.connect() as peer:
        engine.wait_until_loaded()
        assert len(peer.ask("toy", 1, moody(0)).energy) == 1
        peer.send("toy", 1, moody(255))
        assert engine.family.exit_status() == 3
        assert not peer.has_come()
        (event,) = engine.events("out_of_memory")
        assert event["model"] == "toy"
        assert "Traceback" not in engine.family.log.read_text()


@pytest.mark.parametrize("sizes", ["1,512", "300"])
def test_batch_sizes_beyond_the_largest_are_one_clear_line_and_status_2(sizes: str) -> None:
    ran = run_python(["-X", "importtime", "-m", "service.engine"], {"DIGITS_BATCH_SIZES": sizes})
    assert ran.returncode == 2
    assert "digits: DIGITS_BATCH_SIZES: " in ran.stderr
    assert "tensorflow" not in ran.stderr


def test_batch_sizes_of_ones_own_choice(reference: Reference, tmp_path: Path) -> None:
    put_version(reference.models_dir / "toy" / "1", tmp_path / "models", "toy")
    with Engine.started(tmp_path / "models", batch_sizes="3,17", max_batch_size="20") as engine:
        engine.wait_until_loaded()
        with engine.connect() as peer:
            for pictures in (1, 3, 4, 17, 18, 20, 21, 63):
                assert len(peer.ask("toy", 1, reference.images[:pictures]).energy) == pictures
