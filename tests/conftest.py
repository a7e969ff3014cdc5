"""What every test starts from: no setting of the person who runs them reaches what is tested.

Where this machine keeps data sets stays: that is no setting of what is tested.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import hypothesis
import pytest

# The same examples in every run: what fails, fails for whoever broke it. `HYPOTHESIS_PROFILE=explore` looks for new
# ones. How long an example takes, or takes to make, says nothing on a busy machine.
hypothesis.settings.register_profile("any", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile(
    "repeatable", hypothesis.settings.get_profile("any"), max_examples=50, derandomize=True
)
hypothesis.settings.register_profile("explore", hypothesis.settings.get_profile("any"), max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# A shell that runs this in the background has Ctrl-C ignored, here and in every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

_LONG = ("tests/unit/tooling", "tests/unit/benchmarks")
_KEPT = {"DIGITS_DATA_DIR", "DIGITS_CACHE_DIR"}


@pytest.fixture(scope="session", autouse=True)
def _without_settings_of_ones_own() -> Iterator[None]:
    """For the session, so that services started by fixtures of any scope are covered too."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("DIGITS_") and name not in _KEPT]:
            patch.delenv(name)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes goes first: several files run at once, and at the end nobody is to wait for one of them."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))
