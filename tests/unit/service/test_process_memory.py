from __future__ import annotations

import sys

import numpy as np
import pytest
from prometheus_client import REGISTRY

from service import process_memory


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell in /proc")
def test_memory_is_what_the_process_really_holds() -> None:
    def measured() -> float:
        process_memory.measure("worker")
        found = REGISTRY.get_sample_value("digits_resident_memory_bytes", {"role": "worker"})
        assert found is not None
        return found

    before = measured()
    held = np.ones(64 << 20, np.uint8)
    assert 0.9 * held.nbytes <= measured() - before <= 1.5 * held.nbytes
