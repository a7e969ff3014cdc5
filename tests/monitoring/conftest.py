"""Debian's Prometheus."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture(scope="session")
def promtool() -> str:
    return _found("promtool")


@pytest.fixture(scope="session")
def prometheus() -> str:
    return _found("prometheus")


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is missing; it is in Debian's package prometheus")
    return path
