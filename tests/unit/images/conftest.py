"""What the tests of picture reading share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def silent(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Fails the test if anything, C libraries included, wrote to stdout or stderr."""
    yield
    written = capfd.readouterr()
    assert written.out == ""
    assert written.err == ""
