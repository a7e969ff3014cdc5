"""Where a version comes from: the commit of the code, and the libraries it ran on."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from training.settings import read_settings

CODE = Path(__file__).resolve().parent.parent


def git_commit(directory: Path = CODE) -> str | None:
    """The commit that is checked out in `directory`, with `-dirty` when files differ from it.

    Published models do not count: they are results, and training a second model does not change the code that made
    the first. Outside a git repository, without git, and before the first commit it is what `DIGITS_GIT_COMMIT` says,
    which the training image has from its build; or None.
    """
    commit = _git(directory, "rev-parse", "--verify", "HEAD")
    if commit is None:
        stated = read_settings().git_commit
        return None if stated == "unknown" else stated
    changes = _git(directory, "status", "--porcelain", "--", ".", ":(exclude)models")
    return f"{commit}-dirty" if changes else commit


def libraries() -> dict[str, str]:
    """The versions of Python and of every library that has a say in the weights."""
    return {"python": platform.python_version(), "keras": version("keras"), "numpy": version("numpy")} | _tensorflow()


def _tensorflow() -> dict[str, str]:
    import tensorflow as tf  # asked itself: its distribution has one name with a GPU and another without

    return {"tensorflow": tf.__version__}


def _git(directory: Path, *arguments: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", "-C", str(directory), *arguments], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None
