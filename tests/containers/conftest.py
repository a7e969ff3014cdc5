"""The images built once and the containers started once, in a copy of the checkout; and what was measured on the way.

Building takes minutes and an engine, so tests marked `containers` run only when they are asked for: `make test-containers`.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import dockerfile
from tests.containers.compose_file import MAIN, ROOT, variables
from tests.containers.engine import Project, inspect, require_engine, require_image

FIGURES = pytest.StashKey[dict[str, str]]()
COPIED = ("architectures", "service", "training", "requirements", "monitoring", "models")
FILES = ("Dockerfile", ".dockerignore", "docker-compose.yml")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what builds and starts containers, unless the marker is named in `-m`."""
    if "containers" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("containers")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was measured."""
    if config.stash[FIGURES]:
        terminalreporter.section("measured")
    for name, value in config.stash[FIGURES].items():
        terminalreporter.write_line(f"{name:<48} {value}")


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> dict[str, str]:
    """What is measured, by name; printed at the end."""
    return request.config.stash[FIGURES]


@pytest.fixture(scope="session")
def user() -> int:
    """Whom the models belong to: whoever runs this, but never root."""
    return os.getuid() or 1000


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, user: int) -> Iterator[Project]:
    """Nothing built yet and nothing started; nothing left afterwards."""
    require_engine()
    defaults = dockerfile.read()[0] | variables(MAIN)
    for name in ("BASE_IMAGE", "PROMETHEUS_IMAGE"):
        require_image(os.environ.get(name) or str(defaults[name]))
    checkout = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__", ".staging-*"))
    for name in FILES:
        shutil.copy2(ROOT / name, checkout)
    give_to(user, checkout / "models")
    settings = {
        "GRAFANA_ADMIN_PASSWORD": secrets.token_urlsafe(),
        "DIGITS_UID": str(user),
        "DIGITS_GID": str(user),
        # The engine chooses free ones.
        "DIGITS_PORT": "0",
        "PROMETHEUS_PORT": "0",
    }
    project = Project(checkout, settings)
    try:
        yield project
    finally:
        project.end()
    assert not project.remains()


@pytest.fixture(scope="session")
def images(project: Project, figures: dict[str, str]) -> Project:
    """Both built."""
    for target in ("service", "training"):
        figures[f"{target}: build, with whatever was cached"] = f"{project.build(target):.1f} s"
        size_bytes = inspect("image", project.image(target))["Size"]
        figures[f"{target}: size of the image"] = f"{size_bytes / 1e6:,.0f} MB"
    return project


def give_to(user: int, directory: Path) -> None:
    """Make everything in it the user's. Only root can, and only root has to."""
    if os.getuid() == 0:
        for path in (directory, *directory.rglob("*")):
            os.chown(path, user, user)
