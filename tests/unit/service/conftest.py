"""What the tests of the service share: settings of their own, a tiny engine, a client in a loop of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service import settings as service_settings
from service.catalogue import ModelVersion
from service.settings import Settings
from tests.unit.service.site import Site, serving
from tests.unit.service.tiny_engine import CARD, CNN, TinyEngine

MakeSettings = Callable[..., Settings]

# What the engine of `site` serves: one model to ask, and one of each kind that cannot be.
VERSIONS = (
    CNN,
    ModelVersion("cnn", 2, "loading"),
    ModelVersion("broken", 1, "failed", "saved_model.pb does not have the SHA-256 that its card states"),
    ModelVersion("coming", 1, "loading"),
    ModelVersion("arrays", 1, "available", None, {"labels": CARD["labels"], "input": {"shape": [4, 5, 3]}}),
    ModelVersion("letters", 1, "available", None, {**CARD, "labels": [*"abcdefghij"]}),
    ModelVersion("short", 1, "available", None, {**CARD, "labels": []}),
)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the shell that runs the tests has set."""
    for name in list(os.environ):
        if name.upper().startswith(service_settings.PREFIX) or name == "PROMETHEUS_MULTIPROC_DIR":
            monkeypatch.delenv(name)


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeSettings:
    """Settings whose run directory is the test's own, and whose heartbeat is quick."""

    def make(**overrides: object) -> Settings:
        return service_settings.load(**{"run_dir": tmp_path, "engine_heartbeat_seconds": 0.02, **overrides})

    return make


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings()


@pytest.fixture
def engine(settings: Settings) -> Iterator[TinyEngine]:
    with TinyEngine(settings.endpoint) as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Shared by a file's tests, which leave it as they find it."""
    run_dir = tmp_path_factory.mktemp("site")
    settings = service_settings.load(
        run_dir=run_dir, max_body_bytes=400 * 784, max_pictures=400, queue_limit=1000, max_pixels=1_000_000
    )
    with TinyEngine(settings.endpoint, *VERSIONS) as engine, serving(settings, engine) as made:
        yield made


@pytest.fixture
def own_site(settings: Settings, engine: TinyEngine) -> Iterator[Site]:
    """A test's own, for those that make the engine misbehave."""
    with serving(settings, engine) as made:
        yield made
