"""One engine process, a real one with a tiny engine in it: buried, killed and started again, by a clock turned by hand."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from service.engine_process import COMMAND, EngineProcess
from service.settings import Settings
from tests.processes import ROOT, eventually, is_stopped
from tests.unit.service.conftest import MakeSettings

ANSWERS = """
import signal, sys
from service import settings
from tests.unit.service.tiny_engine import TinyEngine
with TinyEngine(settings.load().endpoint):
    signal.pause()
"""
NEVER_ANSWERS = "import signal\nsignal.pause()"
WRITES_HANG_UPS = """
import pathlib, signal, sys
from service import settings
directory = settings.load().run_path
signal.signal(signal.SIGHUP, lambda *_: (directory / "hung-up").touch())
(directory / "up").touch()
while True:
    signal.pause()
"""


SPEAKS = """
import os, signal
from service import logs, settings
logs.configure(settings.load(log_format="json", log_level="info"), "engine")
logs.get("service.test").info("engine_ready")
os.write(2, b"I0000 00:00:1.5  7 port.cc:1] plain\\n")
os.write(2, b"F0000 00:00:1.6  7 gpu.cc:1] the last words")
os.kill(os.getpid(), signal.SIGKILL)
"""


def ends_with(status: int) -> str:
    return f"raise SystemExit({status})"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@contextmanager
def running(settings: Settings, code: str, clock: Callable[[], float], index: int = 0) -> Iterator[EngineProcess]:
    engine = EngineProcess(settings, index, [sys.executable, "-c", code], clock)
    engine.start()
    try:
        yield engine
    finally:
        if engine.pid is not None:
            os.kill(engine.pid, signal.SIGKILL)
        engine.stop(60.0)


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings(
        engine_heartbeat_seconds=1.0,
        engine_timeout_seconds=5.0,
        engine_start_seconds=100_000.0,
        restart_backoff_seconds=0.5,
        restart_backoff_limit_seconds=30.0,
    )


def restarts() -> float:
    return REGISTRY.get_sample_value("digits_engine_restarts_total") or 0.0


def buried(engine: EngineProcess) -> bool:
    engine.look()
    return engine.pid is None


def has_answered(engine: EngineProcess, clock: Clock) -> bool:
    """Lets a heartbeat pass with every look: an engine that is not there yet hears nothing of one that was sent."""
    clock.seconds += 1.0
    engine.look()
    assert engine._pulse is not None
    return engine._pulse.has_answered


def started_anew(engine: EngineProcess, clock: Clock, pause_seconds: float) -> None:
    """It is started once its pause is over, and not before."""
    clock.seconds += pause_seconds - 0.01
    engine.look()
    assert engine.pid is None
    assert engine.due_seconds == pytest.approx(clock.seconds + 0.01)
    clock.seconds += 0.02
    engine.look()
    assert engine.pid is not None


def test_the_engine_itself_is_what_is_started_by_default() -> None:
    assert (sys.executable, "-m", "service.engine") == COMMAND


@pytest.mark.parametrize("status", [0, 1, 3])
def test_one_that_ends_is_started_again_after_a_pause_that_doubles(
    settings: Settings, clock: Clock, status: int
) -> None:
    before = restarts()
    with running(settings, ends_with(status), clock) as engine:
        for deaths, pause_seconds in enumerate((0.5, 1.0, 2.0), start=1):
            eventually(lambda: buried(engine))
            assert restarts() == before + deaths
            started_anew(engine, clock, pause_seconds)


def test_one_that_has_lived_well_starts_the_pauses_anew(settings: Settings, clock: Clock) -> None:
    with running(settings, NEVER_ANSWERS, clock) as engine:
        for lived_seconds, pause_seconds in ((1.0, 0.5), (1.0, 1.0), (60.0, 0.5)):
            clock.seconds += lived_seconds
            assert engine.pid is not None
            os.kill(engine.pid, signal.SIGKILL)
            eventually(lambda: buried(engine))
            started_anew(engine, clock, pause_seconds)


def test_out_of_memory_is_said_as_such(settings: Settings, clock: Clock, capfd: pytest.CaptureFixture[str]) -> None:
    with running(settings, ends_with(3), clock) as engine:
        eventually(lambda: buried(engine))
    said = capfd.readouterr()
    assert "engine_out_of_memory" in said.out + said.err


def test_one_that_cannot_start_is_not_started_again(settings: Settings, clock: Clock) -> None:
    before = restarts()
    with running(settings, ends_with(2), clock) as engine:
        eventually(lambda: buried(engine))
        assert engine.cannot_start
        assert engine.due_seconds is None
        clock.seconds += 10_000
        engine.look()
        assert engine.pid is None
    assert restarts() == before


def test_one_that_answers_lives_and_one_that_stops_answering_is_killed(settings: Settings, clock: Clock) -> None:
    before = restarts()
    with running(settings, ANSWERS, clock) as engine:
        eventually(lambda: has_answered(engine, clock))
        pid = engine.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        eventually(lambda: is_stopped(pid))
        clock.seconds += 1.0
        engine.look()  # takes in what it said before, and asks
        clock.seconds += 1.0
        engine.look()
        assert engine.pid == pid
        clock.seconds += 5.0
        assert buried(engine)
        assert restarts() == before + 1
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        started_anew(engine, clock, 0.5)
        assert engine.pid != pid
        # It has not said anything yet, and what the last one did not say is not held against it.
        clock.seconds += 50.0
        engine.look()
        eventually(lambda: has_answered(engine, clock))


def test_one_that_never_answers_has_the_time_of_a_start_and_no_more(make_settings: MakeSettings, clock: Clock) -> None:
    with running(make_settings(engine_start_seconds=100.0), NEVER_ANSWERS, clock) as engine:
        for _ in range(99):
            clock.seconds += 1.0
            engine.look()
        assert engine.pid is not None
        clock.seconds += 1.0
        engine.look()
        assert engine.pid is None


def test_it_knows_which_of_several_it_is_and_hears_when_it_is_to_look(
    make_settings: MakeSettings, clock: Clock, tmp_path: Path
) -> None:
    settings = make_settings(engines=3)
    code = (
        f"import os, pathlib\npathlib.Path({str(tmp_path / 'index')!r}).write_text(os.environ['DIGITS_ENGINE_INDEX'])\n"
    )
    with running(settings, code + WRITES_HANG_UPS, clock, index=2) as engine:
        eventually((tmp_path / "up").exists)
        assert (tmp_path / "index").read_text() == "2"
        engine.hang_up()
        eventually((tmp_path / "hung-up").exists)


def test_one_that_is_told_to_look_before_it_can_hear_lives(settings: Settings, clock: Clock) -> None:
    with running(settings, ANSWERS, clock) as engine:
        pid = engine.pid
        engine.hang_up()  # the interpreter has hardly started
        eventually(lambda: has_answered(engine, clock))
        assert engine.pid == pid


def test_stopped_it_has_ended(settings: Settings, clock: Clock) -> None:
    with running(settings, ANSWERS, clock) as engine:
        pid = engine.pid
        assert pid is not None
        engine.stop(60.0)
        assert engine.pid is None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        engine.stop(60.0)
        engine.hang_up()


def test_what_its_libraries_write_is_logged_and_what_it_logs_goes_past_us(
    settings: Settings, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    with running(settings, SPEAKS, clock) as engine, capture_logs() as lines:
        eventually(lambda: buried(engine))
        assert engine.descriptors == []
    texts = [line["text"].rpartition("] ")[2] for line in lines if line["event"] == "engine_stderr"]
    assert texts == ["plain", "the last words"]
    assert [line["event"] for line in lines][-1] == "engine_died"  # after its last words
    (own,) = capfd.readouterr().err.splitlines()
    assert json.loads(own)["event"] == "engine_ready"
