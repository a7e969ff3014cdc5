"""Docker and Compose as found on this machine, driven by their command lines."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

PATIENCE_SECONDS = 3600.0
"""A first build fetches half a gigabyte of packages and takes them apart."""


def run(command: Sequence[str], *, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> str:
    """What the command writes to stdout.

    :raise AssertionError: it failed; the message holds all it said.
    """
    ran = attempt(command, environment=environment, folder=folder)
    assert ran.returncode == 0, f"{' '.join(command)}\n{ran.stdout[-4000:]}{ran.stderr[-4000:]}"
    return ran.stdout


def attempt(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, whatever that is."""
    return subprocess.run(
        command,
        env=None if environment is None else dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def compose_programs() -> list[list[str]]:
    """Every compose program on this machine, the one to be preferred first."""
    found = []
    if shutil.which("docker") and attempt(["docker", "compose", "version"]).returncode == 0:
        found.append(["docker", "compose"])
    if shutil.which("docker-compose"):
        found.append(["docker-compose"])
    return found


def require_engine() -> None:
    """Skip the test unless there is a Docker engine and a compose program."""
    if shutil.which("docker") is None:
        pytest.skip("there is no docker")
    ran = attempt(["docker", "info", "--format", "{{.ServerVersion}}"])
    if ran.returncode != 0:
        pytest.skip(f"no Docker engine answers: {ran.stderr.strip()}")
    if not compose_programs():
        pytest.skip("there is neither docker compose nor docker-compose")


def require_image(name: str) -> None:
    """Skip the test unless the image is here or can be pulled."""
    if attempt(["docker", "image", "inspect", name]).returncode == 0:
        return
    ran = attempt(["docker", "pull", "--quiet", name])
    if ran.returncode != 0:
        pytest.skip(f"{name} is not here and cannot be pulled: {ran.stderr.strip()}")


def inspect(kind: str, name: str) -> dict[str, Any]:
    """What the engine knows of one `image` or `container`."""
    (found,) = json.loads(run(["docker", kind, "inspect", name]))
    return dict(found)


class Project:
    """One compose project in a copy of the checkout, under a name and with tags that nobody else has."""

    def __init__(self, checkout: Path, settings: Mapping[str, str]) -> None:
        self.checkout = checkout
        self.name = f"digits-test-{secrets.token_hex(4)}"
        self.environment = {**os.environ, "DIGITS_TAG": self.name, **settings}
        self._program = compose_programs()[0]

    def image(self, target: str) -> str:
        return f"digits-{target}:{self.name}"

    def compose(self, *words: str) -> str:
        """Run compose with these words; what it writes to stdout."""
        return run(self._command(words), environment=self.environment, folder=self.checkout)

    def attempt(self, *words: str) -> subprocess.CompletedProcess[str]:
        return attempt(self._command(words), environment=self.environment, folder=self.checkout)

    def _command(self, words: Sequence[str]) -> list[str]:
        return [*self._program, "--project-name", self.name, *words]

    def build(self, target: str) -> float:
        """Build one image; the seconds that it took."""
        began_seconds = time.monotonic()
        self.compose("--profile", "training", "build", target)
        return time.monotonic() - began_seconds

    def container(self, service: str) -> dict[str, Any]:
        return inspect("container", self.compose("ps", "--all", "--quiet", service).split()[0])

    def address(self, service: str, port: int) -> str:
        """Where a published port can be asked from here."""
        return f"http://{self.compose('port', service, str(port)).strip()}"

    def remains(self) -> list[str]:
        """Containers, networks, volumes and images that are left of the project."""
        ours = f"label=com.docker.compose.project={self.name}"
        found = []
        for kind in ("container", "network", "volume"):
            every = ["--all"] if kind == "container" else []
            found += run(["docker", kind, "ls", *every, "--quiet", "--filter", ours]).split()
        return found + run(["docker", "image", "ls", "--quiet", "--filter", f"reference=digits-*:{self.name}"]).split()

    def end(self) -> None:
        """Stop and remove all of it, the images too. What was cached while building stays the engine's."""
        self.attempt("--profile", "training", "down", "--volumes", "--remove-orphans")
        attempt(["docker", "image", "rm", "--force", self.image("service"), self.image("training")])
