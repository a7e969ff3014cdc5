from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.run_directory import RunDirectory, RunDirectoryTakenError
from service.settings import Settings, load


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(run_dir=tmp_path / "of" / "a service")


def test_it_is_made_for_oneself_alone_and_goes_without_a_trace(settings: Settings) -> None:
    directory = RunDirectory.take(settings)
    assert directory.path == settings.run_path
    assert settings.metrics_path.is_dir()
    assert settings.run_path.stat().st_mode & 0o777 == 0o700
    (settings.metrics_path / "counter_1.db").touch()
    for left in ("engine-0.sock", "unloaded-engine-0.json", "draining"):
        (settings.run_path / left).touch()
    directory.release()
    assert not settings.run_path.exists()
    assert settings.run_path.parent.is_dir()


def test_metrics_of_an_earlier_service_are_cleared(settings: Settings) -> None:
    settings.metrics_path.mkdir(parents=True)
    (settings.metrics_path / "counter_1.db").touch()
    directory = RunDirectory.take(settings)
    assert list(settings.metrics_path.iterdir()) == []
    directory.release()


def test_files_that_are_not_its_own_stay(settings: Settings) -> None:
    settings.run_path.mkdir(parents=True)
    (settings.run_path / "notes.txt").write_text("mine")
    RunDirectory.take(settings).release()
    assert [path.name for path in settings.run_path.iterdir()] == ["notes.txt"]
    assert (settings.run_path / "notes.txt").read_text() == "mine"


def test_a_second_service_is_refused_and_harms_nothing(settings: Settings) -> None:
    directory = RunDirectory.take(settings)
    (settings.metrics_path / "counter_1.db").touch()
    with pytest.raises(RunDirectoryTakenError, match="DIGITS_PORT or DIGITS_RUN_DIR"):
        RunDirectory.take(settings)
    assert (settings.metrics_path / "counter_1.db").exists()
    directory.release()
    RunDirectory.take(settings).release()


def test_so_is_another_process(settings: Settings) -> None:
    directory = RunDirectory.take(settings)
    ran = subprocess.run(
        [sys.executable, "-m", "service"],
        env={**os.environ, "DIGITS_RUN_DIR": str(settings.run_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("digits: a service with run directory ")
    directory.release()


def test_the_lock_ends_with_its_process(settings: Settings) -> None:
    code = (
        "from service import settings, run_directory as r; r.RunDirectory.take(settings.load()); import os; os._exit(1)"
    )
    environment = {**os.environ, "DIGITS_RUN_DIR": str(settings.run_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert (settings.run_path / "lock").exists()
    RunDirectory.take(settings).release()


def test_a_directory_that_cannot_be_made(settings: Settings) -> None:
    settings.run_path.parent.mkdir(parents=True)
    settings.run_path.write_text("a file is in the way")
    with pytest.raises(RunDirectoryTakenError, match="cannot be made: File exists; name another one in DIGITS_RUN_DIR"):
        RunDirectory.take(settings)


def test_a_directory_of_another_user_is_not_taken(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.run_path.mkdir(parents=True)
    somebody_else = settings.run_path.stat().st_uid + 1
    monkeypatch.setattr(os, "getuid", lambda: somebody_else)
    with pytest.raises(RunDirectoryTakenError, match="belongs to another user; name another one in DIGITS_RUN_DIR"):
        RunDirectory.take(settings)
    assert list(settings.run_path.iterdir()) == []
