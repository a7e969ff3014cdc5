"""How the engine's process begins and ends."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

from tests.engine.conftest import put_version
from tests.engine.peer import Engine
from tests.engine.test_refusals import MOOD_SLOW, moody
from tests.processes import eventually, eventually_equal, run_python
from tests.reference import Reference

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_what_had_arrived_before_the_signal_is_answered_before_the_end(
    signal_number: signal.Signals, models_dir: Path, reference: Reference
) -> None:
    with Engine.started(models_dir) as engine, engine.connect() as peer:
        engine.wait_until_loaded()
        bulk = np.tile(reference.images, (100, 1, 1, 1))  # 118 slices, between which signals are noticed
        sent = [peer.send("toy", 1, images) for images in (bulk, reference.images[:3], reference.images[:1])]
        peer.ping()  # so they are in its queue
        engine.family.send(signal_number)
        assert [len(peer.answer(ident).energy) for ident in sent] == [30_000, 3, 1]
        assert engine.family.exit_status() == 0
        assert engine.events("engine_stopped")
        assert "Traceback" not in engine.family.log.read_text()


def test_what_arrives_while_the_device_is_busy_is_answered_before_the_end(models_dir: Path) -> None:
    with Engine.started(models_dir) as engine, engine.connect() as peer:
        engine.wait_until_loaded()
        slow = peer.send("moody", 1, moody(MOOD_SLOW))
        peer.ping()  # answered in the turn in which the slow one is received, so that one runs next
        waiting = [peer.send("moody", 1, moody(0)) for _ in range(3)]
        engine.family.send(signal.SIGTERM)
        assert len(peer.answer(slow).energy) == 1
        assert all(len(peer.answer(ident).energy) == 1 for ident in waiting)
        assert engine.family.exit_status() == 0


def test_an_engine_that_is_told_to_stop_while_it_loads_ends_well(models_dir: Path) -> None:
    with Engine.started(models_dir) as engine:
        eventually(lambda: engine.events("engine_listening"))
        engine.family.send(signal.SIGTERM)
        assert engine.family.exit_status() == 0
        assert engine.events("engine_stopped")
        assert "Traceback" not in engine.family.log.read_text()


def test_a_hang_up_makes_it_look_at_once(reference: Reference, tmp_path: Path) -> None:
    source = reference.models_dir / "toy"
    put_version(source / "1", tmp_path / "models", "toy", 1)
    settings = {"version_policy": "latest:1", "models_poll_seconds": "3600"}
    with Engine.started(tmp_path / "models", **settings) as engine, engine.connect() as peer:
        eventually_equal(peer.states, {1: "available"})
        put_version(source / "2", tmp_path / "models", "toy", 2)
        engine.family.send(signal.SIGHUP)
        eventually_equal(peer.states, {2: "available"})


def test_a_gpu_that_is_asked_for_and_not_there_is_one_clear_line_and_status_2(tmp_path: Path) -> None:
    hidden = {"CUDA_VISIBLE_DEVICES": "-1", "DIGITS_DEVICE": "gpu", "DIGITS_RUN_DIR": str(tmp_path / "run")}
    ran = run_python(["-m", "service.engine"], hidden)
    assert ran.returncode == 2
    lines = [line for line in ran.stderr.splitlines() if line.startswith("digits:")]
    assert lines == ["digits: DIGITS_DEVICE=gpu, but TensorFlow finds no GPU (are the CUDA libraries installed?)"]
    assert "Traceback" not in ran.stderr


def test_a_bad_setting_is_named_before_tensorflow_is_loaded() -> None:
    ran = run_python(["-X", "importtime", "-m", "service.engine"], {"DIGITS_MAX_BATCH_SIZE": "many"})
    assert ran.returncode == 2
    assert "digits: DIGITS_MAX_BATCH_SIZE: " in ran.stderr
    assert "tensorflow" not in ran.stderr


def test_without_models_the_engine_runs_and_says_so(tmp_path: Path) -> None:
    with Engine.started(tmp_path / "none") as engine, engine.connect() as peer:
        pong = peer.ping()
        assert not pong.ready
        assert pong.catalogue is not None
        assert pong.catalogue.versions == ()
        (event,) = engine.events("no_models")
        assert event["level"] == "error"
        assert str(tmp_path / "none") in event["models_dir"]
        assert peer.refusal(peer.send("toy", 1, bytes(784))).reason == "unknown_version"
