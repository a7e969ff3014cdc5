from __future__ import annotations

import platform
import subprocess
from typing import TYPE_CHECKING

import keras
import pytest
import tensorflow as tf

from training.provenance import git_commit, libraries

if TYPE_CHECKING:
    from pathlib import Path


def git(directory: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A. Tester", "-c", "user.email=tester@example.org"]
    command = ["git", "-C", str(directory), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("one = 1\n")
    git(tmp_path, "add", ".")
    return tmp_path


def test_outside_git(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None


def test_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert git_commit(repository) is None


def test_before_the_first_commit(repository: Path) -> None:
    assert git_commit(repository) is None


def test_a_clean_tree(repository: Path) -> None:
    git(repository, "commit", "--quiet", "--message", "Begin")
    assert git_commit(repository) == git(repository, "rev-parse", "HEAD")


@pytest.mark.parametrize("name", ["code.py", "new.py"])
def test_a_tree_that_differs(repository: Path, name: str) -> None:
    git(repository, "commit", "--quiet", "--message", "Begin")
    (repository / name).write_text("two = 2\n")
    assert git_commit(repository) == git(repository, "rev-parse", "HEAD") + "-dirty"


def test_published_models_are_no_difference(repository: Path) -> None:
    git(repository, "commit", "--quiet", "--message", "Begin")
    (repository / "models" / "cnn" / "1").mkdir(parents=True)
    (repository / "models" / "cnn" / "1" / "saved_model.pb").write_bytes(b"graph")
    assert git_commit(repository) == git(repository, "rev-parse", "HEAD")


def test_libraries() -> None:
    assert libraries()["python"] == platform.python_version()
    assert libraries()["keras"] == keras.__version__
    assert libraries()["tensorflow"] == tf.__version__


def test_where_there_is_no_repository_the_build_has_said_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITS_GIT_COMMIT", "0123abc")
    assert git_commit(tmp_path) == "0123abc"
    monkeypatch.setenv("DIGITS_GIT_COMMIT", "unknown")  # an image that was built without saying
    assert git_commit(tmp_path) is None
    monkeypatch.setenv(
        "DIGITS_GIT_COMMIT", "v1.2"
    )  # whoever builds may call it by a tag, and is not kept from training
    assert git_commit(tmp_path) == "v1.2"


def test_a_repository_knows_better(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(repository, "commit", "--quiet", "--message", "Begin")
    monkeypatch.setenv("DIGITS_GIT_COMMIT", "0123abc")
    assert git_commit(repository) == git(repository, "rev-parse", "HEAD")
